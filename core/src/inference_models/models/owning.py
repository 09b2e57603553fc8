"""Things that hold what must be released: models, which hold sessions, and pipelines, which hold models."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Protocol, Self, TypeVar

from inference_models.errors import SessionClosedError


class Closeable(Protocol):
    """Anything that can release what it holds, for example a `Session`."""

    def close(self) -> object:
        """Release what it holds."""


_R = TypeVar("_R", bound=Closeable)


class Owner:
    """What can be closed, and closes what it owns. Subclasses need not call `super().__init__()`."""

    def owns(self, resource: _R) -> _R:
        """Register what `close()` must close, last registered first, and return it.

        Example: `self._session = self.owns(open_session(directory))`.

        Raises:
            SessionClosedError: this is closed already; `resource` is closed, too.
        """
        if self.closed:
            resource.close()
            self.ensure_open()
        # In vars(), because subclasses may be frozen and need not call our __init__.
        stack: ExitStack = vars(self).setdefault("_owned", ExitStack())
        stack.callback(resource.close)
        return resource

    def close(self) -> None:
        """Release what this holds; it cannot be used afterwards. Closing again does nothing.

        Everything registered with `owns` is closed even if closing some of it fails; the failure is raised then.
        A subclass that overrides this must call `super().close()`.
        """
        vars(self)["_closed"] = True
        # pop() hands the stack to one thread only, so nothing is closed twice.
        stack: ExitStack | None = vars(self).pop("_owned", None)
        if stack is not None:
            stack.close()

    @property
    def closed(self) -> bool:
        """Whether `close()` was called."""
        return "_closed" in vars(self)

    def ensure_open(self) -> None:
        """Raise SessionClosedError when this is closed. `infer` does this; so may methods of subclasses."""
        if self.closed:
            raise SessionClosedError(
                f"This {type(self).__name__} was closed and cannot be used any more. Load it again, or close it later."
            )

    def __enter__(self) -> Self:
        self.ensure_open()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
