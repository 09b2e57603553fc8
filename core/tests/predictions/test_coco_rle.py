"""The codec, against COCO's own implementation and against a plain one that follows its C code line by line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from inference_models.errors import InvalidParameterError
from inference_models.predictions.coco_rle import (
    compress_all,
    compress_counts,
    counts_to_mask,
    decompress_counts,
    mask_to_counts,
)

MASKS = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=40))
COUNTS = st.lists(st.integers(0, 2**40), max_size=12)


def plain_counts(mask: Any) -> list[int]:
    counts, value, run = [], False, 0
    for pixel in mask.flatten(order="F").tolist():
        if pixel != value:
            counts.append(run)
            value, run = pixel, 0
        run += 1
    return [*counts, run]


def plain_compressed(counts: list[int]) -> bytes:
    text = bytearray()
    for number, count in enumerate(counts):
        rest = count - counts[number - 2] if number > 2 else count
        more = True
        while more:
            group = rest & 0x1F
            rest >>= 5
            more = rest != -1 if group & 0x10 else rest != 0
            text.append((group | 0x20 if more else group) + 48)
    return bytes(text)


@given(MASKS)
def test_runs_are_those_of_a_walk_over_the_columns(mask: Any) -> None:
    assert mask_to_counts(mask).tolist() == plain_counts(mask)


@given(MASKS)
def test_masks_survive_a_round_trip(mask: Any) -> None:
    text = compress_counts(mask_to_counts(mask))
    assert np.array_equal(counts_to_mask(decompress_counts(text), *mask.shape), mask)


@given(COUNTS)
def test_compressed_form_is_that_of_the_plain_code(counts: list[int]) -> None:
    text = compress_counts(np.array(counts, np.int64))
    assert text == plain_compressed(counts)
    assert decompress_counts(text).tolist() == counts


@given(st.lists(COUNTS, max_size=6))
def test_several_masks_at_once_are_compressed_as_each_by_itself(masks: list[list[int]]) -> None:
    assert compress_all([np.array(counts, np.int64) for counts in masks]) == [plain_compressed(one) for one in masks]


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools and numpy 2
@given(MASKS)
def test_agrees_with_pycocotools(mask: Any) -> None:
    coco = pytest.importorskip("pycocotools.mask")
    theirs = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    assert compress_counts(mask_to_counts(mask)) == theirs["counts"]
    ours = {"size": list(mask.shape), "counts": compress_counts(mask_to_counts(mask))}
    assert np.array_equal(coco.decode(ours).astype(bool), mask)
    assert np.array_equal(counts_to_mask(decompress_counts(theirs["counts"]), *mask.shape), mask)


def test_known_values() -> None:
    mask = np.array([[0, 1, 1], [0, 1, 0]], bool)  # column by column: 00 11 10
    assert mask_to_counts(mask).tolist() == [2, 3, 1]
    assert compress_counts(np.array([2, 3, 1])) == b"231"
    assert mask_to_counts(np.ones((2, 2), bool)).tolist() == [0, 4]
    assert mask_to_counts(np.zeros((2, 2), bool)).tolist() == [4]


def test_large_masks() -> None:
    rng = np.random.default_rng(0)
    mask = np.kron(rng.random((40, 50)) > 0.6, np.ones((27, 38))).astype(bool)
    assert np.array_equal(counts_to_mask(decompress_counts(compress_counts(mask_to_counts(mask))), *mask.shape), mask)


@pytest.mark.parametrize("view", ["transposed", "strided", "fortran"])
def test_memory_layout_does_not_matter(view: str) -> None:
    mask = np.random.default_rng(1).random((12, 8)) > 0.5
    views = {"transposed": mask.T, "strided": mask[::-2, ::3], "fortran": np.asfortranarray(mask)}
    assert mask_to_counts(views[view]).tolist() == plain_counts(views[view])


@pytest.mark.parametrize("text", [b"\x00", b"2 3", b"231\x7f", b"23Q", b"o" * 13 + b"0", b"\xff"])
def test_damaged_text_is_refused(text: bytes) -> None:
    with pytest.raises(InvalidParameterError, match="compressed form"):
        decompress_counts(text)


@pytest.mark.parametrize("counts", [[], [3], [5], [2, -1, 3], [2**62, 2**62, 2**62, 2**62, 4], [-4, 8]])
def test_runs_that_do_not_fill_the_mask_are_refused(counts: list[int]) -> None:
    with pytest.raises(InvalidParameterError, match="do not add up"):
        counts_to_mask(np.array(counts, np.int64), 2, 2)


@given(st.binary(max_size=40))
def test_any_bytes_give_a_mask_or_a_clear_error(text: bytes) -> None:
    try:
        mask = counts_to_mask(decompress_counts(text), 3, 4)
    except InvalidParameterError:
        return
    assert mask.shape == (3, 4)
    assert mask.dtype == np.bool_
