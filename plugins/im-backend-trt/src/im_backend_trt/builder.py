"""Building an engine from an ONNX file with the full TensorRT."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from im_backend_trt.cuda import CudaDevice
from im_backend_trt.logs import log_of, quote
from im_backend_trt.progress import make_monitor, run_stoppable
from inference_models import ModelCompilationError
from inference_models.developer_tools import CompileProgress, ImageDimensions

DEFAULT_BATCH = (1, 1, 8)
"""For a network of free batch size when nothing is asked for: tuned for single images, and up to eight at once."""


@frozen
class Wishes:
    """What the engine should be.

    Attributes:
        batch: (smallest, usual, largest); None: what the network has.
        half: let TensorRT 10 compute in half precision where that is faster. Otherwise the network's types are kept.
        size: of the image, for inputs that leave it open.
    """

    batch: tuple[int, int, int] | None
    half: bool
    size: ImageDimensions | None


def build_engine(
    trt: Any, network: Path, wishes: Wishes, device: CudaDevice, progress: CompileProgress
) -> tuple[Any, tuple[int, int, int]]:
    """Return the engine, an `IHostMemory`, and the batch sizes that it takes.

    Args:
        trt: the full TensorRT module.
        network: an ONNX file.
        wishes: what the engine should be.
        device: for which to build, and on which to try what is fast.
        progress: is told how far it is.

    Raises:
        ModelCompilationError: TensorRT refuses the network, or it cannot have the batch sizes. TensorRT's words are in
            the message.
    """
    log, stopped = log_of(trt), threading.Event()
    builder = trt.Builder(log)
    flags = 0 if wishes.half else 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    definition, config = builder.create_network(flags), builder.create_builder_config()
    progress("reading the network", None)
    parser = trt.OnnxParser(definition, log)
    if not parser.parse_from_file(str(network)):
        raise ModelCompilationError(
            f"TensorRT {trt.__version__} cannot use {network.name}: {_parser_errors(parser)}. Export the network "
            f"without what it names, or with another operator set."
        )
    if wishes.half:
        config.set_flag(trt.BuilderFlag.FP16)
    batch = _add_profile(builder, definition, config, wishes)
    config.progress_monitor = monitor = make_monitor(trt, progress, stopped)

    said: list[str] = []

    def build() -> Any:
        log.drain()
        with device.active():  # which device is current is a matter of each thread, as is the log
            built = builder.build_serialized_network(definition, config)
        said.extend(log.drain())
        return built

    engine = run_stoppable(build, stopped)
    del monitor  # until here it must live, whether or not the binding sees to that
    if engine is None:
        raise ModelCompilationError(f"TensorRT {trt.__version__} cannot build {network.name}: {quote(said)}.")
    return engine, batch


def _parser_errors(parser: Any) -> str:
    errors = [parser.get_error(index) for index in range(parser.num_errors)]
    return quote([f"{error.desc()} (node {error.node()})" for error in errors])


def _add_profile(builder: Any, definition: Any, config: Any, wishes: Wishes) -> tuple[int, int, int]:
    """Say between which sizes each input may vary, and for which it is tuned; return the batch sizes."""
    inputs = [definition.get_input(index) for index in range(definition.num_inputs)]
    if not inputs:
        raise ModelCompilationError("The network has no inputs, so there is nothing to build.")
    shapes = [tuple(tensor.shape) for tensor in inputs]
    batch = _batch(shapes, wishes.batch)
    if not any(-1 in shape for shape in shapes):
        return batch
    profile = builder.create_optimization_profile()
    for tensor, shape in zip(inputs, shapes, strict=True):
        rest = _fixed(tensor.name, shape, wishes.size)
        sizes = [(size, *rest) if shape and shape[0] == -1 else (*shape[:1], *rest) for size in batch]
        profile.set_shape(tensor.name, *sizes)
    config.add_optimization_profile(profile)
    return batch


def _batch(shapes: Sequence[tuple[int, ...]], wanted: tuple[int, int, int] | None) -> tuple[int, int, int]:
    first = {shape[0] for shape in shapes if shape}
    if -1 in first or not first:
        return wanted or DEFAULT_BATCH
    size = max(first)
    if wanted not in (None, (size, size, size)):
        raise ModelCompilationError(
            f"The network was exported for batches of {size}, so it cannot be built for {wanted}. Leave the batch size "
            f"out, or export the network with a free first axis."
        )
    return size, size, size


def _fixed(name: str, shape: tuple[int, ...], size: ImageDimensions | None) -> tuple[int, ...]:
    """Return the axes behind the batch, with the size of an image where height and width are open."""
    rest = shape[1:]
    if -1 not in rest:
        return rest
    if size is not None and len(shape) == 4 and rest[0] != -1:
        return rest[0], *(
            open_size if axis == -1 else axis
            for axis, open_size in zip(rest[1:], (size.height, size.width), strict=True)
        )
    raise ModelCompilationError(
        f"Input {name!r} has the shape {shape}, where -1 is open, and nothing says for which sizes to build. State "
        f"training_input_size in inference_config.json, or export the network with fixed sizes."
    )
