"""Every architecture and task that the plugin declares, from an ONNX file to predictions, as users load them.

A network of the layout that the architecture's exports have looks at pictures of three sizes. What `AutoModel` makes of
it is compared with OpenCV and onnxruntime run by hand and a plain float64 reading of the outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from im_yolo import plugin

SIZES = ((80, 120), (150, 96), (96, 96))
COUNTS = (3, 0, 2)  # of key points, by class
FUSED = "fused"

ROWS = {(name, spec.task_type) for spec in plugin.im_models() for name in spec.architectures}
FUSIBLE = {
    (name, spec.task_type)
    for spec in plugin.im_models()
    for name in spec.architectures
    if "nms_fused" in spec.supported_model_features
}
VARIANTS = [(*row, fused) for row in sorted(ROWS) for fused in ("plain", FUSED) if fused == "plain" or row in FUSIBLE]

Checker = Callable[["Case", Any, Any, Any], None]


class Case:
    """One package, and all that is needed to do its work by hand."""

    def __init__(self, directory: Path, batch: int | None, layout: str, architecture: str, references: Any) -> None:
        self.batch, self.layout, self.references = batch, layout, references
        self.is_yolo26 = architecture == "yolo26"
        self.smoothing = architecture in ("yolov8", "yolov11")
        self.session = onnxruntime.InferenceSession(directory / "weights.onnx", providers=["CPUExecutionProvider"])

    def by_hand(self, image: Any) -> tuple[list[Any], Any]:
        """Return the network's outputs for one image, without the batch axis, and where the image lies in its input."""
        placement = self.references.Placement(*image.shape[:2], self.session.get_inputs()[0].shape[2])
        images = np.repeat(placement.letterbox(image), self.batch or 1, axis=0)
        return [output[-1] for output in self.session.run(None, {"images": images})], placement

    def rows(self, outputs: list[Any]) -> list[Any]:
        """Return the boxes to keep of one image, best first."""
        confidence = 0.25 if self.is_yolo26 else 0.4
        given = outputs if self.layout == "split" else outputs[0]
        found = self.references.rows(self.layout, given, 3, confidence)
        return list(self.references.kept(found, iou=None if self.layout == "end-to-end" else 0.3))


def check_boxes(case: Case, found: Any, outputs: Any, placement: Any) -> None:
    rows = case.rows(outputs)
    assert 5 < len(rows) <= len(found) <= 300
    np.testing.assert_array_equal(found.class_id, [row.class_id for row in rows])
    np.testing.assert_allclose(found.confidence, [row.score for row in rows], atol=1e-6)
    np.testing.assert_allclose(found.xyxy, case.references.source_boxes(rows, placement), atol=1e-3)


def check_masks(case: Case, found: Any, outputs: Any, placement: Any) -> None:
    check_boxes(case, found, outputs, placement)
    values = case.references.mask_values(case.rows(outputs), outputs[1], placement, smoothing=case.smoothing)
    assert found.mask.shape == values.shape
    x, y = np.arange(placement.width) + 0.5, np.arange(placement.height)[:, None] + 0.5
    level, allowed = (0.5 if case.smoothing else 0.0), 0
    for (left, top, right, bottom), mask, value in zip(found.xyxy, found.mask, values, strict=True):
        inside = (x >= left) & (x < right) & (y >= top) & (y < bottom)
        wrong = mask != ((value > level) & inside)
        assert (np.abs(value - level)[wrong] < 1e-4).all()
        allowed += inside.sum()
    assert 0.05 < found.mask.sum() / allowed < 0.9


def check_key_points(case: Case, found: Any, outputs: Any, placement: Any) -> None:
    points, boxes = found
    check_boxes(case, boxes, outputs, placement)
    lowest = 0.3 if case.is_yolo26 else 0.0
    rows = case.rows(outputs)
    expected = np.array([case.references.key_points(row, COUNTS[row.class_id], placement, lowest) for row in rows])
    np.testing.assert_allclose(points.xy, expected[..., :2], atol=1e-3)
    np.testing.assert_allclose(points.confidence, expected[..., 2], atol=1e-6)
    np.testing.assert_array_equal(points.class_id, boxes.class_id)
    assert points.skeletons == (((0, 2),), (), ())


def check_class(case: Case, found: Any, outputs: Any, placement: Any) -> None:
    expected = case.references.softmax(outputs[0])
    np.testing.assert_allclose(found.confidence, expected[None], atol=1e-6)
    assert found.class_id.tolist() == [int(expected.argmax())]


def check_labels(case: Case, found: Any, outputs: Any, placement: Any) -> None:
    expected = 1 / (1 + np.exp(-outputs[0].astype(np.float64)))
    np.testing.assert_allclose(found.confidence, expected, atol=1e-6)
    np.testing.assert_array_equal(found.class_ids, np.flatnonzero(expected >= 0.4))


def check_pixels(case: Case, found: Any, outputs: Any, placement: Any) -> None:
    ids, probabilities = case.references.classes_of_pixels(outputs[0], placement, 0.25, 1)
    same = found.segmentation_map == ids
    assert same.mean() > 0.999, "but for ties of float32"
    np.testing.assert_allclose(found.confidence[same], probabilities[same], atol=1e-4)
    assert len(np.unique(ids)) == 3


def check_depth(case: Case, found: Any, outputs: Any, placement: Any) -> None:
    expected = placement.restored(outputs[0][0])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert expected.std() > 0.1


CHECKS: dict[str, Checker] = {
    "object-detection": check_boxes,
    "instance-segmentation": check_masks,
    "keypoint-detection": check_key_points,
    "classification": check_class,
    "multi-label-classification": check_labels,
    "semantic-segmentation": check_pixels,
    "depth-estimation": check_depth,
}


def one_by_one(found: Any, count: int) -> Iterator[Any]:
    """Yield what was found in each image."""
    if isinstance(found, tuple):
        yield from zip(*found, strict=True)
    else:
        assert len(found) == count
        yield from (found[index] for index in range(count))


def test_every_row_is_tested(networks: Any) -> None:
    assert {name for name, _ in ROWS} == set(networks.LAYOUTS)
    assert {task for _, task in ROWS} == set(CHECKS)


@pytest.mark.parametrize("batch", [None, 2], ids=["dynamic batch", "batch of 2"])
@pytest.mark.parametrize(("architecture", "task", "fused"), VARIANTS)
def test_predictions_are_those_of_a_plain_reading(
    workbench: Any, networks: Any, references: Any, architecture: str, task: str, fused: str, batch: int | None
) -> None:
    directory = networks.package(workbench, architecture, task, fused=fused == FUSED, batch=batch)
    layout = "end-to-end" if fused == FUSED else networks.LAYOUTS[architecture]
    case = Case(directory, batch, layout, architecture, references)
    images = [workbench.picture(*size, seed) for seed, size in enumerate(SIZES)]
    with workbench.open(directory) as model:
        for given in (images, images[1:2], images[2]):
            several = given if isinstance(given, list) else [given]
            for image, found in zip(several, one_by_one(model(given), len(several)), strict=True):
                CHECKS[task](case, found, *case.by_hand(image))
