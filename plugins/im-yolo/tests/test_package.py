from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from im_yolo.detection import YOLODetector
from inference_models import CorruptedModelPackageError, ModelLoadingError
from inference_models.developer_tools import TensorInfo


def refusal(workbench: Any, directory: Path) -> str:
    with pytest.raises(ModelLoadingError) as caught:
        workbench.open(directory)
    return caught.value.message


@pytest.mark.parametrize("name", ["inference_config.json", "class_names.txt"])
def test_a_missing_file_is_named(workbench: Any, name: str) -> None:
    directory = workbench.package(workbench.looking())
    (directory / name).unlink()
    with pytest.raises(CorruptedModelPackageError, match=f"{name} is missing"):
        workbench.open(directory)


def test_class_names_that_do_not_fit_the_network_are_refused(workbench: Any) -> None:
    message = refusal(workbench, workbench.package(workbench.looking(classes=3), names=("circle", "square")))
    assert "the shape (?, 7, 1600); expected (batch, 6, anchors): 4 box values, 2 class scores" in message
    assert "class_names.txt" in message


def test_a_blank_class_name_keeps_its_id(workbench: Any) -> None:
    model = workbench.load(workbench.looking(), names=("circle", "", "star"))
    assert list(model.class_names) == ["circle", "", "star"]


@pytest.mark.parametrize(
    ("post_processing", "expected"),
    [
        ({"type": "softmax", "fused": False}, 'type "softmax"; supported: "nms"'),
        ({"type": "nms", "fused": True}, "(?, 7, 1600); expected (batch, detections, 6)"),
        (None, "has no post_processing"),
    ],
)
def test_other_post_processing_is_refused(workbench: Any, post_processing: Any, expected: str) -> None:
    assert expected in refusal(workbench, workbench.package(workbench.looking(), post_processing=post_processing))


@pytest.mark.parametrize(
    ("section", "value", "expected"),
    [
        ("network_input", {"training_input_size": {"height": 640, "width": 320}}, "The network takes 320x320"),
        ("network_input", {"input_channels": 1}, "input"),
        ("forward_pass", {"static_batch_size": 2}, "The network takes a batch of 1"),
    ],
)
def test_a_config_that_cannot_be_followed_is_refused(workbench: Any, section: str, value: Any, expected: str) -> None:
    directory = workbench.package(workbench.looking(batch=1), **{section: value})
    assert expected in refusal(workbench, directory)


def test_the_size_comes_from_the_network_when_the_config_leaves_it_free(workbench: Any) -> None:
    free = {
        "training_input_size": None,
        "dynamic_spatial_size_supported": True,
        "dynamic_spatial_size_mode": {"type": "any-size"},
    }
    model = workbench.load(workbench.looking(), network_input=free)
    inputs, _ = model.pre_process(workbench.picture())
    assert inputs.shape == (1, 3, 320, 320)


@pytest.mark.parametrize("shape", [(), (None, 3, None, None)])
def test_the_size_comes_from_the_config_when_the_network_states_none(workbench: Any, shape: tuple[Any, ...]) -> None:
    session: Any = Recorder((TensorInfo("images", shape, "float32"),), ())
    model = YOLODetector.from_pretrained(workbench.package(workbench.looking()), open_session=lambda _: session)
    inputs, _ = model.pre_process(workbench.picture())
    assert inputs.shape == (1, 3, 320, 320)


class Recorder:
    """A session that cannot be used, and notes whether it was closed."""

    array_kind, device = "numpy", "cpu"

    def __init__(self, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> None:
        self.inputs, self.outputs, self.closed = inputs, outputs, False

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(
    ("shapes", "dtype", "expected"),
    [
        ([(1, 3, 320)], "float32", r"one input of shape \(batch, 3, height, width\), found images"),
        ([(1, 4, 320, 320)], "float32", "one input of shape"),
        ([(1, 3, 320, 320), (1, 2)], "float32", "one input of shape"),
        ([], "float32", "found none"),
        ([(1, 3, 320, 320)], "uint8", "The network takes uint8; supported: float16, float32"),
    ],
)
def test_a_network_that_is_refused_is_closed(
    workbench: Any, shapes: list[tuple[int, ...]], dtype: str, expected: str
) -> None:
    session: Any = Recorder(tuple(TensorInfo("images", shape, dtype) for shape in shapes), ())
    directory = workbench.package(workbench.looking())
    with pytest.raises(ModelLoadingError, match=expected):
        YOLODetector.from_pretrained(directory, open_session=lambda _: session)
    assert session.closed
