"""What the backend hands to families that own a model of transformers: see `TransformersToolkit`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from im_backend_hf.adapters import apply_adapter, is_adapter
from im_backend_hf.loading import load_model, load_processor, stated_quantization
from im_backend_hf.options import Options
from im_backend_hf.runtime import choose_dtype, import_runtime
from inference_models import MissingDependencyError, ModelLoadingError, ModelRuntimeError
from inference_models.developer_tools import (
    Quantization,
    choose_torch_device,
    explain_out_of_memory,
    load_torch_weights,
)

if TYPE_CHECKING:
    from inference_models.developer_tools import ModelPackageMetadata


def make_toolkit(
    *, device: str | None = None, package: ModelPackageMetadata | None = None, options: Mapping[str, Any] | None = None
) -> Toolkit:
    """Return the toolkit for a package.

    Args:
        device: "cpu", "cuda", "cuda:<number>" or "mps"; None: CUDA where it works, else the CPU.
        package: what the provider said about it: its precision, and whether it vouches for it.
        options: "dtype" and "load_in_4bit".

    Raises:
        DeviceUnavailableError: the device asked for cannot be had.
        InvalidParameterError: a device or option makes no sense.
        MissingDependencyError: transformers or torch is not installed, or what 4 bits need is not.
    """
    asked = Options.parse(options or {})
    transformers, torch = import_runtime()
    if asked.load_in_4bit:
        _require_bitsandbytes()
    return Toolkit(transformers, torch, package, asked, choose_torch_device(torch, device))


def _require_bitsandbytes() -> None:
    try:
        import accelerate  # noqa: F401
        import bitsandbytes  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError(
            f'load_in_4bit=True cannot be had: {error}. Install what it needs: pip install "im-backend-hf[4bit]"'
        ) from error


@frozen
class Toolkit:
    """Loads models and processors of transformers for one package and device."""

    _transformers: Any
    _torch: Any
    _package: ModelPackageMetadata | None
    _options: Options
    device: str

    @property
    def runtime(self) -> Mapping[str, object]:
        """Versions, device and quantization. For reports."""
        return {
            "backend": "hugging-face",
            "version": self._transformers.__version__,
            "torch": self._torch.__version__,
            "device": self.device,
            "load_in_4bit": self._options.load_in_4bit,
            "threads": self._torch.get_num_threads(),
        }

    def load_processor(self, name: str, directory: str | os.PathLike[str]) -> Any:
        """Return what prepares the inputs of a model."""
        return load_processor(self._transformers, name, _base(Path(directory)))

    def load_model(
        self,
        name: str,
        directory: str | os.PathLike[str],
        *,
        ignore_unexpected: Iterable[str] = (),
        ignore_missing: Iterable[str] = (),
    ) -> Any:
        """Return a model ready to run on the device."""
        directory = Path(directory)
        base = _base(directory)
        try:
            model = load_model(
                self._transformers,
                name,
                base,
                trusted=self._is_trusted,
                ignore_unexpected=ignore_unexpected,
                ignore_missing=ignore_missing,
                arguments=self._placement(base),
            )
            if base != directory:
                merge = not self._options.load_in_4bit
                model = apply_adapter(self._transformers, model, directory, merge=merge)
            placed = model.eval().requires_grad_(False)
            return placed if self._options.load_in_4bit else placed.to(self.device)
        except (RuntimeError, MemoryError) as error:
            memory = explain_out_of_memory(self._torch, error, self.device)
            if memory is None:
                raise
            raise ModelLoadingError(f"The model does not fit on the device: {memory}") from error

    def load_state_dict(self, path: str | os.PathLike[str]) -> dict[str, Any]:
        """Read the weights in a file into main memory."""
        path = Path(path)
        if path.suffix != ".safetensors" and not self._is_trusted:
            raise ModelLoadingError(
                f"{path} is a pickle, which is a program and no data, and the provider does not vouch for the package. "
                f"Use a package with safetensors."
            )
        return load_torch_weights(self._torch, path)

    @contextmanager
    def inference(self) -> Iterator[None]:
        """Return the context in which the model is called."""
        with self._torch.inference_mode():
            try:
                yield
            except (RuntimeError, MemoryError) as error:
                memory = explain_out_of_memory(self._torch, error, self.device)
                if memory is None:
                    raise
                raise ModelRuntimeError(f"The model did not run: {memory}") from error

    @property
    def _is_trusted(self) -> bool:
        return self._package is not None and self._package.trusted_source

    def _placement(self, base: Path) -> dict[str, Any]:
        """Return the arguments of `from_pretrained` that say where weights go and as what."""
        dtype = self._dtype(base)
        if not self._options.load_in_4bit:
            return {"dtype": dtype}
        four = self._transformers.BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype
        )
        return {"dtype": dtype, "quantization_config": four, "device_map": {"": self.device}}

    def _dtype(self, base: Path) -> Any:
        if self._options.dtype is not None:
            return getattr(self._torch, self._options.dtype)
        stated = Quantization.UNKNOWN if self._package is None else self._package.quantization
        if stated is Quantization.UNKNOWN:
            stated = stated_quantization(base)
        return choose_dtype(self._torch, self.device, stated)


def _base(directory: Path) -> Path:
    """Return where the whole model is: below an adapter, or here."""
    return directory / "base" if is_adapter(directory) else directory
