"""A small writer of ONNX graphs: layers of YOLOv8 as methods, with seeded random weights."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import define, field
from onnx import helper, numpy_helper


@define
class Graph:
    """An ONNX graph under construction. Each method adds an operation and returns its output's name."""

    random: np.random.Generator
    nodes: list[Any] = field(factory=list)
    constants: list[Any] = field(factory=list)
    channels: dict[str, int] = field(factory=dict)

    def constant(self, value: npt.NDArray[Any]) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def add(self, operation: str, *inputs: str, channels: int = 0, **attributes: Any) -> str:
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(operation, list(inputs), [name], **attributes))
        self.channels[name] = channels
        return name

    def conv(
        self,
        x: str,
        width: int,
        kernel: int = 1,
        stride: int = 1,
        *,
        activate: bool = True,
        bias: npt.NDArray[np.floating[Any]] | None = None,
    ) -> str:
        inputs = self.channels[x]
        fan_in = inputs * kernel * kernel
        weight = self.random.normal(0, math.sqrt(2.5 / fan_in), (width, inputs, kernel, kernel)).astype(np.float32)
        biases = self.random.normal(0, 0.1, width) + (0 if bias is None else bias)
        constants = self.constant(weight), self.constant(biases.astype(np.float32))
        y = self.add(
            "Conv",
            x,
            *constants,
            channels=width,
            strides=[stride] * 2,
            pads=[kernel // 2] * 4,
            kernel_shape=[kernel] * 2,
        )
        return self.add("Mul", y, self.add("Sigmoid", y), channels=width) if activate else y

    def concat(self, *inputs: str) -> str:
        return self.add("Concat", *inputs, axis=1, channels=sum(self.channels[x] for x in inputs))

    def upsample(self, x: str) -> str:
        scales = self.constant(np.array([1, 1, 2, 2], np.float32))
        return self.add("Resize", x, "", scales, mode="nearest", channels=self.channels[x])

    def c2f(self, x: str, width: int, depth: int, shortcut: bool) -> str:
        """Two paths, one through `depth` bottlenecks, every step of which is joined at the end."""
        half = width // 2
        both = self.conv(x, width)
        sizes = self.constant(np.array([half, half]))
        first, second = f"{both}a", f"{both}b"
        self.nodes.append(helper.make_node("Split", [both, sizes], [first, second], axis=1))
        self.channels[first] = self.channels[second] = half
        steps = [first, second]
        for _ in range(depth):
            y = self.conv(self.conv(steps[-1], half, 3), half, 3)
            steps.append(self.add("Add", steps[-1], y, channels=half) if shortcut else y)
        return self.conv(self.concat(*steps), width)

    def sppf(self, x: str, width: int) -> str:
        """Max-pool three times in a row and join all stages."""
        steps = [self.conv(x, width // 2)]
        for _ in range(3):
            steps.append(
                self.add("MaxPool", steps[-1], kernel_shape=[5, 5], pads=[2] * 4, strides=[1, 1], channels=width // 2)
            )
        return self.conv(self.concat(*steps), width)

    def flat(self, x: str) -> str:
        """Join height and width into one axis."""
        shape = self.constant(np.array([1, self.channels[x], -1]))
        return self.add("Reshape", x, shape, channels=self.channels[x])
