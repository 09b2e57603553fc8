"""From a package to a session. What was asked for is what runs, or there is an error that says why not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from custom_backend.devices import choose_device
from custom_backend.network import import_openvino, read_network, reason_of
from custom_backend.session import OpenVINOSession
from inference_models import InvalidParameterError, ModelLoadingError
from inference_models.developer_tools import available_cpus

if TYPE_CHECKING:
    from inference_models.developer_tools import ModelPackageMetadata

_OPTIONS = ("openvino_precision", "openvino_threads")
_PRECISIONS = {"fp32": "f32", "bf16": "bf16", "fp16": "f16"}


def open_session(
    directory: str | Path,
    *,
    device: str | None = None,
    package: ModelPackageMetadata | None = None,
    options: Mapping[str, Any] | None = None,
) -> OpenVINOSession:
    """Open the network in `directory`.

    Args:
        directory: holds the network, see `network.NETWORK_NAMES`.
        device: "cpu", "gpu", "gpu:<number>" or "npu"; None: the CPU.
        package: what the weights provider says about it; nothing that counts here.
        options: `openvino_precision`: what is computed in, "fp32", "bf16" or "fp16", default: "fp32";
            `openvino_threads`: threads for one run, default: the CPUs that this process may use.

    Raises:
        CorruptedModelPackageError: the files are missing or damaged.
        ModelLoadingError: OpenVINO cannot run the network on the device.
        DeviceUnavailableError: the device cannot be had.
        InvalidParameterError: an option makes no sense.
        MissingDependencyError: openvino cannot be imported.
    """
    options = options or {}
    if unknown := sorted(set(options) - set(_OPTIONS)):
        raise InvalidParameterError(f"OpenVINO has no option {unknown[0]!r} here, only {', '.join(_OPTIONS)}.")
    settings = _settings(options.get("openvino_precision"), options.get("openvino_threads"))
    openvino = import_openvino()
    core = openvino.Core()
    name = choose_device(core, device)
    network = read_network(core, Path(directory))
    if not name.startswith("CPU"):
        settings = {"INFERENCE_PRECISION_HINT": settings["INFERENCE_PRECISION_HINT"]}
    try:
        compiled = core.compile_model(network, name, settings)
    except RuntimeError as error:
        raise ModelLoadingError(
            f"OpenVINO {openvino.__version__} cannot run the network in {directory} on {name}: {reason_of(error)}. Ask "
            f"for another device, update openvino, or compile the package again with a fixed batch size."
        ) from error
    return OpenVINOSession(compiled, version=openvino.__version__.partition("-")[0])


def _settings(precision: object, threads: object) -> dict[str, Any]:
    settings: dict[str, Any] = {
        # Left alone, a CPU with instructions for bfloat16 computes in it: boxes then move by pixels.
        "INFERENCE_PRECISION_HINT": _precision(precision),
        "PERFORMANCE_HINT": "LATENCY",
        # Pinned, the threads of each model and of each process would share the same first cores.
        "ENABLE_CPU_PINNING": False,
        "INFERENCE_NUM_THREADS": _threads(threads),
        # The default is one thread for a core; who asks for a number gets it.
        "ENABLE_HYPER_THREADING": threads is not None,
    }
    return settings


def _precision(value: object) -> str:
    name = "fp32" if value is None else str(value).lower()
    if name not in _PRECISIONS:
        raise InvalidParameterError(f"openvino_precision= takes one of {', '.join(_PRECISIONS)}, not {value!r}.")
    return _PRECISIONS[name]


def _threads(value: object) -> int:
    if value is None:
        return available_cpus()
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InvalidParameterError(f"openvino_threads= takes a whole number of at least 1, not {value!r}.")
    return value
