"""What `BackendSpec.compile` is asked for: a package of another backend made into one of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from attrs import field, frozen
from attrs.validators import instance_of, optional

from inference_models.entities import Quantization
from inference_models.errors import InvalidRequestedBatchSizeError

if TYPE_CHECKING:
    from pathlib import Path

    from inference_models.metadata import ModelPackageMetadata


class CompileProgress(Protocol):
    """Told how a compilation goes, possibly from another thread."""

    def __call__(self, step: str, share: float | None = None, /) -> None:
        """Note what is being done, and which share of it is through, from 0 to 1; None: not known."""


def _is_batch_range(instance: object, attribute: object, value: tuple[int, int, int] | None) -> None:
    if value is None:
        return
    whole = len(value) == 3 and all(isinstance(size, int) and not isinstance(size, bool) for size in value)
    if not whole or not 1 <= value[0] <= value[1] <= value[2]:
        raise InvalidRequestedBatchSizeError(
            f"A package is compiled for batches of three rising numbers of at least 1, smallest, usual and largest, "
            f"not {value!r}."
        )


@frozen(kw_only=True)
class CompileOptions:
    """What the package that is made should be.

    Attributes:
        device: "cuda", "cuda:1", ...: the device that it is made on and for. None: the best there is.
        quantization: what it computes in. None: what the network was exported in.
        batch_size: (smallest, usual, largest) number of images per run; three equal numbers fix it. None: what the
            network has, or what suits it.

    Raises:
        InvalidRequestedBatchSizeError: the batch size makes no sense.
    """

    device: str | None = field(default=None, validator=optional(instance_of(str)))
    quantization: Quantization | None = field(default=None, validator=optional(instance_of(Quantization)))
    batch_size: tuple[int, int, int] | None = field(default=None, validator=_is_batch_range)


class CompilePackage(Protocol):
    """What `BackendSpec.compile` points at."""

    def __call__(
        self,
        directory: Path,
        output: Path,
        *,
        package: ModelPackageMetadata,
        options: CompileOptions,
        progress: CompileProgress,
    ) -> Mapping[str, Any]:
        """Make a package of this backend from one of those that the spec `compiles`.

        What is written becomes a package only when the function returns: after an error nobody sees any of it. While
        it runs, KeyboardInterrupt and SystemExit may be raised in the main thread; it must end soon after.

        Args:
            directory: holds the files of the package that is compiled. Never written to.
            output: an empty directory for the files of the new package, those that it shares with the other included.
            package: what is known about the package that is compiled.
            options: what is wanted.
            progress: to be told how far it is.

        Returns:
            The manifest of the new package, with its "type", as one of the spec's `manifest_parsers` reads it.

        Raises:
            ModelCompilationError: the network cannot be compiled, or not as asked.
            DeviceUnavailableError: `options.device` cannot be had.
            MissingDependencyError: a Python package that this needs is not installed.
        """
