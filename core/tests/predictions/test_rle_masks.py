from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from inference_models.errors import InvalidParameterError
from inference_models.predictions import InstancesRLEMasks

DENSE = np.zeros((3, 4, 6), bool)
DENSE[0, 1:3, 2:4] = True
DENSE[2] = True


@pytest.fixture
def masks() -> InstancesRLEMasks:
    return InstancesRLEMasks.from_dense(DENSE)


def test_dense_round_trip(masks: InstancesRLEMasks) -> None:
    assert masks.image_size == (4, 6)
    assert all(isinstance(counts, bytes) for counts in masks.masks)
    assert np.array_equal(masks.to_dense(), DENSE)
    assert masks.to_dense().dtype == np.bool_


def test_tensors_encode_alike(masks: InstancesRLEMasks) -> None:
    assert InstancesRLEMasks.from_dense(torch.from_numpy(DENSE)) == masks


def test_coco_round_trip(masks: InstancesRLEMasks) -> None:
    coco = masks.to_coco_rle_masks()
    assert coco[0]["size"] == [4, 6]
    assert InstancesRLEMasks.from_coco_rle_masks((4, 6), coco) == masks
    assert InstancesRLEMasks.from_coco_rle_masks(image_size=[4, 6], masks=iter(coco)) == masks


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools and numpy 2
def test_pycocotools_reads_what_comes_out(masks: InstancesRLEMasks) -> None:
    coco = pytest.importorskip("pycocotools.mask")
    assert np.array_equal(coco.decode(masks.to_coco_rle_masks()).transpose(2, 0, 1).astype(bool), DENSE)
    assert coco.area(masks.to_coco_rle_masks()).tolist() == DENSE.sum(axis=(1, 2)).tolist()


def test_text_and_plain_run_lengths_are_accepted(masks: InstancesRLEMasks) -> None:
    as_text = [{"size": [4, 6], "counts": counts.decode()} for counts in masks.masks]
    assert InstancesRLEMasks.from_coco_rle_masks((4, 6), as_text) == masks
    runs = [{"size": [4, 6], "counts": [9, 2, 2, 2, 9]}, {"size": [4, 6], "counts": [24]}, {"counts": [0, 24]}]
    assert InstancesRLEMasks.from_coco_rle_masks((4, 6), runs) == masks


def test_rows(masks: InstancesRLEMasks) -> None:
    assert len(masks) == 3
    assert list(masks) == list(masks.masks)
    assert np.array_equal(masks[0].to_dense(), DENSE[:1])
    assert np.array_equal(masks[::-1].to_dense(), DENSE[::-1])
    assert np.array_equal(masks[np.array([True, False, True])].to_dense(), DENSE[[0, 2]])
    assert np.array_equal(masks[torch.tensor([2, 0])].to_dense(), DENSE[[2, 0]])
    with pytest.raises(IndexError):
        masks[3]


def test_no_masks() -> None:
    empty = InstancesRLEMasks((4, 6), [])
    assert empty.to_dense().shape == (0, 4, 6)
    assert InstancesRLEMasks.from_dense(np.zeros((0, 4, 6), bool)) == empty
    assert empty.to_coco_rle_masks() == []
    assert repr(empty) == "InstancesRLEMasks(0, 4x6)"


@pytest.mark.parametrize(
    ("size", "masks", "message"),
    [
        ((4,), [], "must be \\(height, width\\)"),
        (7, [], "must be \\(height, width\\)"),
        ((0, 5), [], "at least one pixel"),
        ((4, 6), [{"size": [6, 4], "counts": b"h0"}], r"Mask 0 is of size \(6, 4\), the image of \(4, 6\)"),
        ((4, 6), [{"size": [4, 6]}], '"size" and "counts"'),
        ((4, 6), [b"h0"], '"size" and "counts"'),
        ((4, 6), [{"size": [4, 6], "counts": None}], "bytes, text or a list of integers"),
    ],
)
def test_what_is_no_coco_mask_is_refused(size: Any, masks: list[Any], message: str) -> None:
    with pytest.raises(InvalidParameterError, match=message):
        InstancesRLEMasks.from_coco_rle_masks(size, masks)


def test_a_mask_of_another_image_is_found_when_decoded(masks: InstancesRLEMasks) -> None:
    with pytest.raises(InvalidParameterError, match="do not add up to 5 x 6 pixels"):
        InstancesRLEMasks((5, 6), masks.masks).to_dense()


@pytest.mark.parametrize("dense", [np.zeros((4, 6), bool), np.zeros((1, 4, 6)), [[[True]]]])
def test_only_stacks_of_boolean_masks_are_encoded(dense: Any) -> None:
    with pytest.raises(InvalidParameterError, match="`masks` must"):
        InstancesRLEMasks.from_dense(dense)
