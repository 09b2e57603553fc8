"""A backend, a tiny package for it, and feeds for its network."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from attrs import field, frozen

from inference_models.catalog import Declared, current_catalog
from inference_models.environment import BackendStatus, current_environment
from inference_models.metadata import ModelPackageMetadata
from inference_models.sessions import Session, TensorInfo, batch_limits
from inference_models.specs import BackendSpec, resolve
from inference_models.testing.checks.findings import Finding, NotChecked
from inference_models.weights_providers import ModelSource
from inference_models.weights_providers.core import get_model_metadata

Feeds = Mapping[str, Any]

_FREE_SIZE = 32  # for an axis that the network leaves free and that is not the batch


@frozen(kw_only=True, slots=False)
class BackendSubject:
    """What a check of a backend is given.

    Attributes:
        name: of the backend.
        package: a package directory with a tiny network for it; None: only what needs no package is checked.
        make_feeds: returns inputs for the network from a seed, in place of those that follow from its description; or
            None.
        expected: returns what the network answers to feeds; or None, where that is not known.
        tolerance: how far numbers may differ from what is expected, absolutely and as a share.
        device: where sessions are opened; None: where the backend chooses.
        options: given to `open_session` and `toolkit`.
    """

    name: str
    package: Path | None = None
    make_feeds: Callable[[Session, int], Feeds | None] | None = None
    expected: Callable[[Feeds], Feeds | None] | None = None
    tolerance: float = 1e-4
    device: str | None = None
    options: Mapping[str, Any] = field(factory=dict)
    opened: list[Session] = field(factory=list, init=False, repr=False)

    def __str__(self) -> str:
        return f"the backend {self.name!r}"

    @cached_property
    def declared(self) -> Declared[BackendSpec]:
        """What declares it. Raises: UnknownBackendTypeError, PluginConflictError."""
        return current_catalog().backend(self.name)

    @property
    def spec(self) -> BackendSpec:
        """The declaration."""
        return self.declared.spec

    @cached_property
    def status(self) -> BackendStatus:
        """Whether it can be used here."""
        return current_environment().backend(self.name)

    def require_available(self) -> None:
        """Raises: NotChecked when it cannot be used here."""
        if not self.status.available:
            raise NotChecked(f"{self} cannot be used here: {self.status.reason}")

    @cached_property
    def metadata(self) -> ModelPackageMetadata:
        """What `model_config.json` says about the package. Raises: NotChecked without one, Finding when it is wrong."""
        if self.package is None:
            raise NotChecked("there is no package to open")
        try:
            source = ModelSource("local", str(self.package))
            (found,) = get_model_metadata(source, current_catalog()).model_packages
        except Exception as error:
            raise Finding(
                f"The package {self.package} cannot be read: {type(error).__name__}: {error}",
                "Let the fixture `package` return a directory with model_config.json and a network.",
            ) from None
        return found

    def open(self, *, device: str | None = None, directory: Path | None = None) -> Session:
        """Open the package, or another directory, as the core does. What is opened is closed with the subject.

        Raises:
            NotChecked: the backend has no sessions or cannot be used here, or there is no package.
        """
        if self.spec.open_session is None:
            raise NotChecked(f"{self} opens no sessions")
        self.require_available()
        package = self.metadata
        where = directory or package.directory
        session: Session = resolve(self.spec.open_session)(
            where, device=device or self.device, package=package, options=dict(self.options)
        )
        self.opened.append(session)
        return session

    @cached_property
    def session(self) -> Session:
        """A session of the package. Raises: NotChecked, Finding when it does not open."""
        try:
            return self.open()
        except NotChecked:
            raise
        except Exception as error:
            raise Finding(
                f"{self} does not open {self.package}: {type(error).__name__}: {error}",
                "Open every package that `check` accepts, or let `check` say why not.",
            ) from None

    def require_session(self) -> None:
        """Raises: NotChecked when there are no sessions, Finding when the package does not open."""
        _ = self.session

    def close(self) -> None:
        """Close all sessions, as far as that works: the checks of `close` say where it does not."""
        for session in self.opened:
            with suppress(Exception):
                session.close()
        self.opened.clear()

    def feeds(self, session: Session, seed: int = 0) -> Feeds:
        """Return inputs for the network, another set for another seed.

        Raises:
            NotChecked: they do not follow from what the session says about its inputs.
        """
        given = None if self.make_feeds is None else self.make_feeds(session, seed)
        return described_feeds(session, seed) if given is None else given


def described_feeds(session: Session, seed: int = 0) -> Feeds:
    """Return inputs that follow from what a session says about them, another set for another seed.

    Raises:
        NotChecked: they do not.
    """
    import numpy as np

    generator = np.random.default_rng(seed)
    return {info.name: _as_kind(session, _numbers(generator, session, info)) for info in session.inputs}


def _as_kind(session: Session, array: Any) -> Any:
    """Return a numpy array as the session takes it: itself, or a tensor on its device."""
    if session.array_kind == "numpy":
        return array
    __import__("torch")
    return sys.modules["torch"].from_numpy(array).to(session.device)


def _numbers(generator: Any, session: Session, info: TensorInfo) -> Any:
    import numpy as np

    if not info.shape:
        raise NotChecked(f"the session does not know the axes of {info.name!r}; define `feeds` in the class")
    if not _is_number(info.dtype):
        raise NotChecked(f"input {info.name!r} is of type {info.dtype}; define `feeds` in the class")
    smallest, largest = batch_limits(session)
    batch = max(smallest, 2 if largest is None else min(2, largest))
    sizes = [batch if axis == 0 else _FREE_SIZE for axis in range(len(info.shape))]
    shape = [size if size is not None else free for size, free in zip(info.shape, sizes, strict=True)]
    dtype = np.dtype(info.dtype)
    if dtype.kind == "f":
        return generator.random(shape).astype(dtype)
    return generator.integers(0, 2, shape).astype(dtype)


def _is_number(dtype: str) -> bool:
    import numpy as np

    try:
        return np.dtype(dtype).kind in "fiub"
    except TypeError:  # no type of numpy's own, such as bfloat16
        return False
