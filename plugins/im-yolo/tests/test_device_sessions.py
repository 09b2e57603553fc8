"""A network on a device: images go there once, all is done there, and predictions are those of the host.

"cpu:0" is main memory that goes the device's way; with `-m gpu` the same runs on a GPU. The network itself is run by
ONNX Runtime on the host in both, so that what differs is what is under test.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import onnxruntime
import pytest
from attrs import fields

from im_yolo import plugin
from inference_models import InstancesRLEMasks
from inference_models.developer_tools import RecommendedParameters, TensorInfo

torch: Any = pytest.importorskip("torch")

DEVICES = ["cpu:0", pytest.param("cuda", marks=pytest.mark.gpu)]
SIZES = ((80, 120), (150, 96), (80, 120))
SPECS = {(name, spec.task_type): spec for spec in plugin.im_models() for name in spec.architectures}
VARIANTS = [
    (spec.architectures[0], spec.task_type, fused)  # the others share its class
    for spec in plugin.im_models()
    for fused in (False, True)
    if not fused or spec.supported_model_features
]
BY_CLASS = RecommendedParameters(confidence=0.3, per_class_confidence={"circle": 0.45, "star": 0.35, "sky": 0.4})


class Watched(torch.Tensor):  # type: ignore[misc]
    """Notes how many values of it, and of what is computed from it, are brought to the host."""

    TRANSFERS: ClassVar[frozenset[str]] = frozenset(("cpu", "numpy", "tolist", "item", "__array__"))
    fetched: ClassVar[list[int]] = []

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", "") in cls.TRANSFERS:
            cls.fetched.append(args[0].numel())
        return super().__torch_function__(func, types, args, kwargs or {})


class DeviceSession:
    """Takes and gives tensors on a device, as one of TorchScript or TensorRT does on a GPU."""

    array_kind = "torch"
    runtime: Mapping[str, object] = {}

    def __init__(self, network: Path, device: str) -> None:
        if device == "cuda" and not torch.cuda.is_available():
            pytest.skip("torch sees no CUDA device")
        self.device = device
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(network, options)
        self.inputs, self.outputs = map(described, (self._session.get_inputs(), self._session.get_outputs()))

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        (images,) = feeds.values()
        assert isinstance(images, torch.Tensor)
        assert images.device.type == torch.device(self.device).type
        given = {self.inputs[0].name: images.as_subclass(torch.Tensor).cpu().numpy()}
        found = {
            one.name: torch.from_numpy(output).to(self.device)
            for one, output in zip(self.outputs, self._session.run(None, given), strict=True)
        }
        return {name: one.as_subclass(Watched) for name, one in found.items()} if self.device == "cpu:0" else found

    def close(self) -> None:
        pass


class HostSession(DeviceSession):
    """The same, of arrays."""

    array_kind, device = "numpy", "cpu"

    def __init__(self, network: Path) -> None:
        super().__init__(network, "cpu")

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        return dict(zip((one.name for one in self.outputs), self._session.run(None, dict(feeds)), strict=True))


def described(tensors: Any) -> tuple[TensorInfo, ...]:
    dtypes = {"tensor(float)": "float32", "tensor(float16)": "float16"}
    shapes = [tuple(size if isinstance(size, int) else None for size in one.shape) for one in tensors]
    return tuple(
        TensorInfo(one.name, shape, dtypes.get(one.type, "int64")) for one, shape in zip(tensors, shapes, strict=True)
    )


def models(spec: Any, directory: Path, device: str) -> tuple[Any, Any]:
    """Return the model on the host and on the device."""
    load, network = spec.target.resolve().from_pretrained, directory / "weights.onnx"
    sessions = (HostSession(network), DeviceSession(network, device))
    return tuple(
        load(directory, open_session=lambda _, session=session: session, recommended_parameters=BY_CLASS)
        for session in sessions
    )


def parts(found: Any) -> list[Any]:
    """Return single predictions, whatever a task returns them in."""
    return [part for one in found for part in parts(one)] if isinstance(found, (list, tuple)) else [found]


def arrays(prediction: Any) -> dict[str, Any]:
    if not hasattr(type(prediction), "__attrs_attrs__"):
        return {"map": prediction}
    return {one.name: getattr(prediction, one.name) for one in fields(type(prediction))}


def check(found: Any, expected: Any, kind: type) -> int:
    """Compare predictions, and return how many values they hold."""
    values = 0
    for one, wanted in zip(parts(found), parts(expected), strict=True):
        for name, array in arrays(wanted).items():
            value = arrays(one)[name]
            if isinstance(array, InstancesRLEMasks):
                values += compare(name, value.to_dense(), array.to_dense())
            elif isinstance(array, np.ndarray):
                assert isinstance(value, kind), name
                values += compare(name, value.cpu().numpy() if isinstance(value, torch.Tensor) else value, array)
            else:
                assert value == array, name
    return values


def compare(name: str, value: Any, array: Any) -> int:
    assert value.dtype == array.dtype, name
    if array.dtype == np.bool_:
        # The end-to-end networks say one instance 48 times; the logits of one of its masks are 0 to seven digits.
        assert (value != array).sum() <= 1e-3 * array.size
    else:
        np.testing.assert_allclose(value, array, atol=2e-4, rtol=1e-5, err_msg=name)
    return int(array.size)


def as_tensors(images: list[Any], device: str) -> list[Any]:
    return [torch.from_numpy(image[..., ::-1].transpose(2, 0, 1).copy()).to(device) for image in images]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("architecture", "task", "fused"), VARIANTS)
def test_every_row_says_what_it_says_on_the_host(
    workbench: Any, networks: Any, architecture: str, task: str, fused: bool, device: str
) -> None:
    directory = networks.package(workbench, architecture, task, fused=fused, batch=None)
    host, there = models(SPECS[architecture, task], directory, device)
    images = [workbench.picture(*size, seed) for seed, size in enumerate(SIZES)]
    for options in ({}, {} if task in ("classification", "depth-estimation") else {"confidence": "best"}):
        expected = host(images, **options)
        assert check(there(images, **options), expected, np.ndarray) > 0
        check(there(as_tensors(images, device), **options), expected, torch.Tensor)
        found = parts(there(as_tensors(images, "cpu"), **options))
        check(found, expected, torch.Tensor)
        tensors = [array for one in found for array in arrays(one).values() if isinstance(array, torch.Tensor)]
        assert {tensor.device.type for tensor in tensors} == {"cpu"}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("task", "options"),
    [
        ("object-detection", {"iou_threshold": 0.1, "class_agnostic_nms": True, "confidence": 0.2}),
        ("object-detection", {"max_detections": 2, "confidence": 0.0}),
        ("object-detection", {"confidence": 1.0}),
        ("instance-segmentation", {"mask_format": "rle", "confidence": 0.3}),
        ("instance-segmentation", {"mask_format": "rle", "confidence": 1.0}),
        ("instance-segmentation", {"masks_smoothing_enabled": False, "masks_binarization_threshold": 0.7}),
        ("keypoint-detection", {"key_points_threshold": 0.5}),
        ("multi-label-classification", {"confidence": 0.0}),
    ],
)
def test_every_option_does_what_it_does_on_the_host(
    workbench: Any, networks: Any, task: str, options: dict[str, Any], device: str
) -> None:
    directory = networks.package(workbench, "yolov8", task, fused=False, batch=None)
    host, there = models(SPECS["yolov8", task], directory, device)
    images = [workbench.picture(*size, seed) for seed, size in enumerate(SIZES)]
    expected = host(images, **options)
    check(there(images, **options), expected, np.ndarray)
    check(there(as_tensors(images, device), **options), expected, torch.Tensor)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("layout", ["flat, class first", "flat, score first", "counted"])
def test_other_outputs_of_fused_nms_are_read_there(workbench: Any, networks: Any, layout: str, device: str) -> None:
    network = networks.counted() if layout == "counted" else networks.flat(class_first=layout == "flat, class first")
    architecture = "yolonas" if layout == "flat, score first" else "yolov7"
    size = {"training_input_size": {"height": networks.SIZE, "width": networks.SIZE}}
    post_processing = {"type": "nms", "fused": True}
    directory = workbench.package(
        network, architecture=architecture, network_input=size, post_processing=post_processing
    )
    host, there = models(SPECS[architecture, "object-detection"], directory, device)
    images = [workbench.picture(*size, seed) for seed, size in enumerate(SIZES)]
    for confidence in (0.3, "best"):
        expected = host(images, confidence=confidence)
        assert check(there(images, confidence=confidence), expected, np.ndarray) > 0
        check(there(as_tensors(images, device), confidence=confidence), expected, torch.Tensor)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    "task", ["object-detection", "semantic-segmentation", "classification", "multi-label-classification"]
)
def test_removed_classes_are_left_out(workbench: Any, networks: Any, task: str, device: str) -> None:
    architecture = "yolo26" if task == "semantic-segmentation" else "yolov8"
    removed = "road" if task == "semantic-segmentation" else "square"
    directory = networks.package(workbench, architecture, task, fused=False, batch=None)
    config = directory / "inference_config.json"
    operations = f'"class_names_operations": [{{"type": "class_name_removal", "class_name": "{removed}"}}], '
    config.write_text("{" + operations + config.read_text()[1:])
    host, there = models(SPECS[architecture, task], directory, device)
    image = workbench.picture()
    assert removed not in there.class_names
    assert check(there(image), host(image), np.ndarray) > 0


@pytest.mark.parametrize("task", sorted({task for _, task in SPECS}))
def test_only_predictions_are_fetched(workbench: Any, networks: Any, task: str) -> None:
    """What an image's tensors cost: none of its pixels and none of the network's outputs come to the host."""
    directory = networks.package(workbench, "yolo26" if task in MAPS else "yolov8", task, fused=False, batch=None)
    _, there = models(SPECS["yolo26" if task in MAPS else "yolov8", task], directory, "cpu:0")
    image = workbench.picture(240, 400)
    (tensor,) = as_tensors([image], "cpu:0")
    Watched.fetched = []
    there(tensor.as_subclass(Watched))
    assert max(Watched.fetched, default=0) <= 4  # at most the limits of something
    there(image)
    if task not in (*MAPS, "instance-segmentation"):  # as large as the image itself
        assert max(Watched.fetched, default=0) <= 300 * 9


MAPS = ("semantic-segmentation", "depth-estimation")


def test_half_precision_and_several_batches(workbench: Any, networks: Any) -> None:
    directory = workbench.package(workbench.looking(dtype="float16", batch=2))
    host, there = models(SPECS["yolov8", "object-detection"], directory, "cpu:0")
    images = [workbench.picture(*size, seed) for seed, size in enumerate(SIZES[:3])]
    assert check(there(images, confidence=0.3), host(images, confidence=0.3), np.ndarray) > 0
