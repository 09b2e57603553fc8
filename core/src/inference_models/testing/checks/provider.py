"""What every weights provider keeps to: true answers, clear refusals, and honesty about the network."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from inference_models.configuration import API_CALLS_MAX_TRIES, OFFLINE
from inference_models.errors import BaseInferenceModelsError, ModelNotFoundError, ModelRetrievalError
from inference_models.metadata import ModelMetadata
from inference_models.testing.checks.findings import Finding, NotChecked
from inference_models.testing.checks.provider_subject import ProviderSubject, answer_of, connections, variables

STRANGE_IDS = (
    "../../../etc/passwd",
    "a/../../b",
    "no such model?&key=value#part",
    "%2e%2e%2fetc",
    "\u2603",
    "x" * 999,
)
"""What nobody has as a model, and what a careless provider takes for a path or a part of an address."""

WRONG_KEY = "a-key-of-nobody-7d20"


def check_metadata(provider: ProviderSubject) -> None:
    """The model's metadata names packages that can be told apart, read and, where they lie on disk, found."""
    metadata = provider.metadata
    if metadata.unreadable_packages:
        one = metadata.unreadable_packages[0]
        raise Finding(
            f"Package {one.package_id!r} of {provider.asked} cannot be understood: {one.reason}.",
            "Correct what the provider says about it, or install the plugin of its backend.",
        )
    if not metadata.model_packages:
        raise Finding(f"{provider.asked} has no packages.", "Name at least one, or raise ModelNotFoundError.")
    ids = list(metadata.package_ids())
    if doubled := sorted({name for name in ids if ids.count(name) > 1}):
        raise Finding(f"{provider.asked} has two packages {doubled[0]!r}.", "Give each package an id of its own.")
    for package in metadata.model_packages:
        if package.directory is not None and not (package.directory.is_absolute() and package.directory.exists()):
            raise Finding(
                f"Package {package.package_id!r} of {provider.asked} lies in {package.directory}, which "
                f"{'is not absolute' if package.directory.exists() else 'does not exist'}.",
                "Name an absolute path that exists, or list the files to fetch in package_artefacts.",
            )


def check_answers(provider: ProviderSubject) -> None:
    """Asked again, the provider describes the same model; only addresses of files may change."""
    first, again = provider.metadata, answer_of(provider, provider.asked_id, provider.api_key)
    for name, before, after in zip(_NAMES, _summary(first), _summary(again), strict=True):
        if before != after:
            raise Finding(
                f"Asked again for {provider.asked}, the provider states another {name}: {before!r}, then {after!r}.",
                "State the same for the same model: what was stored on disk is found again by these.",
            )


_NAMES = ("model_id", "architecture", "task type", "variant", "packages")


def _summary(metadata: ModelMetadata) -> tuple[Any, ...]:
    packages = [
        (
            package.package_id,
            package.backend,
            str(package.quantization),
            [(one.file_handle, one.md5_hash, one.sha256_hash, one.size) for one in package.package_artefacts],
        )
        for package in metadata.model_packages
    ]
    return metadata.model_id, metadata.model_architecture, metadata.task_type, metadata.model_variant, packages


def check_unknown_id(provider: ProviderSubject) -> None:
    """An id that the provider does not have is a ModelNotFoundError that names it."""
    error = _refusal(provider, provider.unknown_id)
    if not isinstance(error, ModelNotFoundError):
        raise Finding(
            f"Asked for {provider.unknown_id!r}, {provider} raises {type(error).__name__}: {error}",
            "Raise ModelNotFoundError for an id that there is not. Where a key is needed to know, state `api_key`.",
        )
    if provider.unknown_id not in error.message:
        raise Finding(
            f"The ModelNotFoundError of {provider} does not name the id {provider.unknown_id!r}: {error.message}",
            "Say in the message which model was asked for.",
        )


def check_strange_ids(provider: ProviderSubject) -> None:
    """Ids that look like paths or parts of an address are refused by one of the library's errors."""
    for model_id in STRANGE_IDS:
        error = _refusal(provider, model_id)
        if not isinstance(error, BaseInferenceModelsError):
            raise Finding(
                f"Asked for {model_id[:60]!r}, {provider} fails with {type(error).__name__}: {error}",
                "Refuse ids that cannot be the provider's with ModelNotFoundError before they become a path or a part "
                "of an address; quote what goes into an address.",
            )


def _refusal(provider: ProviderSubject, model_id: str) -> Exception:
    try:
        answer = provider.ask_itself(model_id, provider.api_key)
    except Exception as error:
        return error
    raise Finding(
        f"Asked for {model_id[:60]!r}, which nobody has, {provider} answers {type(answer).__name__}.",
        "Raise ModelNotFoundError, or state an `unknown_id` that it really does not have.",
    )


def check_listing(provider: ProviderSubject) -> None:
    """What the provider lists are ids as it takes them, the model's among them, and near ones are suggested."""
    listed = provider.listed
    for one in listed:
        if not isinstance(one, str) or not one or "://" in one:
            raise Finding(
                f"{provider} lists {one!r}, which is no id.", "List ids as text, as they are written behind the scheme."
            )
    if len(set(listed)) != len(listed):
        raise Finding(f"{provider} lists an id twice.", "List each id once.")
    provider.require_answer()
    if provider.asked_id not in listed:
        raise Finding(
            f"{provider} answers for {provider.asked_id!r} and does not list it.",
            "List every id that it answers for, or leave `list_models` out of the spec.",
        )
    misspelt = provider.asked_id + "x"
    error = None if misspelt in listed else _error_of_core(provider, misspelt)
    if isinstance(error, ModelNotFoundError) and repr(provider.asked_id) not in error.message:
        raise Finding(
            f"Asked for {misspelt!r}, {provider} does not suggest {provider.asked_id!r}: {error.message}",
            "Let the message of the ModelNotFoundError be; the core adds the ids that are listed and near.",
        )


def _error_of_core(provider: ProviderSubject, model_id: str) -> Exception | None:
    try:
        provider.ask(model_id, provider.api_key)
    except Exception as error:
        return error
    return None


def check_offline(provider: ProviderSubject) -> None:
    """The spec is honest about the network: with `works_offline` it answers without, else it says that it cannot."""
    provider.require_answer()
    with variables(**{OFFLINE.name: "1"}), connections() as noted:
        answer, error = _attempt(provider)
    if noted:
        raise Finding(
            f"Although {OFFLINE.name} is set, {provider} connects to {noted[0]}.",
            "Open no connection then: ask_api of inference_models.developer_tools sees to it, or raise "
            "OfflineModeError. "
            + (
                "Leave works_offline=True out of the spec if it needs a network." if provider.spec.works_offline else ""
            ),
        )
    _judge_without_network(provider, answer, error, f"With {OFFLINE.name}")


def check_unreachable_server(provider: ProviderSubject) -> None:
    """A server that cannot be reached is a ModelRetrievalError: no other error, and not a model that there is not."""
    provider.require_answer()
    with variables(**{OFFLINE.name: None, API_CALLS_MAX_TRIES.name: "1"}), connections():
        answer, error = _attempt(provider)
    _judge_without_network(provider, answer, error, "Without a connection")


def _attempt(provider: ProviderSubject) -> tuple[Any, Exception | None]:
    model_id = provider.asked_id
    try:
        return provider.ask_itself(model_id, provider.api_key), None
    except Exception as error:
        return None, error


def _judge_without_network(provider: ProviderSubject, answer: Any, error: Exception | None, when: str) -> None:
    said = f"{type(error).__name__}: {error}"
    if provider.spec.works_offline and not isinstance(answer, ModelMetadata):
        raise Finding(
            f"The spec of {provider} says works_offline=True. {when} it fails: {said}",
            "Answer from this machine alone, or leave works_offline=True out of the spec.",
        )
    if error is not None and (not isinstance(error, ModelRetrievalError) or isinstance(error, ModelNotFoundError)):
        raise Finding(
            f"{when}, {provider} fails for a model that it has with {said}",
            "Raise OfflineModeError where the network is switched off, and RetryError or ModelRetrievalError where a "
            "server does not answer.",
        )


def check_key_variable(provider: ProviderSubject) -> None:
    """Without `api_key=`, the key in the variable that the spec names does as well."""
    if provider.api_key is None:
        raise NotChecked("no api_key is stated")
    variable = provider.spec.api_key_variable
    if variable is None:
        raise Finding(
            f"{provider} takes a key, and its spec does not say which environment variable holds it.",
            "State api_key_variable in the WeightsProviderSpec: users of the command line have no other way.",
        )
    provider.require_answer()
    with variables(**{variable: provider.api_key}):
        answer, error = _attempt(provider.without_key)
    if not isinstance(answer, ModelMetadata):
        raise Finding(
            f"With the key in {variable} and api_key=None, {provider} fails: {type(error).__name__}: {error}",
            f"Read {variable} when api_key is None.",
        )
    # The answer may come from elsewhere: a provider that refuses a wrong key refuses one in its variable, too.
    if _attempt(evolve(provider, api_key=WRONG_KEY))[1] is None:
        return
    with variables(**{variable: WRONG_KEY}):
        answer, _ = _attempt(provider.without_key)
    if isinstance(answer, ModelMetadata):
        raise Finding(
            f"With a wrong key in {variable} and api_key=None, {provider} answers as with the right one.",
            f"Read {variable}, which api_key_variable of the spec names, and no other variable, when api_key is None.",
        )
