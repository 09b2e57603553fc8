"""Networks with NMS of their own that do not give a table for each image: flat ones, and such that count."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
from attrs import define

from im_yolo.detection import YOLODetector, YOLONASDetector
from im_yolo.fused import CountedHead, FlatHead, split_by_image
from inference_models import CorruptedModelPackageError, InvalidParameterError
from inference_models.developer_tools import TensorInfo

FUSED = {"type": "nms", "fused": True}
CLASS_FIRST = ("yolov5", "yolov7", "yolov8", "yolov9", "yolov11", "yolov12")
SIZES = ((80, 120), (150, 96), (96, 96))


def load(workbench: Any, networks: Any, network: Any, architecture: str = "yolov7", **config: Any) -> Any:
    size = {"training_input_size": {"height": networks.SIZE, "width": networks.SIZE}}
    return workbench.load(
        network, architecture=architecture, network_input=size, **{"post_processing": FUSED, **config}
    )


def anchors_of(networks: Any, references: Any, image: Any) -> tuple[Any, Any, Any]:
    """Return corners and scores of every anchor for an image, with the same weights, and where the image lies."""
    session = onnxruntime.InferenceSession(networks.boxes("split").SerializeToString())
    placement = references.Placement(*image.shape[:2], networks.SIZE)
    boxes, scores = session.run(None, {"images": placement.letterbox(image)})
    return boxes[0], scores[0], placement


def check(references: Any, found: Any, rows: list[Any], placement: Any) -> None:
    assert len(rows) > 3
    assert found.class_id.tolist() == [row.class_id for row in rows]
    np.testing.assert_allclose(found.confidence, [row.score for row in rows], atol=1e-6)
    np.testing.assert_allclose(found.xyxy, references.source_boxes(rows, placement), atol=1e-3)


@pytest.mark.parametrize("batch", [None, 1, 2])
@pytest.mark.parametrize("architecture", CLASS_FIRST)
def test_one_table_for_all_images_with_the_class_first(
    workbench: Any, networks: Any, references: Any, architecture: str, batch: int | None
) -> None:
    model = load(workbench, networks, networks.flat(class_first=True, batch=batch), architecture)
    images = [workbench.picture(*size, seed) for seed, size in enumerate(SIZES)]
    for given in (images, images[1:2]):
        for image, found in zip(given, model(given, confidence=0.3), strict=True):
            boxes, scores, placement = anchors_of(networks, references, image)
            rows = references.rows("split", [boxes, scores], 3, 0.3)
            check(references, found, references.kept(rows, iou=networks.IOU), placement)


@pytest.mark.parametrize("batch", [None, 1, 2])
def test_one_table_for_all_images_with_the_score_first(
    workbench: Any, networks: Any, references: Any, batch: int | None
) -> None:
    model = load(workbench, networks, networks.flat(class_first=False, batch=batch), "yolonas")
    images = [workbench.picture(*size, seed) for seed, size in enumerate(SIZES)]
    for given in (images, images[:1]):
        for image, found in zip(given, model(given, confidence=0.3), strict=True):
            boxes, scores, placement = anchors_of(networks, references, image)
            rows = [
                references.Row(box.astype(np.float64), float(one[class_id]), class_id, None)
                for class_id in range(3)
                for box, one in zip(boxes, scores, strict=True)
                if one[class_id] > 0.3
            ]
            check(references, found, references.kept(rows, iou=networks.IOU), placement)


@pytest.mark.parametrize("batch", [None, 1, 2])
@pytest.mark.parametrize("architecture", [*CLASS_FIRST, "yolonas"])
def test_four_outputs_of_which_one_counts(
    workbench: Any, networks: Any, references: Any, architecture: str, batch: int | None
) -> None:
    model = load(workbench, networks, networks.counted(batch=batch), architecture)
    images = [workbench.picture(*size, seed) for seed, size in enumerate(SIZES)]
    for image, found in zip(images, model(images, confidence=0), strict=True):
        boxes, scores, placement = anchors_of(networks, references, image)
        rows = references.rows("split", [boxes, scores], 3, 0.4)
        check(references, found, references.kept(rows, most=20), placement)


def test_what_applies_to_such_networks(workbench: Any, networks: Any) -> None:
    model = load(workbench, networks, networks.flat(class_first=True))
    image = workbench.picture(96, 96)
    (everything,) = model(image, confidence=0)
    (best,) = model(image, confidence=0, max_detections=2)
    np.testing.assert_array_equal(best.confidence, everything.confidence[:2])
    (sure,) = model(image, confidence=0.7)
    assert everything.confidence.min() < 0.7 < sure.confidence.min()
    with pytest.raises(InvalidParameterError, match="dropped overlapping boxes itself"):
        model(image, iou_threshold=0.5)
    without = {"class_names_operations": [{"type": "class_name_removal", "class_name": "circle"}]}
    (fewer,) = load(workbench, networks, networks.flat(class_first=True), **without)(image, confidence=0)
    assert fewer.names == [name for name in everything.names if name != "circle"]


def test_nothing_found_in_any_image_or_in_one_of_them(workbench: Any, networks: Any) -> None:
    model = load(workbench, networks, networks.flat(class_first=True, confidence=1.5, batch=2))
    assert [len(found) for found in model([workbench.picture()] * 3)] == [0, 0, 0]
    grey = np.full((96, 96, 3), 114, np.uint8)  # every score is 0.5
    model = load(workbench, networks, networks.flat(class_first=True, confidence=0.6))
    before, after = model([grey, workbench.picture(96, 96)]), model([workbench.picture(96, 96), grey])
    assert len(before[0]) == len(after[1]) == 0
    assert len(before[1]) == len(after[0]) > 3


@define
class Saying:
    """A session that gives one table after the other, and does not know shapes before it runs."""

    tables: list[Any]
    inputs: tuple[TensorInfo, ...] = (TensorInfo("images", (2, 3, 320, 320), "float32"),)
    outputs: tuple[TensorInfo, ...] = ()
    device: str = "cpu"
    array_kind: str = "numpy"

    def run(self, feeds: Any) -> dict[str, Any]:
        return {"output": self.tables.pop(0)}

    def close(self) -> None:
        self.tables = []


def say(workbench: Any, kind: type[YOLODetector], *tables: Any, images: int) -> list[Any]:
    directory = workbench.package(workbench.looking(), post_processing=FUSED)
    session: Any = Saying([np.array(table, np.float32).reshape(-1, 7) for table in tables])
    model = kind.from_pretrained(directory, open_session=lambda _: session)
    return list(model([workbench.picture(320, 320)] * images))


def test_tables_of_several_runs_are_joined_and_what_filled_them_up_is_left_out(workbench: Any) -> None:
    first = [[1, 10, 10, 20, 20, 2, 0.5], [0, 30, 30, 50, 50, 1, 0.6], [1, 40, 40, 60, 60, 0, 0.9]]
    second = [[1, 0, 0, 300, 300, 2, 0.99], [0, 70, 70, 90, 90, 2, 0.7]]
    found = say(workbench, YOLODetector, first, second, images=3)
    assert [one.names for one in found] == [["square"], ["circle", "star"], ["star"]]
    assert found[2].xyxy.tolist() == [[70, 70, 90, 90]]


@pytest.mark.parametrize(
    ("kind", "row", "expected"),
    [
        (YOLODetector, [2, 0, 0, 1, 1, 0, 0.9], r"says 2 where the number of an image is expected, .* below 2"),
        (YOLODetector, [0.5, 0, 0, 1, 1, 0, 0.9], "says 0.5 where the number of an image"),
        (YOLODetector, [np.nan, 0, 0, 1, 1, 0, 0.9], "says nan where the number of an image"),
        (YOLODetector, [0, 0, 0, 1, 1, 0.9, 2], "names class 0.9"),
        (YOLONASDetector, [0, 0, 0, 1, 1, 2, 0.9], "names class 0.9"),
        (YOLODetector, [0, 0, 0, 1, 1, 7, 0.9], "names class 7"),
    ],
)
def test_a_table_that_is_laid_out_in_another_way_is_refused(
    workbench: Any, kind: type[YOLODetector], row: list[float], expected: str
) -> None:
    with pytest.raises(CorruptedModelPackageError, match=expected):
        say(workbench, kind, [row], images=2)


def test_a_number_of_boxes_that_cannot_be_is_refused() -> None:
    outputs = [np.zeros((4, 4), np.float32), np.ones(4, np.float32), np.zeros(4, np.float32)]
    assert len(CountedHead().decode([np.array([4.0]), *outputs], 0.5, 2, 0).scores) == 4
    for number in (5, -1, 0.5):
        with pytest.raises(CorruptedModelPackageError, match="number of boxes of an image"):
            CountedHead().decode([np.array([number], np.float32), *outputs], 0.5, 2, 0)


@pytest.mark.parametrize("axes", [(), (1,)])
def test_numbers_of_boxes_with_and_without_a_second_axis(workbench: Any, networks: Any, axes: tuple[int, ...]) -> None:
    boxes = np.array([[10, 10, 50, 50], [60, 60, 90, 90], [1, 1, 9, 9]], np.float32)
    outputs = np.full(axes, 2, np.float32), boxes, np.array([0.9, 0.8, 0.7], np.float32), np.arange(3, dtype=np.float32)
    network, images = workbench.saying(*outputs, size=networks.SIZE), [workbench.picture(96, 96)] * 2
    assert networks.SIZE == 96, "boxes are where the network puts them"
    for found in load(workbench, networks, network)(images):
        assert found.names == ["circle", "square"]
        np.testing.assert_allclose(found.xyxy, boxes[:2])
    without = [{"type": "class_name_removal", "class_name": "circle"}]  # a threshold for each class
    found = load(workbench, networks, network, class_names_operations=without)(images)
    assert [one.names for one in found] == [["square"]] * 2


def test_rows_go_to_their_images_in_their_order() -> None:
    rng = np.random.default_rng(0)
    tables = [np.column_stack([rng.integers(0, 4, 30), rng.uniform(size=(30, 6))]) for _ in range(3)]
    found = split_by_image(tables, [4, 4, 2], [4, 4, 4])
    assert len(found) == 10
    for image, rows in enumerate(found):
        table = tables[image // 4]
        expected = table[table[:, 0] == image % 4]
        np.testing.assert_array_equal(rows[: len(expected)], expected)
        assert not rows[len(expected) :].any()


@pytest.mark.parametrize(
    ("architecture", "task", "expected"),
    [
        ("yolov10", "object-detection", r"\(\?, 7\); expected \(batch, detections, 6\): "),
        ("yolov8", "object-detection", None),
        ("yolov8", "instance-segmentation", "expected exactly one with four axes"),
    ],
)
def test_only_where_exporters_write_it(
    workbench: Any, networks: Any, architecture: str, task: str, expected: str | None
) -> None:
    network = networks.flat(class_first=True)
    if expected is None:
        load(workbench, networks, network, architecture, task=task).close()
        return
    with pytest.raises(CorruptedModelPackageError, match=expected):
        load(workbench, networks, network, architecture, task=task)


@pytest.mark.parametrize(
    ("head", "shapes", "fits"),
    [
        (FlatHead(True), [(None, 7)], True),
        (FlatHead(True), [(None, None)], True),
        (FlatHead(True), [(None, 6)], False),
        (FlatHead(True), [(1, 100, 7)], False),
        (CountedHead(), [(1, 1), (1, 100, 4), (1, 100), (1, 100)], True),
        (CountedHead(), [(None,), (None, None, 4), (None, 100), (None, 100)], True),
        (CountedHead(), [(1, 1), (1, 100, 4), (1, 100), (1, 99)], False),
        (CountedHead(), [(1, 1), (1, 100, 5), (1, 100), (1, 100)], False),
        (CountedHead(), [(1, 2), (1, 100, 4), (1, 100), (1, 100)], False),
        (CountedHead(), [(1, 1), (1, 100, 4), (1, 100, 1), (1, 100)], False),
    ],
)
def test_which_shapes_fit(head: Any, shapes: Any, fits: bool) -> None:
    assert head.fits(shapes, 2, 0) is fits
    assert not head.fits(shapes, 2, 1), "there are no columns for masks or key points"
    assert "box values" in head.expected(2, 0)
