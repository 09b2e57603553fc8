"""An ONNX package opened in ONNX Runtime. What was asked for is what runs, or there is an error that says why not."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from im_backend_onnx import diagnosis
from im_backend_onnx.detection import INSTALL_CPU
from im_backend_onnx.onnx_file import check_external_data, read_onnx_file
from im_backend_onnx.providers import (
    Attempt,
    device_of,
    parse_device,
    parse_providers,
    plan_attempts,
    without_secrets,
)
from im_backend_onnx.threads import set_threads
from inference_models import (
    CorruptedModelPackageError,
    DeviceUnavailableError,
    InvalidParameterError,
    MissingDependencyError,
    ModelLoadingError,
    ModelRuntimeError,
    SessionClosedError,
)
from inference_models.developer_tools import ONNXPackageDetails, TensorInfo

if TYPE_CHECKING:
    import numpy as np

    from inference_models.developer_tools import ArrayKind, ModelPackageMetadata

WEIGHTS_NAMES = ("weights.onnx", "model.onnx")
_OPTIONS = ("onnx_execution_providers", "onnx_threads")

logger = logging.getLogger(__name__)
_warned: set[str] = set()


def open_session(
    directory: str | Path,
    *,
    device: str | None = None,
    package: ModelPackageMetadata | None = None,
    options: Mapping[str, Any] | None = None,
) -> ONNXSession:
    """Open the network in `directory`.

    Args:
        directory: holds `weights.onnx` or `model.onnx`, and the files in which they keep weights, if any.
        device: "cpu", "cuda", "cuda:<number>" or "mps"; None: the first of ONNXRUNTIME_EXECUTION_PROVIDERS
            that works here.
        package: what the provider said about it; its `incompatible_providers` are respected.
        options: `onnx_execution_providers`: names or (name, options) pairs, most preferred first;
            `onnx_threads`: threads for one run, default: the CPUs that this process may use.

    Raises:
        CorruptedModelPackageError: the files are missing, cut short, no ONNX, or reach outside the package.
        ModelLoadingError: this release of ONNX Runtime cannot run the network.
        DeviceUnavailableError: the device or providers asked for cannot be had.
        InvalidParameterError: a device, provider or option makes no sense.
        MissingDependencyError: onnxruntime is not installed.
    """
    options = options or {}
    if unknown := sorted(set(options) - set(_OPTIONS)):
        raise InvalidParameterError(
            f"The ONNX backend has no option {unknown[0]!r}, only {', '.join(sorted(_OPTIONS))}."
        )
    weights = find_weights(Path(directory))
    runtime = _import_onnxruntime()
    opset = _examine(weights, external_data=not _refuses_outside_files(runtime))
    details = package.backend_details if package is not None else None
    attempts = plan_attempts(
        device=None if device is None else parse_device(device),
        requested=parse_providers(options.get("onnx_execution_providers")),
        available=runtime.get_available_providers(),
        incompatible=details.incompatible_providers if isinstance(details, ONNXPackageDetails) else (),
    )
    settings = runtime.SessionOptions()
    settings.log_severity_level = 3  # errors: what it warns about is its own optimiser's business
    set_threads(settings, options.get("onnx_threads"))
    try:
        session = _first_that_opens(runtime, weights, settings, attempts)
    except ModelLoadingError:
        _examine(weights, external_data=True)  # says more precisely what is wrong, if that is it
        raise
    return ONNXSession(session, weights=weights, threads=settings.intra_op_num_threads, opset=opset)


def find_weights(directory: Path) -> Path:
    """Return the network's file in a package. Raises: CorruptedModelPackageError when there is none."""
    for name in WEIGHTS_NAMES:
        if (directory / name).is_file():
            return directory / name
    there = sorted(file.name for file in directory.iterdir()) if directory.is_dir() else []
    raise CorruptedModelPackageError(
        f"{directory} has neither {' nor '.join(WEIGHTS_NAMES)}. It "
        + (f"has: {', '.join(there[:20])}{', ...' if len(there) > 20 else ''}." if there else "is empty or missing.")
        + " Download or export the package again, or name the file as one of them."
    )


def _refuses_outside_files(runtime: Any) -> bool:
    """Tell whether this release refuses weights outside of the package by itself, as the tests show for these."""
    numbers = re.findall(r"\d+", runtime.__version__)[:2]
    return [int(number) for number in numbers] >= [1, 31]


def _examine(weights: Path, *, external_data: bool) -> int | None:
    """Return the operator set of a network that may be opened. Raises: CorruptedModelPackageError."""
    try:
        if weights.stat().st_size == 0:
            raise ValueError("it is empty")
        contents = read_onnx_file(weights, external_data=external_data)
    except (ValueError, OSError) as error:
        raise CorruptedModelPackageError(
            f"{weights} is not a complete ONNX file: {error}. Download or export the package again."
        ) from error
    check_external_data(weights, contents.external_data)
    return contents.opset


def _import_onnxruntime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingDependencyError(f"onnxruntime cannot be imported: {error}. Install it: {INSTALL_CPU}") from error
    return onnxruntime


def _first_that_opens(runtime: Any, weights: Path, settings: Any, attempts: list[Attempt]) -> Any:
    """Return a session that really has the first provider of an attempt; warn when it is not the first attempt."""
    failures: list[str] = []
    for attempt in attempts:
        first = attempt[0]
        diagnosis.prepare(runtime, first.name)
        session, reason = _try_to_open(runtime, weights, settings, attempt)
        if session is None or not _really_has(session, attempt):
            failures.append(f"{first.name}: {reason or diagnosis.why_not_loaded(runtime, first.name)}")
            continue
        if failures:
            _warn_once(f"ONNX Runtime runs on {first.name}, as better choices do not work here: {'; '.join(failures)}")
        return session
    raise DeviceUnavailableError(
        f"ONNX Runtime cannot run {weights.name} as asked. {'; '.join(failures)}. Correct what it names, or ask for "
        f"another device."
    )


def _try_to_open(runtime: Any, weights: Path, settings: Any, attempt: Attempt) -> tuple[Any, str | None]:
    providers = [(provider.name, dict(provider.options)) for provider in attempt]
    try:
        # Without this, onnxruntime's Python layer prints a note and quietly goes on with the CPU.
        return runtime.InferenceSession(str(weights), settings, providers=providers, enable_fallback=0), None
    except Exception as error:
        if diagnosis.is_about_provider(error, attempt[0].name):
            return None, diagnosis.reason_of(error)
        raise diagnosis.loading_error(error, weights) from error


def _really_has(session: Any, attempt: Attempt) -> bool:
    first = attempt[0]
    active = session.get_provider_options().get(first.name)
    wanted = first.options.get("device_id")
    return active is not None and (wanted is None or active.get("device_id", wanted) == wanted)


def _warn_once(message: str) -> None:
    if message not in _warned:
        _warned.add(message)
        logger.warning("%s", message)


class ONNXSession:
    """A network in ONNX Runtime; see `inference_models.developer_tools.Session`. Takes and gives numpy arrays."""

    array_kind: ArrayKind = "numpy"

    def __init__(self, session: Any, *, weights: Path, threads: int, opset: int | None) -> None:
        import numpy as np
        import onnxruntime

        self._ndarray = np.ndarray
        self._session: Any = session
        self._weights = weights
        self.inputs = tuple(map(_describe, session.get_inputs()))
        self.outputs = tuple(map(_describe, session.get_outputs()))
        self._dtypes = [(info.name, _numpy_dtype(info.dtype)) for info in self.inputs]
        self._output_names = [info.name for info in self.outputs]
        options = session.get_provider_options()
        providers = tuple(session.get_providers())
        self.device = device_of(providers[0], options.get(providers[0], {}))
        self.runtime: Mapping[str, object] = {
            "backend": "onnx",
            "version": onnxruntime.__version__,
            "execution_providers": providers,
            "provider_options": without_secrets(options),
            "threads": threads,
            "opset": opset,
        }

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Run the network once; from several threads at the same time if need be.

        Args:
            feeds: a numpy array for each input name, of the input's dtype and shape. One that is contiguous
                in C order is used as it is, another is copied.

        Returns:
            A new array for each output name.

        Raises:
            SessionClosedError: after `close()`.
            ModelRuntimeError: names, types, dtypes or shapes are not the network's, or a step of it failed.
        """
        session = self._session  # a `close()` from another thread leaves this run its session
        if session is None:
            raise SessionClosedError(f"The session of {self._weights.name} is closed. Load the model again to use it.")
        try:
            arrays = {name: self._checked(feeds[name], dtype) for name, dtype in self._dtypes}
            if len(arrays) != len(feeds):
                raise TypeError("there are inputs that the network does not have")
            return dict(zip(self._output_names, session.run(self._output_names, arrays), strict=True))
        except KeyError as error:
            raise self._refusal(feeds, f"input {error} is missing") from None
        except TypeError as error:
            raise self._refusal(feeds, str(error)) from error
        except Exception as error:
            raise self._refusal(feeds, diagnosis.reason_of(error)) from error

    def close(self) -> None:
        """Release the network once the runs in progress are through. Calling it again does nothing."""
        self._session = None

    def _checked(self, array: Any, dtype: np.dtype[Any] | None) -> Any:
        if not isinstance(array, self._ndarray):
            raise TypeError(f"this session takes numpy arrays, not {type(array).__module__}.{type(array).__name__}")
        if dtype is not None and array.dtype != dtype:
            raise TypeError("an array has another dtype than the network's input; convert it with astype()")
        if array.flags.c_contiguous:
            return array
        import numpy as np

        return np.ascontiguousarray(array)

    def _refusal(self, feeds: Mapping[str, Any], reason: str) -> ModelRuntimeError:
        expected = ", ".join(f"{info.name} {info.dtype} {_shape_text(info.shape)}" for info in self.inputs)
        given = ", ".join(f"{name} {_array_text(array)}" for name, array in feeds.items())
        return ModelRuntimeError(
            f"{self._weights.name} did not run on {self.device}: {reason}. "
            f"Expected: {expected or 'no input'}. Got: {given or 'nothing'}."
        )


def _describe(argument: Any) -> TensorInfo:
    shape = tuple(size if isinstance(size, int) else None for size in argument.shape)
    return TensorInfo(argument.name, shape, _dtype_name(argument.type))


# Where ONNX Runtime's name of an element type is not numpy's.
_DTYPE_NAMES = {"float": "float32", "double": "float64", "bool": "bool", "string": "str"}


def _dtype_name(onnx_type: str) -> str:
    """Return numpy's name for "tensor(float)"; what is no tensor (a sequence, a map) keeps ONNX's name."""
    if not onnx_type.startswith("tensor(") or not onnx_type.endswith(")"):
        return onnx_type
    element = onnx_type[len("tensor(") : -1]
    return _DTYPE_NAMES.get(element, element)


def _numpy_dtype(name: str) -> np.dtype[Any] | None:
    """Return the dtype to insist on; None for what numpy has no type of its own for, which ONNX Runtime checks."""
    import numpy as np

    if name == "float16" or (name.rstrip("0123456789") in ("float", "int", "uint", "bool") and hasattr(np, name)):
        return np.dtype(name)
    return None


def _shape_text(shape: tuple[int | None, ...]) -> str:
    return "(" + ", ".join("any" if size is None else str(size) for size in shape) + ")"


def _array_text(array: Any) -> str:
    dtype, shape = getattr(array, "dtype", None), getattr(array, "shape", None)
    return f"{dtype} {tuple(shape)}" if dtype is not None and shape is not None else type(array).__name__
