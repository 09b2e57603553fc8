"""A TorchScript package opened in torch. What was asked for is what runs, or there is an error that says why not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from im_backend_torch.archive import WEIGHTS_NAMES, last_line, load_archive
from im_backend_torch.graph import ProgramInputs, describe_inputs, freeze, weights_dtype
from im_backend_torch.importing import import_torch
from im_backend_torch.threads import warn_about_threads
from inference_models import InvalidParameterError, ModelLoadingError, ModelRuntimeError, SessionClosedError
from inference_models.developer_tools import (
    TORCH_DEVICE_KINDS,
    TensorInfo,
    TorchScriptPackageDetails,
    choose_torch_device,
    explain_out_of_memory,
    find_package_file,
    run_failure,
)

if TYPE_CHECKING:
    from inference_models.developer_tools import ArrayKind, ModelPackageMetadata


def open_session(
    directory: str | Path,
    *,
    device: str | None = None,
    package: ModelPackageMetadata | None = None,
    options: Mapping[str, Any] | None = None,
) -> TorchScriptSession:
    """Open the program in `directory`. It is code: open only what comes from somebody you trust.

    Args:
        directory: holds `weights.torchscript` or `model.torchscript`.
        device: "cpu", "cuda", "cuda:<number>" or "mps"; None: CUDA where it works, else the CPU.
        package: what the provider said about it: its batch size and the kinds of device that it runs on.
        options: none.

    Raises:
        CorruptedModelPackageError: the file is missing, cut short or no TorchScript archive.
        ModelLoadingError: it needs what is not there: an operator, a newer torch, memory, a GPU for half precision.
        DeviceUnavailableError: the device asked for cannot be had.
        InvalidParameterError: a device or option makes no sense.
        MissingDependencyError: torch is not installed.
    """
    if options:
        raise InvalidParameterError(f"The TorchScript backend has no option {min(options)!r}.")
    weights = find_package_file(Path(directory), WEIGHTS_NAMES)
    torch = import_torch()
    details = package.backend_details if package is not None else None
    supported = details.supported_device_types if isinstance(details, TorchScriptPackageDetails) else TORCH_DEVICE_KINDS
    chosen = choose_torch_device(torch, device, supported)
    warn_about_threads(torch, chosen)
    module = load_archive(torch, weights, chosen)
    dtype = weights_dtype(torch, chain(module.parameters(), module.buffers()))
    if dtype == torch.float16 and chosen == "cpu":
        raise ModelLoadingError(
            f"{weights} is in half precision (float16), which the CPU does not run: the type is written into the "
            f"program. Ask for a GPU with device=, or use a package in float32."
        )
    frozen = freeze(torch, module)
    size = package.static_batch_size if package is not None else None
    return TorchScriptSession(
        frozen,
        weights=weights,
        device=chosen,
        dtype=dtype,
        inputs=describe_inputs(frozen, weights, batch=size, dtype=dtype),
        batch_range=_batch_range(package),
    )


def _batch_range(package: ModelPackageMetadata | None) -> tuple[int, int | None] | None:
    if package is None:
        return None
    if package.static_batch_size is not None:
        return package.static_batch_size, package.static_batch_size
    return package.min_dynamic_batch_size or 1, package.max_dynamic_batch_size


class TorchScriptSession:
    """A TorchScript program; see `inference_models.developer_tools.Session`. Takes and gives tensors on `device`.

    A program does not say how large its inputs are. `inputs` holds what follows from its first convolution (axes,
    channels, dtype) and from the package (batch size); where there is no convolution, a shape is empty. `outputs` is
    empty. Outputs are named `output0`, `output1`, ... in the order in which the program returns them, what is nested
    one after the other; those of a dictionary have its keys.
    """

    array_kind: ArrayKind = "torch"
    outputs: tuple[TensorInfo, ...] = ()

    def __init__(
        self,
        module: Any,
        *,
        weights: Path,
        device: str,
        dtype: Any,
        inputs: ProgramInputs,
        batch_range: tuple[int, int | None] | None,
    ) -> None:
        self._torch = torch = import_torch()
        self._module: Any = module
        self._weights = weights
        self._wanted = [(info.name, known) for info, known in zip(inputs.infos, inputs.dtypes, strict=True)]
        self._device = torch.device(device)
        self.device = device
        self.inputs = inputs.infos
        self.batch_range = batch_range
        self.runtime: Mapping[str, object] = {
            "backend": "torch-script",
            "version": torch.__version__,
            "cuda": torch.version.cuda if device.startswith("cuda") else None,
            "dtype": str(dtype).removeprefix("torch."),
            "threads": torch.get_num_threads(),
        }

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Run the program once; from several threads at the same time if need be.

        Args:
            feeds: a tensor on `device` for each input name, of the input's dtype and shape. None is changed.

        Returns:
            A tensor on `device` for each output. They are the caller's alone, and ordinary tensors.

        Raises:
            SessionClosedError: after `close()`.
            ModelRuntimeError: names, types, dtypes, devices or shapes are not the program's, a step of it failed, or
                memory ran out; the message says how much was needed and free.
        """
        module = self._module  # a `close()` from another thread leaves this run its program
        if module is None:
            raise SessionClosedError(f"The session of {self._weights.name} is closed. Load the model again to use it.")
        tensors = self._checked(feeds)
        try:
            with self._torch.inference_mode():
                returned = module(*tensors)
            # Copied, because a program may return its own weights or inputs, and what was made in inference mode may
            # not be changed in place outside of it.
            return {name: tensor.clone() for name, tensor in _named(self._torch, returned)}
        except Exception as error:
            memory = explain_out_of_memory(self._torch, error, self.device)
            raise self._refusal(feeds, memory or last_line(error)) from error

    def close(self) -> None:
        """Release the program once the runs in progress are through. Calling it again does nothing."""
        self._module = None

    def _checked(self, feeds: Mapping[str, Any]) -> list[Any]:
        tensors = []
        for name, dtype in self._wanted:
            if name not in feeds:
                raise self._refusal(feeds, f"input {name!r} is missing")
            tensor = feeds[name]
            if not isinstance(tensor, self._torch.Tensor):
                kind = f"{type(tensor).__module__}.{type(tensor).__name__}"
                raise self._refusal(feeds, f"this session takes torch tensors, not {kind}")
            if tensor.device != self._device:
                raise self._refusal(feeds, f"input {name!r} is on {tensor.device}; move it with .to({self.device!r})")
            if dtype is not None and tensor.dtype != dtype:
                raise self._refusal(feeds, f"input {name!r} has another dtype; convert it with .to({dtype})")
            tensors.append(tensor)
        if len(tensors) != len(feeds):
            raise self._refusal(feeds, "there are inputs that the program does not have")
        return tensors

    def _refusal(self, feeds: Mapping[str, Any], reason: str) -> ModelRuntimeError:
        return run_failure(self, self._weights.name, feeds, reason)


def _named(torch: Any, returned: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(returned, Mapping):
        for name, value in returned.items():
            yield str(name), value
        return
    for number, tensor in enumerate(_flat(torch, returned)):
        yield f"output{number}", tensor


def _flat(torch: Any, value: Any) -> Iterator[Any]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _flat(torch, item)
    elif value is not None:
        raise TypeError(f"it returned a value of type {type(value).__name__}, which is no tensor")
