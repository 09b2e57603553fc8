"""Whether what a plugin's specs point at is there, and can be called as the core calls it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from inference_models.catalog import current_catalog
from inference_models.environment import current_environment
from inference_models.errors import (
    BaseInferenceModelsError,
    ModelImplementationNotFoundError,
    nearest_name,
)
from inference_models.specs import BackendSpec, ModelSpec, resolve
from inference_models.testing.checks.findings import Finding, NotChecked
from inference_models.testing.checks.plugin_subject import PluginSubject
from inference_models.testing.checks.pointers import Pointer, where


def check_targets(plugin: PluginSubject) -> None:
    """Whatever specs point at can be imported; where something is missing for it, the specs say so."""
    excused = []
    for pointer in plugin.targets():
        try:
            resolve(pointer.target)
        except Exception as error:
            cause = error.__cause__ if isinstance(error, ModelImplementationNotFoundError) else error
            _refuse_mistakes(plugin, pointer, cause)
            reasons = list(_reasons(pointer))
            if not reasons:
                raise _unexplained(pointer, cause) from None
            excused.append(f"{where(pointer.target)}: {'; '.join(reasons)}")
    if excused:
        raise NotChecked("not all that it needs is installed here: " + " | ".join(dict.fromkeys(excused)))


def _refuse_mistakes(plugin: PluginSubject, pointer: Pointer, cause: BaseException | None) -> None:
    """Raise a finding for what no installation mends."""
    module, _, name = where(pointer.target).partition(":")
    if isinstance(cause, AttributeError) and name not in vars(sys.modules.get(module, object)):
        near = nearest_name(name, vars(sys.modules[module])) if module in sys.modules else None
        raise Finding(
            f"The {pointer} is {where(pointer.target)}, and {module} has no {name}.",
            f"Did you mean {near!r}? Correct the LazyClass." if near else "Correct the LazyClass.",
        )
    missing = cause.name if isinstance(cause, ModuleNotFoundError) else None
    if missing is not None and missing.partition(".")[0] in plugin.packages:
        raise Finding(
            f"The {pointer} is {where(pointer.target)}, and there is no module {missing}.",
            "Correct the name of the module, or see that it is in the wheel.",
        )


def _unexplained(pointer: Pointer, cause: BaseException | None) -> Finding:
    said = f"{type(cause).__name__}: {cause}"
    if isinstance(pointer.spec, ModelSpec):
        change = (
            "Add what is missing to the dependencies in pyproject.toml, or state it as `requires` of the ModelSpec."
        )
    elif pointer.needs_runtime and isinstance(pointer.spec, BackendSpec):
        change = "Let `detect` raise BackendUnavailable with what is missing and the command that installs it."
    else:
        change = "This must import wherever the plugin is installed: move what needs a runtime into functions."
    return Finding(f"The {pointer} is {where(pointer.target)}, which cannot be imported: {said}.", change)


def _reasons(pointer: Pointer) -> Iterator[str]:
    """Yield what the specs say about why something cannot be imported here."""
    if not pointer.needs_runtime:
        return
    environment = current_environment()
    names: tuple[str, ...] = ()
    if isinstance(pointer.spec, ModelSpec):
        yield from filter(None, map(environment.unmet, pointer.spec.requires))
        names = current_catalog().backends_of(pointer.spec)
    elif isinstance(pointer.spec, BackendSpec):
        names = (pointer.spec.name,)
    unavailable = [reason for name in names if (reason := _unavailable(name)) is not None]
    if names and len(unavailable) == len(names):
        yield from unavailable


def _unavailable(backend: str) -> str | None:
    try:
        status = current_environment().backend(backend)
    except BaseInferenceModelsError:
        return f"the backend {backend} is not installed"
    return None if status.available or status.failed else f"the backend {backend} cannot be used: {status.reason}"


def check_signatures(plugin: PluginSubject) -> None:
    """Whatever specs point at has a signature that the core's call fits."""
    for pointer in plugin.targets():
        found = _resolved(pointer)
        problem = pointer.call.problem(found) if found is not None else None
        if problem is not None:
            raise Finding(
                f"The {pointer}, {where(pointer.target)}, cannot be called as the core calls it, {pointer.call}: "
                f"{problem}.",
                "Correct its parameters, or point at something else.",
            )


def _resolved(pointer: Pointer) -> Any:
    try:
        return resolve(pointer.target)
    except Exception:  # `check_targets` says so
        return None
