from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch

from inference_models.errors import InvalidParameterError
from inference_models.predictions import InstanceDetections, InstancesRLEMasks

DENSE = np.zeros((2, 4, 6), bool)
DENSE[0, 1:3, 2:4] = True
DENSE[1, :, 0] = True


def make(mask: Any) -> InstanceDetections:
    return InstanceDetections(
        np.array([[2, 1, 4, 3], [0, 0, 1, 4]], np.float32),
        np.array([1, 0], np.int32),
        np.array([0.5, 0.25], np.float32),
        mask,
        class_names=("dog", "cat"),
    )


FORMS = {
    "numpy": lambda: make(DENSE),
    "torch": lambda: make(DENSE).to_torch(),
    "rle": lambda: make(InstancesRLEMasks.from_dense(DENSE)),
    "torch and rle": lambda: make(InstancesRLEMasks.from_dense(DENSE)).to_torch(),
}


@pytest.mark.parametrize("form", FORMS)
def test_to_supervision_has_dense_masks(form: str) -> None:
    sv = pytest.importorskip("supervision")
    result = FORMS[form]().to_supervision()
    assert np.array_equal(result.mask, DENSE)
    assert result.mask.dtype == np.bool_
    assert result.data["class_name"].tolist() == ["cat", "dog"]
    assert np.array_equal(sv.mask_to_xyxy(result.mask), [[2, 1, 3, 2], [0, 0, 0, 3]])


def test_to_supervision_without_masks() -> None:
    pytest.importorskip("supervision")
    assert make(None).to_supervision().mask is None


@pytest.mark.parametrize("form", FORMS)
def test_to_supervision_of_nothing(form: str) -> None:
    pytest.importorskip("supervision")
    result = FORMS[form]()[:0].to_supervision()
    assert len(result) == 0
    assert result.mask.shape == (0, 4, 6)


@pytest.mark.parametrize("form", FORMS)
def test_dict_has_masks_as_coco_run_lengths(form: str) -> None:
    instances = FORMS[form]()
    result = json.loads(instances.to_json())
    assert result == instances.to_dict()
    masks = [row["mask"] for row in result["detections"]]
    assert np.array_equal(InstancesRLEMasks.from_coco_rle_masks((4, 6), masks).to_dense(), DENSE)
    assert result["detections"][0]["class_name"] == "cat"


def test_dict_without_masks_says_none() -> None:
    assert [row["mask"] for row in make(None).to_dict()["detections"]] == [None, None]


def test_iteration_gives_each_mask_in_the_form_it_has() -> None:
    dense = [row[1] for row in make(DENSE)]
    assert np.array_equal(dense, DENSE)
    assert all(torch.is_tensor(row[1]) for row in make(DENSE).to_torch())
    encoded = make(InstancesRLEMasks.from_dense(DENSE))
    assert [row[1] for row in encoded] == encoded.mask.to_coco_rle_masks()
    assert [row[1] for row in make(None)] == [None, None]
    assert len(next(iter(encoded))) == 7


def test_library_conversions_take_dense_masks_along() -> None:
    tensors = make(DENSE).to_torch()
    assert tensors.mask.dtype is torch.bool
    assert np.array_equal(tensors.to_numpy().mask, DENSE)
    encoded = FORMS["torch and rle"]()
    assert encoded.array_kind == "torch"
    assert isinstance(encoded.to_numpy().mask, InstancesRLEMasks)


def test_repr_tells_the_form_of_the_masks() -> None:
    assert repr(make(DENSE)) == "InstanceDetections(2: 1 cat, 1 dog; dense masks 4x6)"
    assert repr(FORMS["rle"]()) == "InstanceDetections(2: 1 cat, 1 dog; RLE masks 4x6)"
    assert repr(make(None)[:0]) == "InstanceDetections(0; no masks)"


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (DENSE[:1], r"`mask` must have shape \(2, any, any\), got \(1, 4, 6\)"),
        (DENSE[0], r"`mask` must have shape \(2, any, any\)"),
        (DENSE.astype(np.uint8), "`mask` must be .* of booleans .*, got a numpy array of uint8"),
        (torch.from_numpy(DENSE), "one library"),
        (InstancesRLEMasks.from_dense(DENSE[:1]), "2 boxes but 1 masks"),
        ([DENSE[0], DENSE[1]], "got list"),
    ],
)
def test_masks_that_do_not_fit_are_refused(mask: Any, message: str) -> None:
    with pytest.raises(InvalidParameterError, match=message):
        make(mask)
