"""What is made of the error of a package that does not load."""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING

from inference_models.errors import (
    BaseInferenceModelsError,
    InvalidEnvVariable,
    InvalidParameterError,
    InvalidPolicyError,
    ModelLoadingError,
    ModelPackageAlternativesExhaustedError,
)

if TYPE_CHECKING:
    from inference_models.negotiation import Verdict

MISTAKES = (InvalidParameterError, InvalidEnvVariable, InvalidPolicyError)
"""What the user must correct: another package, or asking anew, would not mend it."""


def release_memory(error: BaseException) -> None:
    """Let go of what the functions that failed had allocated: their tracebacks keep their variables alive.

    Before another package is tried: half a model on a GPU would leave it no memory. The lines of the traceback stay.

    Args:
        error: is no longer being handled. What the caller is handling meanwhile is left alone, although it is the
            context of all that was raised since.
    """
    pending: list[BaseException | None] = [error]
    seen: list[BaseException | None] = [None, sys.exception()]
    while pending:
        one = pending.pop()
        if any(one is other for other in seen):
            continue
        assert one is not None
        seen.append(one)
        traceback.clear_frames(one.__traceback__)  # those that still run, ours among them, are left alone
        pending += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            pending += one.exceptions
        elif isinstance(one, ModelPackageAlternativesExhaustedError):
            pending += one.alternatives_errors


def as_ours(verdict: Verdict, error: Exception) -> BaseInferenceModelsError:
    """Return the error as one of this library; another one is a fault of the plugin that loads the package."""
    if isinstance(error, BaseInferenceModelsError):
        return error
    plugin = verdict.implementation.plugin if verdict.implementation is not None else "its plugin"
    ours = ModelLoadingError(
        f"Package {verdict.package.package_id!r} does not load: {type(error).__name__}: {error}. The class of {plugin} "
        f"that loads it did not expect this; report it to whoever publishes that."
    )
    ours.__cause__ = error
    return ours
