"""What the functions look like that specs point at, and those that they are given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    # For the signatures only. Making these classes takes longer than all else that discovery imports here.
    from inference_models.metadata import ModelMetadata, ModelPackageMetadata
    from inference_models.sessions import Session

__all__ = ["GetModel", "MakeToolkit", "OpenSession", "SessionOpener"]


class SessionOpener(Protocol):
    """How a model implementation opens its package: bound to the backend, device and options in force."""

    def __call__(self, directory: str | Path) -> Session:
        """Open the package in `directory`."""


class OpenSession(Protocol):
    """What `BackendSpec.open_session` points at."""

    def __call__(
        self, directory: Path, *, device: str | None, package: ModelPackageMetadata | None, options: Mapping[str, Any]
    ) -> Session:
        """Open the package in `directory`.

        Args:
            directory: holds the package's files.
            device: what the user asked for; None: the best there is.
            package: what the provider said about it, if there was a provider.
            options: the values given for the backend's `session_options`.

        Raises:
            CorruptedModelPackageError: the files cannot be opened.
            DeviceUnavailableError: `device` was asked for and cannot be had.
        """


class MakeToolkit(Protocol):
    """What `BackendSpec.toolkit` points at."""

    def __call__(
        self, *, device: str | None, package: ModelPackageMetadata | None, options: Mapping[str, Any]
    ) -> object:
        """Return what helps a family to run its own network, for example a `TorchToolkit`. May import the runtime.

        Args:
            device: what the user asked for; None: the best there is.
            package: what the provider said about it, if there was a provider.
            options: the values given for the backend's `session_options`.

        Raises:
            DeviceUnavailableError: `device` was asked for and cannot be had.
        """


class GetModel(Protocol):
    """What `WeightsProviderSpec.target` points at."""

    def __call__(self, model_id: str, api_key: str | None = None, **options: Any) -> ModelMetadata:
        """Return what is known about a model. Raises: ModelNotFoundError, ModelRetrievalError."""
