"""`im compile --backend openvino`: from an ONNX package to one in OpenVINO's intermediate representation."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from custom_backend.devices import choose_device
from custom_backend.manifest import make_manifest
from custom_backend.network import NETWORK_NAMES, import_openvino, read_network, reason_of
from inference_models import ModelCompilationError
from inference_models.developer_tools import Quantization, find_package_file

if TYPE_CHECKING:
    from inference_models.developer_tools import CompileOptions, CompileProgress, ModelPackageMetadata

_ONNX_NAMES = ("weights.onnx", "model.onnx")
# What families read beside the network. Weights, wherever ONNX keeps them, are in the new network's own file.
_SHARED = (".json", ".txt", ".yaml")


def compile_package(
    directory: Path, output: Path, *, package: ModelPackageMetadata, options: CompileOptions, progress: CompileProgress
) -> dict[str, Any]:
    """Convert the ONNX package in `directory`. See `inference_models.developer_tools.CompilePackage`.

    The result runs on every device of OpenVINO's; `options.device` is the one that it is tried on. Of
    `options.batch_size`, the usual one has no meaning here.

    Raises:
        ModelCompilationError: OpenVINO cannot convert the network, or not as asked, or not run the result.
        CorruptedModelPackageError: the package holds no ONNX network.
        DeviceUnavailableError: `options.device` cannot be had.
        MissingDependencyError: openvino cannot be imported.
    """
    if options.quantization not in {None, Quantization.FP16, package.quantization}:
        raise ModelCompilationError(
            f"A network in {package.quantization} cannot be made one in {options.quantization}, only in fp16. For "
            f"another type, export the network in it."
        )
    openvino = import_openvino()
    core = openvino.Core()
    device = choose_device(core, options.device)
    source = find_package_file(directory, _ONNX_NAMES)
    try:
        progress("reading the network", 0.0)
        network = core.read_model(source)
        if options.batch_size is not None:
            _set_batch(openvino, network, options.batch_size)
        progress("writing it for OpenVINO", 0.3)
        half = options.quantization is Quantization.FP16
        openvino.save_model(network, output / NETWORK_NAMES[0], compress_to_fp16=half)
        progress(f"trying it on {device}", 0.6)
        written = read_network(core, output)
        core.compile_model(written, device)
    except RuntimeError as error:
        raise ModelCompilationError(f"OpenVINO cannot use {source.name}: {reason_of(error)}.") from error
    for path in sorted(directory.iterdir()):
        if path.suffix in _SHARED and path.name != "model_config.json":
            shutil.copyfile(path, output / path.name)
    version = openvino.__version__.partition("-")[0]
    return make_manifest(version, options.quantization or package.quantization, _batch_of(written))


def _set_batch(openvino: Any, network: Any, batch: tuple[int, int, int]) -> None:
    smallest, _, largest = batch
    shapes = {}
    for port in network.inputs:
        shape = port.partial_shape
        if shape.rank.is_dynamic or not len(shape):
            raise ModelCompilationError(f"Input {port.get_any_name()} has no batch axis to set.")
        shape[0] = openvino.Dimension(smallest, largest)
        shapes[port] = shape
    network.reshape(shapes)


def _batch_of(network: Any) -> tuple[int | None, int | None]:
    """Return the smallest and the largest batch of a network, None for no limit."""
    shape = network.inputs[0].partial_shape if network.inputs else None
    if shape is None or shape.rank.is_dynamic or not len(shape):
        return None, None
    smallest, largest = shape[0].min_length, shape[0].max_length
    return (smallest or None), (largest if largest > 0 else None)
