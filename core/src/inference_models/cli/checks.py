"""What `im doctor` looks into."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import frozen

from inference_models.catalog import Catalog
from inference_models.cli.notes import plugin_notes
from inference_models.configuration import POLICY, VARIABLES, Variable
from inference_models.environment import Environment
from inference_models.errors import BaseInferenceModelsError, InvalidEnvVariable, InvalidPolicyError
from inference_models.policy import current_policy
from inference_models.policy.exposure import exposures

# The existing library whose import package this one replaces: whichever is installed last overwrites the other's files.
_RIVAL_DISTRIBUTION = "inference-models"


@frozen
class Problem:
    """Something that is broken.

    Attributes:
        kind: "policy", "plugin", "conflict", "variable", "backend" or "installation".
        subject: what it is about, for example a distribution.
        message: what is wrong and what to do.
    """

    kind: str
    subject: str
    message: str


def policy_problems() -> Iterator[Problem]:
    """Yield why the policy cannot be used, or who could change it."""
    try:
        path = current_policy().path
    except InvalidPolicyError as error:
        yield Problem("policy", POLICY.name, error.message)
        return
    except InvalidEnvVariable:  # the check of the variables reports it
        return
    for exposure in [] if path is None else exposures(path):
        yield Problem(
            "policy",
            str(path),
            f"{exposure}. The rules are only as good as the file: keep it where others cannot write",
        )


def describe_policy() -> dict[str, Any] | None:
    """Return the policy in force: "file", "fingerprint", "rules" by their keys; None without one that can be used."""
    try:
        policy = current_policy()
    except (InvalidPolicyError, InvalidEnvVariable):
        return None
    if policy.path is None:
        return None
    return {"file": str(policy.path), "fingerprint": policy.fingerprint, "rules": policy.rules.stated()}


def catalog_problems(catalog: Catalog) -> Iterator[Problem]:
    """Yield what is wrong with the installed plugins."""
    for problem in catalog.problems:
        yield Problem("plugin", str(problem.plugin), f"{problem.stage}: {problem.message}")
    yield from _conflicts(catalog)


def environment_problems(environment: Environment) -> Iterator[Problem]:
    """Yield what is wrong here. A backend that this machine merely lacks is not; one whose detection fails is.

    Raises:
        InvalidEnvVariable: a setting keeps the environment from being looked at.
    """
    for status in environment.backends.values():
        if status.failed:
            yield Problem("backend", status.name, f"{status.reason}. To fix it: {status.fix}")
        warnings = status.facts.get("warnings")
        for warning in warnings if isinstance(warnings, list | tuple) else ():
            yield Problem("backend", status.name, str(warning))
    if _RIVAL_DISTRIBUTION in environment.installed:
        yield Problem(
            "installation",
            f"{_RIVAL_DISTRIBUTION} {environment.installed[_RIVAL_DISTRIBUTION]}",
            "it has the same import package, inference_models, as im-core: each overwrites files of the other. "
            f"Uninstall both, then install one: pip uninstall {_RIVAL_DISTRIBUTION} im-core",
        )


def _conflicts(catalog: Catalog) -> Iterator[Problem]:
    try:
        conflicts = catalog.conflicts()
    except InvalidEnvVariable:  # INFERENCE_MODELS_PREFER; the check of the variables reports it
        return
    for conflict in conflicts:
        yield Problem("conflict", conflict.key, f"{conflict}. {conflict.way_out}")


def describe_variables(catalog: Catalog) -> list[dict[str, Any]]:
    """Return the environment variables that are set.

    Each is "name", "value" (None when it is secret), "secret", "problem" (why it cannot be used) and "note" (what in it
    has no effect here).
    """
    own = {variable.name for variable in VARIABLES}
    keys = {row.spec.api_key_variable for row in catalog.providers() if row.spec.api_key_variable} - own
    declared = [row.spec.settings for row in catalog.providers()] + [row.spec.settings for row in catalog.backends()]
    settings = frozenset().union(*declared) - own - keys
    others = [*(_text(name) for name in sorted(settings)), *(_text(name, secret=True) for name in sorted(keys))]
    notes = plugin_notes(catalog)
    return [_describe(variable, notes) for variable in (*VARIABLES, *others) if variable.is_set]


def _describe(variable: Variable[Any], notes: Mapping[str, str]) -> dict[str, Any]:
    try:
        variable.get()
        problem = None
    except BaseInferenceModelsError as error:
        problem = error.message
    return {
        "name": variable.name,
        "value": None if variable.secret else _text(variable.name).get(),
        "secret": variable.secret,
        "problem": problem,
        "note": notes.get(variable.name),
    }


def _text(name: str, *, secret: bool = False) -> Variable[Any]:
    """Return the variable `name` as it stands, unparsed."""
    return Variable(name=name, default="", parse=str, description="", secret=secret)


def variable_problems(variables: Iterable[dict[str, Any]]) -> Iterator[Problem]:
    """Yield a problem for each variable whose value cannot be used."""
    for variable in variables:
        if variable["problem"] is not None:
            yield Problem("variable", variable["name"], variable["problem"])
