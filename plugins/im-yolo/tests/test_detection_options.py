"""Which boxes are kept: thresholds of the caller, the package and the family."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from im_yolo.detection import YOLODetector
from inference_models import InvalidParameterError
from inference_models.developer_tools import RecommendedParameters

# Four boxes in a 320 x 320 input: two squares on one another, a star on them, and a circle far off, faint.
SAID = np.array(
    [
        [100, 100, 40, 40, 0.1, 0.9, 0.1],
        [102, 102, 40, 40, 0.1, 0.7, 0.1],
        [100, 100, 40, 40, 0.1, 0.2, 0.5],
        [250, 250, 20, 20, 0.3, 0.1, 0.1],
    ],
    np.float32,
).T
PACKAGE_SAYS = {
    "nms_parameters": {
        "max_detections": 2,
        "confidence_threshold": 0.25,
        "iou_threshold": 0.95,
        "class_agnostic": 0,
    }
}


@pytest.mark.parametrize(
    ("post_processing", "options", "scores"),
    [
        ({}, {}, [0.9, 0.5]),
        ({}, {"confidence": "default"}, [0.9, 0.5]),
        ({}, {"confidence": 0.25}, [0.9, 0.5, 0.3]),
        ({}, {"confidence": 0}, [0.9, 0.5, 0.3]),
        ({}, {"confidence": 1}, []),
        ({}, {"confidence": 0.5}, [0.9]),
        ({}, {"iou_threshold": 0.95}, [0.9, 0.7, 0.5]),
        ({}, {"class_agnostic_nms": True}, [0.9]),
        ({}, {"max_detections": 1}, [0.9]),
        (PACKAGE_SAYS, {}, [0.9, 0.7]),
        (PACKAGE_SAYS, {"max_detections": 9}, [0.9, 0.7, 0.5, 0.3]),
        (PACKAGE_SAYS, {"max_detections": 9, "confidence": 0.4, "iou_threshold": 0.3}, [0.9, 0.5]),
        (PACKAGE_SAYS, {"class_agnostic_nms": True, "confidence": 0.4}, [0.9, 0.7]),
    ],
)
def test_thresholds_are_the_callers_then_the_packages_then_the_familys(
    workbench: Any, post_processing: Any, options: Any, scores: list[float]
) -> None:
    model = workbench.load(workbench.saying(SAID), post_processing=post_processing)
    (found,) = model(workbench.picture(320, 320), **options)
    np.testing.assert_allclose(found.confidence, scores, atol=1e-6)
    assert found.xyxy.shape == (len(scores), 4)


@pytest.mark.parametrize(
    ("recommended", "scores"),
    [
        (None, [0.9, 0.5]),
        (RecommendedParameters(confidence=0.6), [0.9]),
        (RecommendedParameters(per_class_confidence={"circle": 0.2, "star": 0.6}), [0.9, 0.3]),
        (RecommendedParameters(0.95, {"circle": 0.2}), [0.3]),
    ],
)
def test_best_is_what_is_recommended(
    workbench: Any, recommended: RecommendedParameters | None, scores: list[float]
) -> None:
    from im_backend_onnx.session import open_session

    directory = workbench.package(workbench.saying(SAID))
    model = YOLODetector.from_pretrained(directory, open_session=open_session, recommended_parameters=recommended)
    (found,) = model(workbench.picture(320, 320), confidence="best")
    np.testing.assert_allclose(found.confidence, scores, atol=1e-6)


def test_boxes_of_equal_score_come_in_the_networks_order(workbench: Any) -> None:
    rows = [[20 + 40 * (n % 7), 20 + 40 * (n // 7), 10, 10, 0.5, 0.5, 0.5] for n in range(40)]
    model = workbench.load(workbench.saying(np.array(rows, np.float32).T))
    (found,) = model(workbench.picture(320, 320))
    np.testing.assert_allclose(found.xyxy[:, :2] + 5, np.array(rows)[:, :2], atol=1e-4)
    assert (found.class_id == 0).all()


@pytest.mark.parametrize(
    "options",
    [
        {"confidence": "bset"},
        {"confidence": 1.5},
        {"confidence": float("nan")},
        {"confidence": None},
        {"iou_threshold": -0.1},
        {"iou_threshold": "0.5"},
        {"max_detections": 0},
        {"max_detections": 2.5},
        {"max_detections": np.array([3])},
        {"confidence": np.array([0.1, 0.2])},
        {"class_agnostic_nms": 1},
        {"input_color_format": "gbr"},
        {"pre_processing_overrides": {}},
        {"threshold": 0.5},
    ],
)
def test_options_that_make_no_sense_are_refused(workbench: Any, options: dict[str, Any]) -> None:
    model = workbench.load(workbench.saying(SAID))
    with pytest.raises(InvalidParameterError, match=next(iter(options))):
        model(workbench.picture(), **options)
