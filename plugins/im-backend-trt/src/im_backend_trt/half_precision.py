"""Half precision for TensorRT 11, which computes in the types that the network has; TensorRT 10 chooses by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inference_models import MissingDependencyError, ModelCompilationError

INSTALL = 'pip install "im-backend-trt[fp16]"'
_LARGEST_MESSAGE = 1 << 30  # a protobuf message ends at 2 GiB; with room for the rest of the network


def to_half_precision(network: Path, output: Path) -> None:
    """Write a copy of a network whose weights and arithmetic are float16, its inputs and outputs as they were.

    Operators that lose too much in float16, or that ONNX defines for float32 only, keep their type.

    Args:
        network: an ONNX file, with the files that it keeps weights in beside it.
        output: where to write the copy.

    Raises:
        MissingDependencyError: the packages that do it are not installed.
        ModelCompilationError: it cannot be converted.
    """
    try:
        import onnx
        from onnxconverter_common import float16
    except ImportError as error:
        raise MissingDependencyError(
            f"TensorRT 11 takes the types of the network as they are, and converting it to half precision needs "
            f"packages that cannot be imported ({error}). Install them: {INSTALL}. Or export the network in float16."
        ) from error
    try:
        model = onnx.load(str(network))
        _separate_outputs(onnx, model.graph)
        half = float16.convert_float_to_float16(model, keep_io_types=True, disable_shape_infer=_is_huge(network))
        external = half.ByteSize() > _LARGEST_MESSAGE
        onnx.save(half, str(output), save_as_external_data=external, location=f"{output.name}.data")
    except Exception as error:  # of a converter, for whatever the network holds
        raise ModelCompilationError(
            f"{network.name} cannot be converted to half precision: {type(error).__name__}: {error}. Export it in "
            f"float16, or compile it without --fp16."
        ) from error


def _separate_outputs(onnx: Any, graph: Any) -> None:
    """Let each output come from a node that does nothing else.

    The converter gives back the type of an output where a node that it converted computes it, and forgets those of
    nodes that it leaves in float32.
    """
    computed = {name for node in graph.node for name in node.output}
    for output in graph.output:
        if output.name in computed:
            inner = f"{output.name}_before_half_precision"
            _rename(graph, output.name, inner)
            graph.node.append(onnx.helper.make_node("Identity", [inner], [output.name]))


def _rename(graph: Any, old: str, new: str) -> None:
    for node in graph.node:
        for names in (node.input, node.output):
            for position, name in enumerate(names):
                if name == old:
                    names[position] = new
        for attribute in node.attribute:  # bodies of loops and branches use names of the graph around them
            for inner in (attribute.g, *attribute.graphs):
                _rename(inner, old, new)


def _is_huge(network: Path) -> bool:
    return sum(file.stat().st_size for file in network.parent.iterdir() if file.is_file()) > _LARGEST_MESSAGE
