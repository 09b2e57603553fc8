"""From a package to a session. The device comes first: TensorRT must not be touched without one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from im_backend_trt.cuda import choose_device, import_torch
from im_backend_trt.detection import INSTALL, find_runtimes
from im_backend_trt.engine import find_engine, load_engine
from im_backend_trt.layout import read_layout
from im_backend_trt.options import CACHE_OPTION, NO_GRAPHS_OPTION, check_options
from im_backend_trt.runtimes import HOST_CODE_OPTION, Runtime, choose_runtime
from im_backend_trt.session import TRTSession
from inference_models import MissingDependencyError, ModelLoadingError
from inference_models.developer_tools import TRTPackageDetails, establish_trt_cuda_graph_cache

if TYPE_CHECKING:
    from inference_models.developer_tools import CudaGraphCache, ModelPackageMetadata

_GRAPHS = 8


def open_session(
    directory: str | Path,
    *,
    device: str | None = None,
    package: ModelPackageMetadata | None = None,
    options: Mapping[str, Any] | None = None,
) -> TRTSession:
    """Open the engine in `directory`.

    Args:
        directory: holds `engine.plan`.
        device: "cuda" or "cuda:<number>"; None: the first GPU that the engine was built for.
        package: what the provider said about it.
        options: `trt_engine_host_code_allowed`: whether code that travels inside the engine may run, default False;
            `cuda_graph_cache`: a `TRTCudaGraphCache` of this model's own, so runs are recorded as CUDA graphs; without
            one, ENABLE_AUTO_CUDA_GRAPHS_FOR_TRT_BACKEND decides; `disable_cuda_graphs`: never record.

    Raises:
        DeviceUnavailableError: there is no such GPU, no driver, or torch cannot use it.
        CorruptedModelPackageError: the engine is missing, cut short, or none.
        ModelLoadingError: it is for another GPU or version of TensorRT, or does not fit into the GPU's memory.
        InvalidParameterError: a device or option makes no sense.
        MissingDependencyError: tensorrt or torch is not installed.
    """
    allowed, graphs = _parse(options or {})
    path = find_engine(Path(directory))
    chosen = choose_device(import_torch(), device, package)
    runtime = _runtime(package, path, allowed)
    with chosen.active():
        engine = load_engine(path, runtime, chosen, host_code_allowed=allowed)
        return TRTSession(engine, read_layout(engine), graphs)


def _runtime(package: ModelPackageMetadata | None, path: Path, host_code_allowed: bool) -> Runtime:
    runtimes = {runtime.kind: runtime.version for runtime in find_runtimes()}
    if not runtimes:
        raise MissingDependencyError(f"tensorrt is not installed. {INSTALL}")
    details = package.backend_details if package is not None else None
    if not isinstance(details, TRTPackageDetails):
        details = TRTPackageDetails(trt_forward_compatible="full" not in runtimes)  # try it with what there is
    chosen = choose_runtime(details, runtimes, host_code_allowed=host_code_allowed)
    if isinstance(chosen, str):
        raise ModelLoadingError(f"{path} cannot be run: {chosen}.")
    return chosen


def _parse(options: Mapping[str, Any]) -> tuple[bool, CudaGraphCache | None]:
    """Return whether host code may run, and the cache of CUDA graphs, if graphs are recorded."""
    check_options(options)
    allowed = options.get(HOST_CODE_OPTION, False)
    if options.get(NO_GRAPHS_OPTION, False):
        return allowed, None
    return allowed, establish_trt_cuda_graph_cache(_GRAPHS, options.get(CACHE_OPTION))
