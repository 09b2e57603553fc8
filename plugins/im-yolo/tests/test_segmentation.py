"""Instance segmentation of every layout against a plain reading of its definition, with whole maps in float64."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from attrs import define
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from im_yolo import segmentation
from inference_models import CorruptedModelPackageError, InstanceDetections, InstancesRLEMasks, InvalidParameterError
from inference_models.developer_tools import ImageDimensions, PreProcessingMetadata, StaticCropOffset, TensorInfo

CLASSES, KINDS, CELLS = 3, 32, 80
# A picture of 240 x 400, 5 columns and 7 rows into a larger one, in a letterbox of 320 x 320.
SCALE, ABOVE, LEFT, TOP = 0.8, 64, 5, 7
PLACEMENT = PreProcessingMetadata(
    pad_left=0, pad_top=ABOVE, pad_right=0, pad_bottom=ABOVE, original_size=ImageDimensions(250, 420),
    size_after_pre_processing=ImageDimensions(240, 400), inference_size=ImageDimensions(320, 320),
    scale_width=SCALE, scale_height=SCALE, static_crop_offset=StaticCropOffset(LEFT, TOP, 400, 240),
)  # fmt: skip
CONFIG: dict[str, Any] = {
    "network_input": {
        "training_input_size": {"height": 320, "width": 320},
        "dynamic_spatial_size_supported": False,
        "color_mode": "rgb",
        "resize_mode": "letterbox",
        "input_channels": 3,
    },
    "post_processing": {"type": "nms", "fused": False},
}
# By layout: the class, whether NMS is fused into the export, and whether it smooths masks.
LAYOUTS: dict[str, tuple[Any, bool, bool]] = {
    "anchor-free": (segmentation.YOLOInstanceSegmenter, False, True),
    "fused": (segmentation.YOLOInstanceSegmenter, True, True),
    "objectness": (segmentation.YOLOv5InstanceSegmenter, False, False),
    "end-to-end": (segmentation.YOLO26InstanceSegmenter, False, False),
}


@define
class Saying:
    """A session that says `arrays`, and does not know their shapes before it runs unless told."""

    arrays: list[Any]
    inputs: tuple[TensorInfo, ...] = (TensorInfo("images", (None, 3, 320, 320), "float32"),)
    outputs: tuple[TensorInfo, ...] = ()
    device: str = "cpu"
    array_kind: str = "numpy"

    def run(self, feeds: Any) -> dict[str, Any]:
        return {f"output{place}": array[None] for place, array in enumerate(self.arrays)}

    def close(self) -> None:
        self.arrays = []


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    """Packages without and with fused NMS."""
    found = {}
    for fused in (False, True):
        found[fused] = directory = tmp_path_factory.mktemp("package")
        post_processing = {"type": "nms", "fused": fused}
        (directory / "inference_config.json").write_text(json.dumps({**CONFIG, "post_processing": post_processing}))
        (directory / "class_names.txt").write_text("circle\nsquare\nstar\n")
    return found


def load(packages: Any, layout: str, session: Saying) -> Any:
    kind, fused, _ = LAYOUTS[layout]
    return kind.from_pretrained(packages[fused], open_session=lambda _: session)


def segment(packages: Any, layout: str, arrays: list[Any], **options: Any) -> InstanceDetections:
    model = load(packages, layout, Saying(arrays))
    (found,) = model.post_process(model.forward(np.zeros((1, 3, 320, 320), np.float32)), [PLACEMENT], **options)
    return found


def scene(seed: int, count: int) -> tuple[Any, Any, Any, Any, Any]:
    """Return n boxes in input pixels, scores, classes, coefficients, and prototypes."""
    rng = np.random.default_rng(seed)
    corners = rng.uniform(-60, 330, (count, 2))
    boxes = np.concatenate([corners, corners + rng.choice([0, 1, 20, 120, 300], (count, 2))], axis=1)
    smooth = [cv2.resize(plane, (CELLS, CELLS)) for plane in rng.normal(0, 1, (KINDS, 9, 9)).astype(np.float32)]
    scores = rng.permutation(np.linspace(0.05, 0.95, count))  # no ties: their order is tested elsewhere
    return boxes, scores, rng.integers(0, CLASSES, count), rng.normal(0, 1, (count, KINDS)), np.stack(smooth)


def as_outputs(layout: str, boxes: Any, scores: Any, classes: Any, coefficients: Any, prototypes: Any) -> list[Any]:
    """Return the network's outputs that say this."""
    low, high = boxes[:, :2], boxes[:, 2:]
    if layout in ("end-to-end", "fused"):
        rows = np.column_stack([boxes, scores, classes, coefficients])
        return [rows.astype(np.float32), prototypes]
    by_class = np.full((len(boxes), CLASSES), 0.01) + np.eye(CLASSES)[classes] * (scores[:, None] - 0.01)
    objectness = [scores] if layout == "objectness" else []
    rows = np.column_stack([(low + high) / 2, high - low, *objectness, by_class, coefficients]).astype(np.float32)
    if layout == "anchor-free":
        return [rows.T, prototypes]
    return [rows, *[np.zeros((3, size, size, rows.shape[1]), np.float32) for size in (4, 2, 1)], prototypes]  # as v7


def overlap(a: Any, b: Any) -> float:
    inside = max(min(a[2], b[2]) - max(a[0], b[0]), 0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inside
    return inside / union if union > 0 else 0.0


def kept_rows(layout: str, boxes: Any, scores: Any, classes: Any) -> list[int]:
    kept: list[int] = []
    confidence = 0.25 if layout == "end-to-end" else 0.4
    for row in [row for row in np.argsort(-scores) if scores[row] > confidence]:
        rivals = [other for other in kept if classes[other] == classes[row]]
        if layout in ("end-to-end", "fused") or all(overlap(boxes[row], boxes[other]) <= 0.3 for other in rivals):
            kept.append(int(row))
    return kept


def whole_maps(coefficients: Any, prototypes: Any, smoothing: bool) -> Any:
    """(n, H, W) float64: each map, interpolated at every pixel of the source image."""
    maps = np.tensordot(coefficients.astype(np.float64), prototypes.astype(np.float64), 1)
    maps = 1 / (1 + np.exp(-maps)) if smoothing else maps
    y = ((np.arange(250) + 0.5 - TOP) * SCALE + ABOVE) / 4 - 0.5
    x = (np.arange(420) + 0.5 - LEFT) * SCALE / 4 - 0.5
    cells = np.arange(CELLS)
    down = np.maximum(0, 1 - np.abs(y.clip(ABOVE / 4, CELLS - ABOVE / 4 - 1)[:, None] - cells))
    across = np.maximum(0, 1 - np.abs(x.clip(0, CELLS - 1)[:, None] - cells))
    return down @ maps @ across.T


def check(layout: str, found: InstanceDetections, arrays: tuple[Any, Any, Any, Any, Any], smoothing: bool) -> None:
    boxes, scores, classes, coefficients, prototypes = arrays
    rows = kept_rows(layout, boxes, scores, classes)
    np.testing.assert_array_equal(found.class_id, classes[rows])
    np.testing.assert_allclose(found.confidence, scores[rows], atol=1e-6)
    wanted = (boxes[rows] - [0, ABOVE, 0, ABOVE]) / SCALE + [LEFT, TOP, LEFT, TOP]
    np.testing.assert_allclose(found.xyxy, wanted.clip(0, [420, 250, 420, 250]), atol=1e-3)
    assert found.mask.shape == (len(rows), 250, 420)
    x, y = np.arange(420) + 0.5, (np.arange(250) + 0.5)[:, None]
    used = (x > LEFT) & (x < LEFT + 400) & (y > TOP) & (y < TOP + 240)
    values = whole_maps(coefficients[rows].astype(np.float32), prototypes, smoothing)
    for box, mask, value in zip(found.xyxy, found.mask, values, strict=True):
        allowed = (x >= box[0]) & (x < box[2]) & (y >= box[1]) & (y < box[3]) & used
        level = 0.5 if smoothing else 0.0
        wrong = mask != ((value > level) & allowed)
        assert (np.abs(value - level)[wrong] < 1e-4).all()
        assert not (mask & ~allowed).any()
        assert wrong.sum() <= 0.005 * max((mask | (value > level) & allowed).sum(), 200)


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 25))
def test_masks_agree_with_whole_maps_in_double_precision(packages: Any, layout: str, seed: int, count: int) -> None:
    arrays = scene(seed, count)
    outputs = as_outputs(layout, *arrays)
    found = segment(packages, layout, outputs)
    check(layout, found, arrays, LAYOUTS[layout][2])
    encoded = segment(packages, layout, outputs, mask_format="rle")
    assert encoded.mask == InstancesRLEMasks.from_dense(found.mask)
    np.testing.assert_array_equal(encoded.xyxy, found.xyxy)


@pytest.mark.parametrize("smoothing", [True, False])
def test_smoothing_can_be_switched(packages: Any, smoothing: bool) -> None:
    arrays = scene(1, 20)
    found = segment(packages, "end-to-end", as_outputs("end-to-end", *arrays), masks_smoothing_enabled=smoothing)
    assert found.mask.sum() > 10_000
    check("end-to-end", found, arrays, smoothing)


def test_a_higher_threshold_gives_smaller_masks(packages: Any) -> None:
    outputs = as_outputs("anchor-free", *scene(1, 20))
    areas = [
        segment(packages, "anchor-free", outputs, masks_binarization_threshold=threshold).mask.sum()
        for threshold in (0.2, 0.5, 0.8, 1.0)
    ]
    assert areas[0] > areas[1] > areas[2] > areas[3] == 0


def test_an_objectness_score_is_not_a_class(packages: Any) -> None:
    boxes, prototypes = np.array([[40.0, 100, 80, 140]]), np.ones((KINDS, CELLS, CELLS), np.float32)
    arrays = boxes, np.array([0.9]), np.array([0]), np.ones((1, KINDS)), prototypes
    found = segment(packages, "objectness", as_outputs("objectness", *arrays))
    assert found.class_id.tolist() == [0]
    assert found.mask.sum() == 50 * 50


@pytest.mark.parametrize(
    "options",
    [
        {"mask_format": "polygons"},
        {"mask_format": None},
        {"mask_format": ["rle"]},
        {"masks_smoothing_enabled": 1},
        {"masks_binarization_threshold": 1.5},
        {"masks_binarization_threshold": "high"},
    ],
)
def test_options_that_cannot_be_used_are_refused(packages: Any, options: Any) -> None:
    with pytest.raises(InvalidParameterError, match=next(iter(options))):
        segment(packages, "anchor-free", as_outputs("anchor-free", *scene(1, 3)), **options)


def test_a_network_without_prototypes_is_refused_when_it_is_loaded(packages: Any) -> None:
    session = Saying([], outputs=(TensorInfo("output0", (1, 4 + CLASSES, 2100), "float32"),))
    with pytest.raises(CorruptedModelPackageError, match=r"\(1, 7, 2100\); expected exactly one with four axes"):
        load(packages, "anchor-free", session)


def test_coefficients_that_do_not_fit_the_prototypes_are_refused(packages: Any) -> None:
    shapes = {"output0": (1, 4 + CLASSES + 16, 2100), "output1": (1, KINDS, CELLS, CELLS)}
    session = Saying([], outputs=tuple(TensorInfo(name, shape, "float32") for name, shape in shapes.items()))
    with pytest.raises(CorruptedModelPackageError, match="32 further values"):
        load(packages, "anchor-free", session)


def test_a_package_loads_by_its_task_and_names_its_masks(workbench: Any) -> None:
    rng = np.random.default_rng(0)
    boxes, prototypes = np.array([[40.0, 100, 80, 140], [200, 90, 300, 200]]), rng.normal(0, 1, (KINDS, 80, 80))
    arrays = boxes, np.array([0.9, 0.8]), np.array([2, 0]), rng.normal(0, 1, (2, KINDS)), prototypes.astype(np.float32)
    network = two_outputs(*as_outputs("anchor-free", *arrays))
    picture = workbench.picture(240, 400)
    for architecture in ("yolov8", "yolov11"):
        directory = workbench.package(network, architecture=architecture, task="instance-segmentation")
        with workbench.open(directory) as model:
            assert model.supported_mask_formats == {"dense", "rle"}
            one, two = model([picture, picture], confidence=0.5)
            (encoded,) = model(picture, mask_format="rle")
        assert one.class_names == ("circle", "square", "star")
        assert one.class_id.tolist() == [2, 0]
        assert one.mask.shape == (2, 240, 400)
        assert 0 < one.mask[0].sum() < 50 * 50
        np.testing.assert_array_equal(one.mask, two.mask)
        assert encoded.mask == InstancesRLEMasks.from_dense(one.mask)


def two_outputs(*outputs: Any) -> Any:
    """Return a network that says these about every image."""
    nodes = [
        helper.make_node("ReduceMax", ["images"], ["brightest"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["brightest", "zero"], ["zeros"]),
    ]
    constants = {"zero": np.zeros((), np.float32)}
    infos = []
    for place, output in enumerate(outputs):
        name = f"output{place}"
        constants |= {f"axes{place}": np.arange(1, output.ndim + 1), f"said{place}": output}
        nodes.append(helper.make_node("Unsqueeze", ["zeros", f"axes{place}"], [f"column{place}"]))
        nodes.append(helper.make_node("Add", [f"column{place}", f"said{place}"], [name]))
        infos.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *output.shape]))
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, 320, 320])
    initializers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "says", [images], infos, initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
