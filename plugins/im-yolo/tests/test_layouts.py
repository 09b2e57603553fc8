"""Every layout against a plain reading of its definition, in Python's own float64."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from attrs import define
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from im_yolo import detection
from inference_models import Detections
from inference_models.developer_tools import (
    ImageDimensions,
    PreProcessingMetadata,
    RecommendedParameters,
    StaticCropOffset,
    TensorInfo,
)

Floats = npt.NDArray[np.float32]
Found = tuple[list[float], float, int]

CLASSES = 3
BEST = RecommendedParameters(0.5, {"circle": 0.25, "star": 0.75})
BEST_BY_CLASS = [0.25, 0.5, 0.75]
# A picture of 240 x 400 in a letterbox of 320 x 320: 0.8 of its size, 64 rows above.
SCALE, ABOVE, HEIGHT, WIDTH = 0.8, 64, 240, 400
PLACEMENT = PreProcessingMetadata(
    pad_left=0,
    pad_top=ABOVE,
    pad_right=0,
    pad_bottom=ABOVE,
    original_size=ImageDimensions(HEIGHT, WIDTH),
    size_after_pre_processing=ImageDimensions(HEIGHT, WIDTH),
    inference_size=ImageDimensions(320, 320),
    scale_width=SCALE,
    scale_height=SCALE,
    static_crop_offset=StaticCropOffset(0, 0, WIDTH, HEIGHT),
)

CONFIG = {
    "network_input": {
        "training_input_size": {"height": 320, "width": 320},
        "dynamic_spatial_size_supported": False,
        "color_mode": "rgb",
        "resize_mode": "letterbox",
        "padding_value": 114,
        "input_channels": 3,
        "scaling_factor": 255,
    },
    "post_processing": {"type": "nms", "fused": False},
}
# By layout: the class, and how many columns its rows have.
LAYOUTS = {
    "anchor-free": (detection.YOLODetector, 4 + CLASSES),
    "anchor-free, last": (detection.YOLODetector, 4 + CLASSES),
    "objectness": (detection.YOLOv5Detector, 5 + CLASSES),
    "without objectness": (detection.YOLOv5Detector, 4 + CLASSES),
    "end-to-end": (detection.YOLOv10Detector, 6),
    "split": (detection.YOLONASDetector, 4 + CLASSES),
}


@define
class Saying:
    """A session that says `arrays`, and does not know their shapes before it runs."""

    arrays: Sequence[Floats] = ()
    inputs: tuple[TensorInfo, ...] = (TensorInfo("images", (None, 3, 320, 320), "float32"),)
    outputs: tuple[TensorInfo, ...] = ()
    device: str = "cpu"
    array_kind: str = "numpy"

    def run(self, feeds: Any) -> dict[str, Floats]:
        return {f"output{place}": array[None] for place, array in enumerate(self.arrays)}

    def close(self) -> None:
        self.arrays = ()


@define
class Detector:
    """A model of one layout, and the session to put words into the mouth of."""

    layout: str
    model: detection.YOLODetector
    session: Saying

    def __call__(self, rows: Floats, **options: Any) -> Detections:
        self.session.arrays = as_outputs(self.layout, rows)
        raw = self.model.forward(np.zeros((1, 3, 320, 320), np.float32))
        (found,) = self.model.post_process(raw, [PLACEMENT], **options)
        return found


@pytest.fixture(scope="module", params=LAYOUTS)
def detect(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Detector:
    directory = tmp_path_factory.mktemp("package")
    (directory / "inference_config.json").write_text(json.dumps(CONFIG))
    (directory / "class_names.txt").write_text("circle\nsquare\nstar\n")
    session: Any = Saying()
    model = LAYOUTS[request.param][0].from_pretrained(
        directory, open_session=lambda _: session, recommended_parameters=BEST
    )
    return Detector(request.param, model, session)


def as_outputs(layout: str, rows: Floats) -> list[Floats]:
    """Return rows, one for each box, as the network's outputs."""
    if layout in ("anchor-free", "without objectness"):
        return [rows.T]
    return [rows[:, :4], rows[:, 4:]] if layout == "split" else [rows]


def boxes_of(layout: str, rows: Floats, thresholds: list[float]) -> Iterator[Found]:
    """Read rows as the layout defines them, and yield box, score and class of those above the threshold."""
    for row in rows.astype(np.float64).tolist():
        box, rest = row[:4], row[4:]
        if layout == "end-to-end":
            score, class_id = rest[0], int(rest[1])
            deciding = score
        else:
            classes = rest[1:] if layout == "objectness" else rest
            score = max(classes)
            class_id = classes.index(score) if not any(map(math.isnan, classes)) else 0
            deciding = rest[0] if layout == "objectness" else score
            if any(map(math.isnan, classes)):
                continue
        if not all(map(math.isfinite, box)) or not deciding > thresholds[class_id]:
            continue
        if layout not in ("split", "end-to-end"):
            x, y, w, h = box
            box = [x - w / 2, y - h / 2, x + w / 2, y + h / 2]
        yield box, score, class_id


def overlap(a: list[float], b: list[float]) -> float:
    inside = max(min(a[2], b[2]) - max(a[0], b[0]), 0.0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0.0)
    areas = [max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0) for box in (a, b)]
    union = areas[0] + areas[1] - inside
    return inside / union if union > 0 else 0.0


def reference(
    layout: str, rows: Floats, thresholds: list[float], iou: float, max_detections: int, agnostic: bool
) -> list[Found]:
    kept: list[Found] = []
    for one in sorted(boxes_of(layout, rows, thresholds), key=lambda found: -found[1]):  # stable
        rivals = [other for other in kept if agnostic or other[2] == one[2]]
        if layout == "end-to-end" or all(overlap(one[0], other[0]) <= iou for other in rivals):
            kept.append(one)
        if len(kept) == max_detections:
            break
    return [(to_source(box), score, class_id) for box, score, class_id in kept]


def to_source(box: list[float]) -> list[float]:
    x, y = [value / SCALE for value in box[0::2]], [(value - ABOVE) / SCALE for value in box[1::2]]
    x, y = [min(max(value, 0.0), WIDTH) for value in x], [min(max(value, 0.0), HEIGHT) for value in y]
    return [x[0], y[0], x[1], y[1]]


def assert_same(found: Detections, expected: list[Found]) -> None:
    assert found.class_id.tolist() == [class_id for _, _, class_id in expected]
    assert found.confidence.tolist() == [score for _, score, _ in expected]
    boxes = np.array([box for box, _, _ in expected]).reshape(-1, 4)
    np.testing.assert_allclose(found.xyxy, boxes, rtol=1e-5, atol=2e-3)
    assert (found.xyxy.dtype, found.confidence.dtype, found.class_id.dtype) == (np.float32, np.float32, np.int32)


# Quarters of pixels, so that both sides compute the same overlaps exactly; few distinct scores, so that there are ties.
COORDINATE = st.one_of(
    st.integers(-40, 40).map(lambda n: n / 4),
    st.integers(-4000, 4000).map(lambda n: n / 4),
    st.sampled_from([math.nan, math.inf, -math.inf]),
)
SCORE = st.one_of(st.sampled_from([0.0, 0.25, 0.5, 0.5, 0.75, 1.0, math.nan]), st.floats(0, 1, width=32))


@st.composite
def outputs(draw: st.DrawFn, layout: str) -> Floats:
    """Draw up to 30 rows of a layout."""
    columns = LAYOUTS[layout][1]
    tail = [SCORE] * (columns - 4) if layout != "end-to-end" else [SCORE, st.integers(0, CLASSES - 1).map(float)]
    rows = draw(st.lists(st.tuples(*[COORDINATE] * 4, *tail), max_size=30))
    return np.array(rows, np.float32).reshape(-1, columns)


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_any_output_is_read_as_defined(detect: Detector, data: st.DataObject) -> None:
    layout = detect.layout
    rows = data.draw(outputs(layout))
    # As many boxes as columns, and which axis is which cannot be told.
    assume(len(rows) not in (4 + CLASSES, 5 + CLASSES))
    confidence = data.draw(st.sampled_from([0, 0.25, 0.5, 1, np.float32(0.3), "best"]))
    options: dict[str, Any] = {"confidence": confidence, "max_detections": data.draw(st.integers(1, 30))}
    iou, agnostic = 0.3, False
    if layout != "end-to-end":
        iou, agnostic = data.draw(st.sampled_from([0.0, 1 / 3, 0.5, 1.0])), data.draw(st.booleans())
        options.update(iou_threshold=iou, class_agnostic_nms=agnostic)
    thresholds = BEST_BY_CLASS if confidence == "best" else [float(np.float32(confidence))] * CLASSES
    expected = reference(layout, rows, thresholds, iou, options["max_detections"], agnostic)
    assert_same(detect(rows, **options), expected)


@pytest.mark.parametrize("count", [0, 1, 3000])
def test_none_one_and_thousands(detect: Detector, count: int) -> None:
    rng, layout = np.random.default_rng(count), detect.layout
    rows = rng.uniform(0, 1, (count, LAYOUTS[layout][1])).astype(np.float32)
    rows[:, :2] *= 320
    rows[:, 2:4] *= 60
    rows[:1, 4:] = 0.9
    if layout in ("split", "end-to-end"):
        rows[:, 2:4] += rows[:, :2]
    if layout == "end-to-end":
        rows[:, 5] = rng.integers(0, CLASSES, count)
    expected = reference(layout, rows, [float(np.float32(0.4))] * CLASSES, 0.3, 100, False)
    found = detect(rows, max_detections=100)
    assert len(found) == min(count, 100)
    assert_same(found, expected)


def test_equal_scores_keep_the_lower_index_first(detect: Detector) -> None:
    layout = detect.layout
    rows = np.full((200, LAYOUTS[layout][1]), 0.5, np.float32)
    rows[:, 0], rows[:, 1] = np.arange(200) % 20 * 16 + 8, 70 + np.arange(200) // 20 * 16
    rows[:, 2:4] = rows[:, :2] + 8 if layout in ("split", "end-to-end") else 8
    if layout == "end-to-end":
        rows[:, 5] = 0
    found = detect(rows)
    order = found.xyxy[:, 1].round().astype(int) * 1000 + found.xyxy[:, 0].round().astype(int)
    assert len(found) == 200
    assert (np.diff(order) > 0).all()
    assert (found.class_id == 0).all()
