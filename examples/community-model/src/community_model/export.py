"""Writes the package: the network, and what it measures. `python -m community_model.export DIRECTORY`.

The network computes a published measure and three simple ones, so it has no weights that were trained:

- "blur": Crete, Dolmiere, Ladret and Nicolas, "The blur effect: perception and estimation with a new no-reference
  perceptual blur metric", Proc. SPIE 6492 (2007), doi:10.1117/12.702790. How little of the variation between neighbours
  a strong blur takes away, in the direction where that is least: 0 sharp, 1 blurred beyond recognition.
- "underexposed", "overexposed": the share of pixels that are as good as black, or white.
- "contrast": the standard deviation of brightness, 0 to 0.5.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from community_model.package import CONFIG_NAME

LONGER_EDGE = 1024
MEASURES: tuple[dict[str, Any], ...] = (
    {"name": "blur", "highest": 0.5},
    {"name": "underexposed", "highest": 0.5},
    {"name": "overexposed", "highest": 0.25},
    {"name": "contrast", "lowest": 0.03},
)

_BOX = 11  # pixels that the strong blur averages, as in the paper's experiments
_BLACK, _WHITE = 16 / 255, 250 / 255
_LUMA = (0.2125, 0.7154, 0.0721)  # ITU-R BT.709, rounded as scikit-image has it
_FLOOR = 1e-6  # below the noise of float32: an even surface counts as blurred
_END = np.iinfo(np.int64).min


class _Graph:
    """Collects the nodes of a network. Each method returns the name of its result."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: dict[str, npt.NDArray[Any]] = {}

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        from onnx import helper

        name = f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, [*inputs], [name], **attributes))
        return name

    def constant(self, value: Any, dtype: Any = np.float32) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants[name] = np.asarray(value, dtype)
        return name

    def part(self, array: str, axis: int, start: int, end: int, step: int = 1) -> str:
        bounds = [self.constant([value], np.int64) for value in (start, end, axis, step)]
        return self.add("Slice", array, *bounds)

    def mean(self, array: str) -> str:
        return self.add("ReduceMean", array, axes=[1, 2, 3], keepdims=0)

    def share(self, condition: str) -> str:
        from onnx import TensorProto

        return self.mean(self.add("Cast", condition, to=TensorProto.FLOAT))


def network() -> Any:
    """Return the network as an `onnx.ModelProto`.

    Input "images" (batch, 3, height, width) float32, red-green-blue, 0 to 1, at least 16 x 16. Output "measures"
    (batch, 4) float32.
    """
    from onnx import TensorProto, helper, numpy_helper

    graph = _Graph()
    grey = graph.add("Conv", "images", graph.constant(np.reshape(_LUMA, (1, 3, 1, 1))))
    columns = [
        graph.add("Max", _blur(graph, grey, 2), _blur(graph, grey, 3)),
        graph.share(graph.add("Less", grey, graph.constant(_BLACK))),
        graph.share(graph.add("Greater", grey, graph.constant(_WHITE))),
        _deviation(graph, grey),
    ]
    axis = graph.constant([1], np.int64)
    stacked = [graph.add("Unsqueeze", column, axis) for column in columns]
    graph.nodes.append(helper.make_node("Concat", stacked, ["measures"], axis=1))
    made = helper.make_graph(
        graph.nodes,
        "photo-quality",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, "height", "width"])],
        [helper.make_tensor_value_info("measures", TensorProto.FLOAT, ["batch", len(MEASURES)])],
        [numpy_helper.from_array(value, name) for name, value in graph.constants.items()],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _blur(graph: _Graph, grey: str, axis: int) -> str:
    """Return (batch,): 1 less the share of the variation along an axis that a strong blur along it takes away."""
    sharp = _variation(graph, grey, axis)
    blurred = _variation(graph, _box_filter(graph, grey, axis), axis)
    lost = graph.add("Relu", graph.add("Sub", sharp, blurred))
    total = graph.mean(sharp)
    return graph.add("Div", graph.add("Sub", total, graph.mean(lost)), total)


def _box_filter(graph: _Graph, grey: str, axis: int) -> str:
    half = _BOX // 2
    before = graph.part(grey, axis, half - 1, _END, -1)  # mirrored with the edge itself, which Pad cannot do
    after = graph.part(grey, axis, -1, -half - 1, -1)
    shape = [1, 1, 1, 1]
    shape[axis] = _BOX
    return graph.add(
        "Conv", graph.add("Concat", before, grey, after, axis=axis), graph.constant(np.full(shape, 1 / _BOX))
    )


def _variation(graph: _Graph, grey: str, axis: int) -> str:
    """Return the size of Sobel's derivative along an axis, without the pixels at the border."""
    kernel = np.outer([1, 0, -1], [1, 2, 1]) / 8
    kernel = kernel if axis == 2 else kernel.T
    derivative = graph.add("Conv", grey, graph.constant(kernel[None, None]))
    # The paper's reference leaves out two pixels on one side and one on the other, and Conv has left out one on each.
    inner = graph.part(graph.part(derivative, 2, 1, np.iinfo(np.int64).max), 3, 1, np.iinfo(np.int64).max)
    return graph.add("Max", graph.add("Abs", inner), graph.constant(_FLOOR))


def _deviation(graph: _Graph, grey: str) -> str:
    mean = graph.add("ReduceMean", grey, axes=[1, 2, 3], keepdims=1)
    difference = graph.add("Sub", grey, mean)
    return graph.add("Sqrt", graph.mean(graph.add("Mul", difference, difference)))


def write_package(directory: Path, longer_edge: int = LONGER_EDGE) -> None:
    """Write a package directory, which is made if need be."""
    import onnx

    directory.mkdir(parents=True, exist_ok=True)
    onnx.save(network(), directory / "weights.onnx")
    config = {
        "model_architecture": "photo-quality",
        "task_type": "image-quality",
        "backend_type": "onnx",
        "dynamic_batch_size_supported": True,
        "weights_license": "Apache-2.0",
        "source": "https://doi.org/10.1117/12.702790",
        "version": "1",
    }
    _write(directory / "model_config.json", config)
    _write(directory / CONFIG_NAME, {"longer_edge": longer_edge, "measures": MEASURES})


def _write(path: Path, document: object) -> None:
    path.write_text(json.dumps(document, indent=2) + "\n", "utf-8")


def main() -> None:
    """Read the command line and write the package."""
    parser = argparse.ArgumentParser(prog="python -m community_model.export", description="Write the package.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--longer-edge", type=int, default=LONGER_EDGE, help="larger pictures are reduced to this")
    given = parser.parse_args()
    write_package(given.directory, given.longer_edge)
    print(given.directory)


if __name__ == "__main__":
    main()
