"""Sessions of torch tensors serve every task as those of numpy arrays do: nothing here knows which it has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from im_yolo import plugin
from inference_models.developer_tools import TensorInfo

torch: Any = pytest.importorskip("torch")

SIZES = ((80, 120), (150, 96), (96, 96))
SPECS = {(name, spec.task_type): spec for spec in plugin.im_models() for name in spec.architectures}
VARIANTS = [
    (*row, fused)
    for row, spec in SPECS.items()
    for fused in (False, True)
    if not fused or spec.supported_model_features
]

# What the nodes of networks.py do, in torch.
OPERATIONS: dict[str, Any] = {
    "Conv": lambda x, w, strides: torch.nn.functional.conv2d(x, w, stride=strides),
    "Reshape": lambda x, shape: x.reshape([x.shape[i] if size == 0 else size for i, size in enumerate(shape.tolist())]),
    "Sigmoid": torch.sigmoid,
    "Mul": torch.mul,
    "Add": torch.add,
    "MatMul": torch.matmul,
    "Slice": lambda x, start, stop, axis: x.narrow(int(axis), int(start), int(stop - start)),
    "Concat": lambda *parts, axis: torch.cat(parts, dim=axis),
    "Transpose": lambda x, perm: x.permute(perm),
    "ReduceMax": lambda x, axes, keepdims: x.amax(dim=axes, keepdim=bool(keepdims)),
    "ReduceMean": lambda x, axes, keepdims: x.mean(dim=axes, keepdim=bool(keepdims)),
    "ArgMax": lambda x, axis, keepdims: x.argmax(dim=axis, keepdim=bool(keepdims)),
    "Cast": lambda x, to: x.to(torch.float32),
    "Identity": lambda x: x,
}


class Module(torch.nn.Module):  # type: ignore[misc]
    """An ONNX network as a module of torch."""

    def __init__(self, network: onnx.ModelProto) -> None:
        super().__init__()
        self._graph = network.graph
        for one in network.graph.initializer:
            self.register_buffer(one.name, torch.from_numpy(numpy_helper.to_array(one).copy()))

    def forward(self, images: Any) -> dict[str, Any]:
        values = {"images": images, **dict(self.named_buffers())}
        for node in self._graph.node:
            attributes = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
            values[node.output[0]] = OPERATIONS[node.op_type](*[values[name] for name in node.input], **attributes)
        return {one.name: values[one.name] for one in self._graph.output}


class TorchSession:
    """Runs the module; takes and gives tensors."""

    device, array_kind = "cpu", "torch"
    runtime: Mapping[str, object] = {}

    def __init__(self, module: Module, batch: int | None, *, knows_outputs: bool) -> None:
        self._module, self._batch = module, batch
        described = onnxruntime.InferenceSession(module_bytes(module)).get_outputs() if knows_outputs else ()
        self.inputs = (TensorInfo("images", (batch, 3, 96, 96), "float32"),)
        self.outputs = tuple(
            TensorInfo(one.name, tuple(size if isinstance(size, int) else None for size in one.shape), "float32")
            for one in described
        )

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        (images,) = feeds.values()
        assert isinstance(images, torch.Tensor)
        assert self._batch in (None, len(images))
        with torch.inference_mode():
            found: dict[str, Any] = self._module(images)
        return found

    def close(self) -> None:
        pass


class NumpySession(TorchSession):
    """The same, but for the kind of arrays."""

    array_kind = "numpy"

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        found = super().run({name: torch.from_numpy(array) for name, array in feeds.items()})
        return {name: tensor.numpy() for name, tensor in found.items()}


def module_bytes(module: Module) -> bytes:
    return onnx.helper.make_model(
        module._graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8
    ).SerializeToString()


def as_plain(found: Any) -> Any:
    """Return what predictions say as plain values, masks as RLE."""
    if isinstance(found, (list, tuple)):
        return [as_plain(one) for one in found]
    if hasattr(found, "to_dict"):
        return found.to_dict()
    return np.asarray(found).tolist()


def kinds_of(found: Any) -> set[str]:
    """Return which libraries' arrays there are in predictions."""
    if isinstance(found, (list, tuple)):
        return set().union(*map(kinds_of, found))
    return {getattr(found, "array_kind", type(found).__module__.split(".")[0])}


def load(spec: Any, directory: Path, session: TorchSession) -> Any:
    return spec.target.resolve().from_pretrained(directory, open_session=lambda _: session)


@pytest.mark.parametrize(("architecture", "task", "fused"), VARIANTS)
def test_tensors_and_arrays_from_the_network_give_the_same(
    workbench: Any, networks: Any, architecture: str, task: str, fused: bool
) -> None:
    spec = SPECS[architecture, task]
    directory = networks.package(workbench, architecture, task, fused=fused, batch=None)
    network = onnx.load(directory / "weights.onnx")
    module = Module(network)
    images = [workbench.picture(*size, seed) for seed, size in enumerate(SIZES)]
    tensors = [torch.from_numpy(image[..., ::-1].transpose(2, 0, 1).copy()) for image in images]
    expected = as_plain(load(spec, directory, NumpySession(module, None, knows_outputs=True))(images))
    for batch, knows_outputs in ((None, True), (None, False), (2, False)):
        model = load(spec, directory, TorchSession(module, batch, knows_outputs=knows_outputs))
        found = model(images)
        assert kinds_of(found) == {"numpy"}
        if batch is None:  # other batches round differently
            assert as_plain(found) == expected
        in_kind = model(tensors)
        assert kinds_of(in_kind) == {"torch"}
        assert as_plain(in_kind) == as_plain(found)


@pytest.mark.parametrize("task", ["object-detection", "instance-segmentation", "classification", "depth-estimation"])
def test_the_module_is_the_network(networks: Any, task: str) -> None:
    network = networks.for_task(task, "end-to-end", None)
    images = np.random.default_rng(0).random((2, 3, 96, 96), np.float32)
    expected = onnxruntime.InferenceSession(network.SerializeToString()).run(None, {"images": images})
    for one, other in zip(expected, Module(network)(torch.from_numpy(images)).values(), strict=True):
        np.testing.assert_allclose(other.numpy(), one, atol=1e-3)
