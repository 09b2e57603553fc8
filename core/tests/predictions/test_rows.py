"""Choosing rows: the same for numpy and torch, and the same as numpy itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from inference_models.errors import InvalidParameterError
from inference_models.predictions import Detections, InstanceDetections, InstancesRLEMasks


def make(n: int, kind: str = "numpy") -> Detections:
    boxes = np.arange(4 * n, dtype=np.float32).reshape(n, 4)
    metadata = [{"row": row} for row in range(n)]
    detections = Detections(boxes, np.arange(n), np.linspace(0, 1, n), class_names=["a"], bboxes_metadata=metadata)
    return detections.to_torch() if kind == "torch" else detections


def rows_of(detections: Detections) -> list[int]:
    ids = detections.class_id.tolist()
    assert [row["row"] for row in detections.bboxes_metadata or ()] == ids
    assert [box[0] / 4 for box in detections.xyxy.tolist()] == ids
    assert len(detections) == len(ids) == len(detections.confidence)
    return list(ids)


_LENGTH = st.integers(0, 7)
_BOUND = st.none() | st.integers(-9, 9)
_SLICE = st.builds(slice, _BOUND, _BOUND, st.none() | st.integers(-3, 3).filter(bool))


@given(_LENGTH, _SLICE, st.sampled_from(["numpy", "torch"]))
def test_slices_choose_what_a_list_would(n: int, rows: slice, kind: str) -> None:
    assert rows_of(make(n, kind)[rows]) == list(range(n))[rows]


@given(st.data(), st.sampled_from(["numpy", "torch"]), st.sampled_from(["list", "numpy", "torch"]))
def test_masks(data: st.DataObject, kind: str, mask_kind: str) -> None:
    mask = data.draw(st.lists(st.booleans(), min_size=1, max_size=7))
    expected = [row for row, chosen in enumerate(mask) if chosen]
    assert rows_of(make(len(mask), kind)[_as(mask, mask_kind, np.bool_)]) == expected


@given(st.data(), st.sampled_from(["numpy", "torch"]), st.sampled_from(["list", "numpy", "torch"]))
def test_index_arrays(data: st.DataObject, kind: str, index_kind: str) -> None:
    n = data.draw(st.integers(1, 7))
    index = data.draw(st.lists(st.integers(-n, n - 1), max_size=9))
    assert rows_of(make(n, kind)[_as(index, index_kind, np.int64)]) == [row % n for row in index]


def _as(values: list[Any], kind: str, dtype: type) -> Any:
    if kind == "list":
        return values
    array: Any = np.array(values, dtype)
    return torch.from_numpy(array) if kind == "torch" else array


@pytest.mark.parametrize("kind", ["numpy", "torch"])
@pytest.mark.parametrize("row", [1, -2, np.int64(1), np.array(1), torch.tensor(1)])
def test_an_int_gives_one_row_of_the_same_type(kind: str, row: Any) -> None:
    chosen = make(3, kind)[row]
    assert isinstance(chosen, Detections)
    assert rows_of(chosen) == [1]
    assert chosen.array_kind == kind


@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_the_phrase_that_users_write(kind: str) -> None:
    detections = make(5, kind)
    assert rows_of(detections[detections.confidence > 0.5]) == [3, 4]
    assert rows_of(detections[detections.class_id == 2]) == [2]
    assert rows_of(detections[(-detections.confidence).argsort()]) == [4, 3, 2, 1, 0]


@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_small_unsigned_index_arrays_are_indices_not_masks(kind: str) -> None:
    assert rows_of(make(3, kind)[np.array([0, 1, 1], np.uint8)]) == [0, 1, 1]
    assert rows_of(make(3, kind)[torch.tensor([0, 1, 1], dtype=torch.uint8)]) == [0, 1, 1]


@pytest.mark.parametrize("kind", ["numpy", "torch"])
@pytest.mark.parametrize("rows", [3, -4, [0, 3], np.array([-4]), torch.tensor([5])])
def test_rows_that_do_not_exist(kind: str, rows: Any) -> None:
    with pytest.raises(IndexError):
        make(3, kind)[rows]


@pytest.mark.parametrize("kind", ["numpy", "torch"])
@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("class_name", "not with str"),
        (True, "not with bool"),
        (1.0, "not with float"),
        (None, "not with NoneType"),
        ((0, 1), "not with tuple"),
        (np.array(1.5), "not with a numpy array of float64"),
        ([True, False], "of length 3, got shape"),
        (np.ones((3, 1), bool), "one-dimensional"),
        (np.zeros((1, 1), int), "one-dimensional"),
        (np.array([0.0, 1.0]), "of integers"),
        ([[0], [1, 2]], "integers or booleans only"),
        (["a"], "of integers"),
    ],
)
def test_what_chooses_no_rows_is_refused(kind: str, rows: Any, message: str) -> None:
    with pytest.raises(InvalidParameterError, match=message):
        make(3, kind)[rows]


def test_what_is_not_per_row_stays() -> None:
    detections = make(3)
    assert detections[1].class_names == ("a",)
    assert detections[1].image_metadata is detections.image_metadata


@pytest.mark.parametrize("kind", ["numpy", "torch"])
@pytest.mark.parametrize("form", ["dense", "rle", "none"])
@pytest.mark.parametrize("rows", [1, slice(None, None, -1), [2, 0], [True, False, True], np.array([], int)])
def test_masks_follow_their_boxes(kind: str, form: str, rows: Any) -> None:
    dense = np.zeros((3, 2, 5), bool)
    dense[range(3), 0, range(3)] = True
    mask = {"dense": dense, "rle": InstancesRLEMasks.from_dense(dense), "none": None}[form]
    instances = InstanceDetections(np.zeros((3, 4)), np.arange(3), np.zeros(3), mask)
    if kind == "torch":
        instances = instances.to_torch()
    chosen = instances[rows]
    assert isinstance(chosen, InstanceDetections)
    ids = chosen.class_id.tolist()
    assert ids == np.arange(3)[rows].reshape(-1).tolist()
    if form == "none":
        assert chosen.mask is None
    else:
        masks = chosen.mask.to_dense() if form == "rle" else chosen.to_numpy().mask
        assert np.array_equal(masks, dense[ids])
