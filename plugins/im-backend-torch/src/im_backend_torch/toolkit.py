"""What the backend `torch` hands to families that own their module: see `TorchToolkit` in the developer tools."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import frozen

from im_backend_torch.importing import import_torch
from im_backend_torch.placing import load_weights, place
from im_backend_torch.threads import warn_about_threads
from inference_models import InvalidParameterError, ModelRuntimeError
from inference_models.developer_tools import (
    Quantization,
    choose_torch_device,
    explain_out_of_memory,
    load_torch_checkpoint,
    load_torch_weights,
)

if TYPE_CHECKING:
    from inference_models.developer_tools import ModelPackageMetadata

Module = TypeVar("Module")


def make_toolkit(
    *, device: str | None = None, package: ModelPackageMetadata | None = None, options: Mapping[str, Any] | None = None
) -> Toolkit:
    """Return the toolkit for a package.

    Args:
        device: "cpu", "cuda", "cuda:<number>" or "mps"; None: CUDA where it works, else the CPU.
        package: what the provider said about it: whether it is in half precision.
        options: none.

    Raises:
        DeviceUnavailableError: the device asked for cannot be had.
        InvalidParameterError: a device or option makes no sense.
        MissingDependencyError: torch is not installed.
    """
    if options:
        raise InvalidParameterError(f"The torch backend has no option {min(options)!r}.")
    torch = import_torch()
    chosen = choose_torch_device(torch, device)
    warn_about_threads(torch, chosen)
    half = package is not None and package.quantization is Quantization.FP16 and chosen != "cpu"
    return Toolkit(torch, chosen, torch.float16 if half else torch.float32)


@frozen
class Toolkit:
    """Loads and places a torch network on one device."""

    _torch: Any
    device: str
    dtype: Any

    @property
    def runtime(self) -> Mapping[str, object]:
        """Versions, device and dtype. For reports."""
        torch = self._torch
        return {
            "backend": "torch",
            "version": torch.__version__,
            "cuda": torch.version.cuda if self.device.startswith("cuda") else None,
            "device": self.device,
            "dtype": str(self.dtype).removeprefix("torch."),
            "threads": torch.get_num_threads(),
        }

    def load_state_dict(self, path: str | os.PathLike[str], *, allowed_classes: Iterable[Any] = ()) -> dict[str, Any]:
        """Read the weights in a file into main memory."""
        return load_torch_weights(self._torch, path, allowed_classes)

    def load_checkpoint(self, path: str | os.PathLike[str], *, allowed_classes: Iterable[Any] = ()) -> Any:
        """Read all that a checkpoint of `torch.save` holds into main memory, with `weights_only=True`."""
        return load_torch_checkpoint(self._torch, path, allowed_classes)

    def load_weights(
        self, module: Any, state_dict: Mapping[str, Any], *, ignore_unexpected: Iterable[str] = ()
    ) -> None:
        """Copy weights into a module that has exactly these."""
        load_weights(self._torch, module, state_dict, ignore_unexpected)

    def place(self, module: Module) -> Module:
        """Make a module ready to run and return it."""
        placed: Module = place(self._torch, module, self.device, self.dtype)
        return placed

    @contextmanager
    def inference(self) -> Iterator[None]:
        """Return the context in which the module is called."""
        with self._torch.inference_mode():
            try:
                yield
            except RuntimeError as error:
                memory = explain_out_of_memory(self._torch, error, self.device)
                if memory is None:
                    raise
                raise ModelRuntimeError(f"The network did not run: {memory}") from error
