"""An ONNX package opened in ONNX Runtime. What was asked for is what runs, or there is an error that says why not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from im_backend_onnx import diagnosis
from im_backend_onnx.caches import CachedAttempt, with_caches
from im_backend_onnx.detection import INSTALL_CPU
from im_backend_onnx.network import ONNXSession
from im_backend_onnx.onnx_file import check_external_data, read_onnx_file
from im_backend_onnx.options import SESSION_OPTIONS, parse_array_kind
from im_backend_onnx.providers import Attempt, parse_device, parse_providers, plan_attempts
from im_backend_onnx.threads import set_threads
from inference_models import (
    CorruptedModelPackageError,
    DeviceUnavailableError,
    InvalidParameterError,
    MissingDependencyError,
    ModelLoadingError,
)
from inference_models.developer_tools import ONNXPackageDetails, find_package_file

if TYPE_CHECKING:
    from inference_models.developer_tools import ModelPackageMetadata

WEIGHTS_NAMES = ("weights.onnx", "model.onnx")


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
            `onnx_threads`: threads for one run, default: the CPUs that this process may use; `onnx_array_kind`:
            "torch" or "numpy", default: torch tensors on a GPU of NVIDIA's that torch can use, else numpy arrays.

    Raises:
        CorruptedModelPackageError: the files are missing, cut short, no ONNX, or reach outside the package.
        ModelLoadingError: this release of ONNX Runtime cannot run the network.
        DeviceUnavailableError: the device or providers asked for cannot be had.
        InvalidParameterError: a device, provider or option makes no sense.
        MissingDependencyError: onnxruntime is not installed, or torch is asked for and is not.
    """
    options = options or {}
    if unknown := sorted(set(options) - set(SESSION_OPTIONS)):
        raise InvalidParameterError(
            f"The ONNX backend has no option {unknown[0]!r}, only {', '.join(sorted(SESSION_OPTIONS))}."
        )
    array_kind = parse_array_kind(options.get("onnx_array_kind"))
    weights = find_package_file(Path(directory), WEIGHTS_NAMES)
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
    threads = settings.intra_op_num_threads
    return ONNXSession(session, weights=weights, threads=threads, opset=opset, array_kind=array_kind)


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
        session = None
        cached = with_caches(attempt, weights, runtime.__version__)
        if cached is not None:
            session, trouble = _open_cached(runtime, weights, settings, cached)
        if session is None:
            session, reason = _open(runtime, weights, settings, attempt)
            if session is not None and cached is not None:
                _clear(cached, trouble)
        if session is None:
            failures.append(f"{first.name}: {reason}")
            continue
        if failures:
            diagnosis.warn_once(
                f"ONNX Runtime runs on {first.name}, as better choices do not work here: {'; '.join(failures)}"
            )
        return session
    raise DeviceUnavailableError(
        f"ONNX Runtime cannot run {weights.name} as asked. {'; '.join(failures)}. Correct what it names, or ask for "
        f"another device."
    )


def _open_cached(runtime: Any, weights: Path, settings: Any, cached: CachedAttempt) -> tuple[Any, str]:
    try:
        return _open(runtime, weights, settings, cached.providers)
    except ModelLoadingError as error:  # it may be what was kept that is damaged, and not the network
        return None, error.message


def _clear(cached: CachedAttempt, trouble: str) -> None:
    """Remove what was kept: without it, the session opened."""
    from shutil import rmtree

    listed = " and ".join(map(str, cached.directories))
    diagnosis.warn_once(f"What was compiled before is of no use and is removed from {listed}: {trouble}")
    for directory in cached.directories:
        rmtree(directory, ignore_errors=True)


def _open(runtime: Any, weights: Path, settings: Any, attempt: Attempt) -> tuple[Any, str]:
    """Return a session that really has the first provider of an attempt; or None and why there is none."""
    first = attempt[0].name
    providers = [(provider.name, dict(provider.options)) for provider in attempt]
    try:
        # Without this, onnxruntime's Python layer prints a note and quietly goes on with the CPU.
        session = runtime.InferenceSession(str(weights), settings, providers=providers, enable_fallback=0)
    except Exception as error:
        if diagnosis.is_about_provider(error, first):
            return None, diagnosis.reason_of(error)
        raise diagnosis.loading_error(error, weights) from error
    return (session, "") if _really_has(session, attempt) else (None, diagnosis.why_not_loaded(runtime, first))


def _really_has(session: Any, attempt: Attempt) -> bool:
    first = attempt[0]
    active = session.get_provider_options().get(first.name)
    wanted = first.options.get("device_id")
    return active is not None and (wanted is None or active.get("device_id", wanted) == wanted)
