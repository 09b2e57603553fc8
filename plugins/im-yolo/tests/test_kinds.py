"""What images may be, and that boxes find the way back to them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from im_backend_onnx.session import open_session
from im_yolo.detection import YOLODetector
from inference_models import InvalidParameterError, ModelInputError


def assert_same(found: Any, expected: Any) -> None:
    torch = pytest.importorskip("torch")
    for name in ("xyxy", "class_id", "confidence"):
        tensor = getattr(found, name)
        assert isinstance(tensor, torch.Tensor)
        assert tensor.device.type == "cpu"
        np.testing.assert_array_equal(tensor.numpy(), getattr(expected, name))
    assert found.names == expected.names
    assert len(expected) > 5


def test_tensors_give_tensors_with_what_arrays_give(workbench: Any) -> None:
    torch = pytest.importorskip("torch")
    model = workbench.load(workbench.looking())
    image = workbench.picture()
    (expected,) = model(image, confidence=0.7)
    rgb = torch.from_numpy(image[..., ::-1].transpose(2, 0, 1).copy())
    for given in (rgb, [rgb], rgb[None], rgb.float() / 255):
        (found,) = model(given, confidence=0.7)
        assert_same(found, expected)
    (found,) = model(rgb.flip(0), confidence=0.7, input_color_format="bgr")
    assert_same(found, expected)


def test_arrays_and_tensors_in_one_list_come_back_in_kind(workbench: Any) -> None:
    torch = pytest.importorskip("torch")
    model = workbench.load(workbench.looking())
    image = workbench.picture()
    tensor = torch.from_numpy(image[..., ::-1].transpose(2, 0, 1).copy())
    first, second, third = model([image, tensor, image], confidence=0.7)
    assert_same(second, first)
    np.testing.assert_array_equal(first.xyxy, third.xyxy)


def test_nothing_found_in_a_tensor_is_empty_tensors(workbench: Any) -> None:
    torch = pytest.importorskip("torch")
    (found,) = workbench.load(workbench.looking())(torch.zeros(3, 50, 60, dtype=torch.uint8), confidence=1)
    assert (tuple(found.xyxy.shape), found.class_id.dtype) == ((0, 4), torch.int32)


@pytest.mark.parametrize("shape", [(50, 60), (2, 50, 60), (0, 60, 3), (1, 2, 50, 60, 3)])
def test_what_is_no_image_is_refused(workbench: Any, shape: tuple[int, ...]) -> None:
    """The peer fails with errors of OpenCV and torch."""
    model = workbench.load(workbench.looking())
    with pytest.raises(ModelInputError):
        model(np.zeros(shape, np.uint8))


# Where boxes of 16 x 16 pixels in the network's input, 320 x 320, lie in a picture of 200 x 400.
CENTRES = np.array([[120, 128], [200, 160]])
WAYS = {
    "letterbox": (0.8, 80, (0, 0)),
    "letterbox-reflect-edges": (0.8, 80, (0, 0)),
    "fit-longer-edge": (0.8, 80, (0, 0)),
    "center-crop": (1, 60, (40, 0)),
}


@pytest.mark.parametrize("mode", WAYS)
def test_boxes_find_the_way_back_from_every_resize_mode(workbench: Any, mode: str) -> None:
    rows = np.array([[*centre, 16, 16, 0.9, 0, 0] for centre in CENTRES], np.float32)
    model = workbench.load(workbench.saying(rows.T), network_input={"resize_mode": mode})
    (found,) = model(np.zeros((200, 400, 3), np.uint8))
    scale, above, (left, top) = WAYS[mode]
    expected = (CENTRES - [0, above]) / scale + [left, top]
    np.testing.assert_allclose((found.xyxy[:, :2] + found.xyxy[:, 2:]) / 2, expected, atol=1e-3)


def test_boxes_find_the_way_back_from_a_static_crop(workbench: Any) -> None:
    rows = np.array([[160, 160, 32, 64, 0.9, 0, 0]], np.float32)
    crop = {"static-crop": {"enabled": True, "x_min": 50, "x_max": 100, "y_min": 0, "y_max": 50}}
    model = workbench.load(
        workbench.saying(rows.T), network_input={"resize_mode": "stretch"}, image_pre_processing=crop
    )
    (found,) = model(np.zeros((200, 400, 3), np.uint8))
    np.testing.assert_allclose(found.xyxy, [[290, 40, 310, 60]], atol=1e-3)


def test_a_network_of_any_size_takes_another_per_call(workbench: Any) -> None:
    free = {
        "dynamic_spatial_size_supported": True,
        "dynamic_spatial_size_mode": {"type": "pad-to-be-divisible", "value": 32},
    }
    network = workbench.looking(size=320)
    for value, axes in ((network.graph.input[0], (2, 3)), (network.graph.output[0], (2,))):
        for axis in axes:
            value.type.tensor_type.shape.dim[axis].dim_param = f"size{axis}"
    model = YOLODetector.from_pretrained(workbench.package(network, network_input=free), open_session=open_session)
    inputs, _ = model.pre_process(workbench.picture(), image_size=(200, 160))
    assert inputs.shape == (1, 3, 160, 224)
    assert model.forward(inputs).boxes[0].shape == (1, 7, 20 * 28)


def test_a_network_of_one_size_takes_no_other(workbench: Any) -> None:
    model = workbench.load(workbench.looking())
    with pytest.raises(InvalidParameterError, match="image_size"):
        model(workbench.picture(), image_size=640)
