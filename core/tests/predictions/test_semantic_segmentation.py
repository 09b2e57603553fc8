from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch

from inference_models.errors import InvalidParameterError
from inference_models.predictions import InstancesRLEMasks, SemanticSegmentationResult

MAP = np.array([[0, 0, 0, 2], [0, 0, 2, 2]], np.int64)
SCORES = np.where(MAP == 2, 0.5, 0.75).astype(np.float32)


def make(kind: str = "numpy", **changes: Any) -> SemanticSegmentationResult:
    values = {"segmentation_map": MAP, "confidence": SCORES, "class_names": ["road", "tree", "sky"]} | changes
    result = SemanticSegmentationResult(**values)
    return result.to_torch() if kind == "torch" else result


@pytest.fixture(params=["numpy", "torch"])
def result(request: pytest.FixtureRequest) -> SemanticSegmentationResult:
    return make(request.param)


def test_classes_that_the_image_has(result: SemanticSegmentationResult) -> None:
    assert result.class_ids == [0, 2]
    assert result.names == ["road", "sky"]
    assert repr(result) == "SemanticSegmentationResult(2x4: 62% road, 38% sky)"


def test_integers_of_any_width_are_kept() -> None:
    assert make(segmentation_map=MAP.astype(np.uint8)).segmentation_map.dtype == np.uint8


@pytest.mark.parametrize("which", [2, "sky"])
def test_mask_of_a_class(result: SemanticSegmentationResult, which: int | str) -> None:
    mask = result.mask(which)
    assert torch.is_tensor(mask) == (result.array_kind == "torch")
    assert mask.tolist() == (MAP == 2).tolist()
    assert not bool(result.mask("tree").any())


def test_mask_of_an_unknown_name(result: SemanticSegmentationResult) -> None:
    with pytest.raises(InvalidParameterError, match="Did you mean 'road'"):
        result.mask("rod")
    with pytest.raises(InvalidParameterError, match="None is known"):
        make(class_names=None).mask("road")


def test_to_dict(result: SemanticSegmentationResult) -> None:
    plain = result.to_dict()
    assert json.loads(result.to_json()) == plain
    assert plain["image_size"] == [2, 4]
    assert [(one["class_name"], one["fraction"], one["confidence"]) for one in plain["classes"]] == [
        ("road", 0.625, 0.75),
        ("sky", 0.375, 0.5),
    ]
    masks = InstancesRLEMasks.from_coco_rle_masks((2, 4), [one["mask"] for one in plain["classes"]]).to_dense()
    assert np.array_equal(masks, [MAP == 0, MAP == 2])


def test_to_supervision(result: SemanticSegmentationResult) -> None:
    pytest.importorskip("supervision")
    regions = result.to_supervision()
    assert regions.class_id.tolist() == [0, 2]
    assert regions.confidence.tolist() == [0.75, 0.5]
    assert regions.data["class_name"].tolist() == ["road", "sky"]
    assert np.array_equal(regions.mask, [MAP == 0, MAP == 2])
    assert regions.xyxy.tolist() == [[0, 0, 2, 1], [2, 0, 3, 1]]


def test_an_image_without_pixels() -> None:
    pytest.importorskip("supervision")
    empty = make(segmentation_map=MAP[:0], confidence=SCORES[:0])
    assert empty.class_ids == []
    assert len(empty.to_supervision()) == 0
    assert empty.to_dict()["classes"] == []
    assert repr(empty) == "SemanticSegmentationResult(0x4)"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"segmentation_map": MAP[None]}, r"`segmentation_map` must have shape \(any, any\)"),
        ({"segmentation_map": SCORES}, "`segmentation_map` must be .* of integers"),
        ({"confidence": SCORES[:1]}, r"`confidence` must have shape \(2, 4\)"),
        ({"confidence": torch.from_numpy(SCORES)}, "one library"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidParameterError, match=message):
        make(**changes)
