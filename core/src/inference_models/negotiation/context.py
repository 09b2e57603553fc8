"""What a package is judged by: the model, the catalog, the environment and the request."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from attrs import field, frozen

from inference_models.catalog import Catalog, Declared
from inference_models.environment import Environment
from inference_models.metadata import ModelMetadata
from inference_models.negotiation.request import Request
from inference_models.policy import Policy, current_policy
from inference_models.specs import BackendSpec

Answer = TypeVar("Answer")
Subject = TypeVar("Subject", bound=Hashable)


@frozen
class Context:
    """Everything that a filter or a ranking may look at besides the package. It serves one negotiation."""

    metadata: ModelMetadata
    catalog: Catalog
    environment: Environment
    request: Request
    policy: Policy = field(factory=current_policy)
    _answers: dict[tuple[object, Hashable], Any] = field(factory=dict, init=False, repr=False, eq=False)

    def once(self, question: Callable[[Subject, Context], Answer], subject: Subject) -> Answer:
        """Return `question(subject, self)`, asked once per backend or the like: a model may have very many packages."""
        key = (question, subject)
        if key not in self._answers:
            self._answers[key] = question(subject, self)
        answer: Answer = self._answers[key]
        return answer

    def backend(self, name: str) -> Declared[BackendSpec]:
        """Return what declares a backend. Raises: UnknownBackendTypeError, PluginConflictError."""
        return self.once(_find_backend, name)


def _find_backend(name: str, context: Context) -> Declared[BackendSpec]:
    return context.catalog.backend(name)


def describe_failure(error: BaseException) -> str:
    """Return an error of a plugin as "Type: message", even when its message cannot be had."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # whatever a plugin's exception does when it is printed, the report goes on
        return type(error).__name__
