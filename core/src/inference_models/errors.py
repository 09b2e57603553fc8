"""Every error this library raises on purpose.

A message says what happened, why, and what to do next. Secrets never appear in one: URLs are passed
through `redact_url` first. The hierarchy, top to bottom:

    BaseInferenceModelsError
      InvalidParameterError             an argument has a wrong value or a wrong name
      InvalidEnvVariable                an environment variable has a value that cannot be used
      InvalidPolicyError                the policy file cannot be used, so nothing is done without it
      PolicyViolationError              the policy forbids what was asked for
      MissingDependencyError            an optional Python package is needed and absent
      ModelInputError                   the image (or other input) cannot be used
      ModelRuntimeError                 a loaded model cannot run
        SessionClosedError              it was closed before
      PluginError                       something is wrong with the installed plugins
        PluginLoadError                 one could not be loaded (only raised when plugins are strict)
        PluginConflictError             two declare the same key, and the key was asked for
      BackendUnavailable                a backend plugin's verdict: this machine cannot run it
      DeviceUnavailableError            the device that was asked for cannot be had
      ModelRetrievalError               the weights provider gave no usable metadata or files
        ModelNotFoundError              it has no model with this id
        UnauthorizedModelAccessError    it asks for a (valid) API key
        PaymentRequiredModelAccessError it asks for payment
        ForbiddenModelAccessError       the key may not use this model
        UsagePausedModelAccessError     the account's usage is paused
        RetryError                      a server kept failing until all tries were used up
        OfflineModeError                the network is needed and switched off
        WeightsProviderNotFoundError    no installed plugin declares the provider
        UntrustedFileError              a file came without the hash that would prove it
        FileHashSumMismatch             a file is not what its provider promised
      ModelPackageNegotiationError      no package can be chosen
        UnknownBackendTypeError         no installed plugin declares the backend that was asked for
        UnknownQuantizationError        the quantization that was asked for does not exist
        InvalidRequestedBatchSizeError  the batch size that was asked for makes no sense
        NoModelPackagesAvailableError   every package was rejected; the message has each reason
        AmbiguousModelPackageResolutionError  two packages have the id that was asked for
      ModelCompilationError             a package cannot be made into one of another backend
      ModelLoadingError                 a chosen package does not load
        CorruptedModelPackageError      its files are missing, truncated or contradict each other
        ModelImplementationNotFoundError  no installed plugin implements the model
        ForbiddenLocalCodePackageAccessError  its own code would run, and that is not allowed
        DirectLocalStorageAccessError   it was named by a path, and that is not allowed
        ModelPackageAlternativesExhaustedError  every candidate failed; `alternatives_errors` has all
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar
from urllib.parse import urlsplit, urlunsplit

# The one place that knows where the documentation is published.
DOCUMENTATION_URL = "https://inference-models-plugins.readthedocs.io/en/latest"


class BaseInferenceModelsError(Exception):
    """Base of all errors raised on purpose.

    Attributes:
        message: what happened, why, and what to do next.
        help_url: the page that explains this kind of error.
    """

    def __init__(self, message: str, help_url: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.help_url = help_url or f"{DOCUMENTATION_URL}/reference/errors/#{_documented(type(self)).lower()}"

    def __str__(self) -> str:
        return self.message


class InvalidParameterError(BaseInferenceModelsError):
    """An argument has a value that cannot be used, or a name that nothing accepts."""


class InvalidEnvVariable(BaseInferenceModelsError):  # noqa: N818 (the peer's public name)
    """An environment variable has a value that cannot be used."""


class InvalidPolicyError(BaseInferenceModelsError):
    """The file that `INFERENCE_MODELS_POLICY` names cannot be used. Nothing is loaded until it can."""


class PolicyViolationError(BaseInferenceModelsError):
    """The policy in force forbids what was asked for. The message names the file and the key."""


class MissingDependencyError(BaseInferenceModelsError):
    """An optional Python package is needed for what was asked and is not installed."""


class ModelInputError(BaseInferenceModelsError):
    """The image (or other input) cannot be used: wrong type, shape, dtype or value range."""


class ModelRuntimeError(BaseInferenceModelsError):
    """A loaded model cannot run."""


class SessionClosedError(ModelRuntimeError):
    """A model or session was used after `close()`."""


class PluginError(BaseInferenceModelsError):
    """Something is wrong with the installed plugins."""


class PluginLoadError(PluginError):
    """A plugin failed to load. Raised only under `INFERENCE_MODELS_STRICT_PLUGINS=1`."""


class PluginConflictError(PluginError):
    """Two distributions declare the same key, and that key was asked for."""


class BackendUnavailable(BaseInferenceModelsError):  # noqa: N818 (reads as the verdict it is)
    """This machine cannot run a backend. Raised by a backend's `detect`, shown by reports.

    Attributes:
        reason: why, in a few words, for example "onnxruntime is not installed".
        fix: what to do about it, for example "pip install onnxruntime"; None when nothing helps.
    """

    def __init__(self, reason: str, fix: str | None = None, help_url: str | None = None) -> None:
        super().__init__(f"{reason}. To fix it: {fix}" if fix else reason, help_url)
        self.reason = reason
        self.fix = fix


class DeviceUnavailableError(BaseInferenceModelsError):
    """The device or execution provider that was asked for cannot be had."""


class ModelRetrievalError(BaseInferenceModelsError):
    """The weights provider gave no usable metadata or files."""


class ModelNotFoundError(ModelRetrievalError):
    """The weights provider has no model with this id."""


class UnauthorizedModelAccessError(ModelRetrievalError):
    """The weights provider asks for an API key, or refuses the one that was given."""


class PaymentRequiredModelAccessError(ModelRetrievalError):
    """The weights provider asks for payment before it gives this model."""

    status_code: ClassVar[int] = 402


class ForbiddenModelAccessError(ModelRetrievalError):
    """The API key that was given may not use this model."""

    status_code: ClassVar[int] = 403


class UsagePausedModelAccessError(ModelRetrievalError):
    """The usage of the account behind the API key is paused."""

    status_code: ClassVar[int] = 423


class RetryError(ModelRetrievalError):
    """A server kept failing, or could not be reached, until all tries were used up."""


class OfflineModeError(ModelRetrievalError):
    """The network is needed and `INFERENCE_MODELS_OFFLINE` has switched it off."""


class WeightsProviderNotFoundError(ModelRetrievalError):
    """No installed plugin declares the weights provider that was asked for."""


class UntrustedFileError(ModelRetrievalError):
    """A file came without the hash that would prove what it is."""


class FileHashSumMismatch(ModelRetrievalError):  # noqa: N818 (the peer's public name, spelled right)
    """A file is not the one its provider promised."""


class ModelPackageNegotiationError(BaseInferenceModelsError):
    """No model package can be chosen."""


class UnknownBackendTypeError(ModelPackageNegotiationError):
    """The backend that was asked for is declared by no installed plugin."""


class UnknownQuantizationError(ModelPackageNegotiationError):
    """The quantization that was asked for does not exist."""


class InvalidRequestedBatchSizeError(ModelPackageNegotiationError):
    """The batch size that was asked for makes no sense."""


class NoModelPackagesAvailableError(ModelPackageNegotiationError):
    """Every package of the model was rejected. The message lists each with its reason."""


class AmbiguousModelPackageResolutionError(ModelPackageNegotiationError):
    """More than one package has the id that was asked for."""


class ModelCompilationError(BaseInferenceModelsError):
    """A package cannot be made into one of another backend."""


class ModelLoadingError(BaseInferenceModelsError):
    """A chosen package does not load."""


class CorruptedModelPackageError(ModelLoadingError):
    """A package's files are missing, truncated, malformed or contradict each other."""


class ModelImplementationNotFoundError(ModelLoadingError):
    """No installed plugin implements the model."""


class ForbiddenLocalCodePackageAccessError(ModelLoadingError):
    """A local package brings code of its own, and the caller has not allowed it to run."""


class DirectLocalStorageAccessError(ModelLoadingError):
    """A model was named by a path, and the caller allows ids only."""


class ModelPackageAlternativesExhaustedError(ModelLoadingError):
    """Every candidate package failed to load.

    Attributes:
        alternatives_errors: the error of each candidate, best-ranked first.
    """

    def __init__(
        self,
        message: str,
        alternatives_errors: Sequence[Exception] = (),
        help_url: str | None = None,
    ) -> None:
        super().__init__(message, help_url)
        self.alternatives_errors = tuple(alternatives_errors)


def _documented(kind: type) -> str:
    """Return the name of the error that the reference page has a section for: `kind`, or what it derives from."""
    return next(base.__name__ for base in kind.__mro__ if base.__module__ == __name__)


def redact_url(url: str) -> str:
    """Return `url` without user info, query and fragment, the parts that can carry credentials."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # what cannot be taken apart cannot be redacted, and a message must still come out
        return "<malformed URL>"
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    netloc = f"{host}:{port}" if port else host
    return urlunsplit((parts.scheme, netloc, parts.path, "", ""))


def nearest_name(unknown: str, choices: Iterable[str]) -> str | None:
    """Return the one of `choices` that an unknown name most likely was to be; None when none is near.

    Names that only begin with the same words (`model_type`, `model_package_id`) are not near.
    """
    from difflib import get_close_matches  # only an error needs it

    lowered = unknown.lower()
    by_lower_case = {choice.lower(): choice for choice in reversed([*choices])}
    near = get_close_matches(lowered, by_lower_case, n=3, cutoff=0.6)
    return next((by_lower_case[name] for name in near if _differ_slightly(lowered, name)), None)


def _differ_slightly(first: str, second: str) -> bool:
    """Return whether two names are alike also after the words that both begin with."""
    from difflib import SequenceMatcher

    words, others = first.split("_"), second.split("_")
    while len(words) > 1 and len(others) > 1 and words[0] == others[0]:
        words, others = words[1:], others[1:]
    return SequenceMatcher(None, "_".join(words), "_".join(others)).ratio() >= 0.45


def describe_choices(unknown: str, choices: Sequence[str]) -> str:
    """Return "Did you mean 'x'? Known: ..." for an unknown name, or a line saying nothing is known."""
    if not choices:
        return "None is known."
    guess = nearest_name(unknown, choices)
    known = ", ".join(sorted(set(choices)))
    return f"Did you mean {guess!r}? Known: {known}." if guess else f"Known: {known}."
