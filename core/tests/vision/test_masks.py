from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import numpy as np
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_models import InstancesRLEMasks
from inference_models.vision import ImageDimensions, PreProcessingMetadata, StaticCropOffset
from inference_models.vision.geometry import letterbox, stretch
from inference_models.vision.masks import dense_masks, rle_masks

Array = np.ndarray[Any, Any]


def hats(pixels: int, offset: int, scale: float, before: int, after: int, length: int, cells: int) -> Array:
    """(pixels, cells): how much of each cell there is in each source pixel, by the definition of interpolation."""
    ratio = cells / length
    places = ((np.arange(pixels) + 0.5 - offset) * scale + before) * ratio - 0.5
    seen = [i for i in range(cells) if (i + 1) / ratio > max(before, 0) and i / ratio < length - max(after, 0)]
    places = places.clip(seen[0], seen[-1])  # what sees nothing but padding has no part
    return np.maximum(0, 1 - np.abs(places[:, None] - np.arange(cells)))


def reference(prototypes: Array, coefficients: Array, metadata: PreProcessingMetadata, smoothing: bool) -> Array:
    """(n, H, W) float64: the whole map of each instance at each pixel of the source image."""
    m, size, crop = metadata, metadata.original_size, metadata.static_crop_offset
    height, width = prototypes.shape[1:]
    maps = np.tensordot(coefficients.astype(np.float64), prototypes.astype(np.float64), 1)
    if smoothing:
        maps = 1 / (1 + np.exp(-maps))
    down = hats(size.height, crop.offset_y, m.scale_height, m.pad_top, m.pad_bottom, m.inference_size.height, height)
    across = hats(size.width, crop.offset_x, m.scale_width, m.pad_left, m.pad_right, m.inference_size.width, width)
    return down @ maps @ across.T


def region(boxes: Array, metadata: PreProcessingMetadata) -> Array:
    """(n, H, W): the pixels whose centres lie in the box, and in the part of the image that was used."""
    size, crop = metadata.original_size, metadata.static_crop_offset
    x, y = np.arange(size.width) + 0.5, (np.arange(size.height) + 0.5)[:, None]
    used = (x > crop.offset_x) & (x < crop.offset_x + crop.crop_width)
    used = used & (y > crop.offset_y) & (y < crop.offset_y + crop.crop_height)
    inside = [(x >= left) & (x < right) & (y >= top) & (y < bottom) & used for left, top, right, bottom in boxes]
    return np.array(inside, np.bool_).reshape(len(boxes), size.height, size.width)


def cropped(metadata: PreProcessingMetadata, x: int, y: int, right: int, bottom: int) -> PreProcessingMetadata:
    """Say that what was prepared is part of a larger image, with so many pixels around it."""
    size = metadata.original_size
    return evolve(
        metadata,
        original_size=ImageDimensions(y + size.height + bottom, x + size.width + right),
        static_crop_offset=StaticCropOffset(x, y, size.width, size.height),
    )


def scene(seed: int, metadata: PreProcessingMetadata, *, cells: tuple[int, int], count: int) -> tuple[Any, Any, Any]:
    """Return smooth prototypes, coefficients and boxes, some of which reach beyond the image or have no area."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(0, 1.5, (8, max(cells[0] // 4, 2), max(cells[1] // 4, 2))).astype(np.float32)
    prototypes = np.stack([cv2.resize(plane, cells[::-1], interpolation=cv2.INTER_CUBIC) for plane in coarse])
    size = metadata.original_size
    reach = np.array([size.width, size.height])
    corners = rng.uniform(-0.2, 1.1, (count, 2)) * reach
    sides = rng.choice([0, 0.4, 1, 1.6, 30, 400, 700], (count, 2)) * rng.uniform(0.5, 1.5, (count, 2))
    boxes = np.concatenate([corners, corners + sides], axis=1).astype(np.float32)
    if count:
        boxes[0] = [0, 0, size.width, size.height]
    return prototypes, rng.normal(0, 1, (count, 8)).astype(np.float32), boxes


def check(arrays: tuple[Any, Any, Any], metadata: PreProcessingMetadata, smoothing: bool, threshold: float) -> Array:
    """Compare both kinds of masks with the reference, and return them."""
    prototypes, coefficients, boxes = arrays
    found = dense_masks(*arrays, metadata, smoothing=smoothing, threshold=threshold)
    values, allowed = reference(prototypes, coefficients, metadata, smoothing), region(boxes, metadata)
    level = threshold if smoothing else np.log(threshold / (1 - threshold))
    assert found.dtype == np.bool_
    assert found.shape == values.shape
    assert not (found & ~allowed).any()
    wrong = (found != (values > level)) & allowed
    assert (np.abs(values - level)[wrong] < 1e-4).all()
    encoded = rle_masks(*arrays, metadata, smoothing=smoothing, threshold=threshold)
    assert encoded == InstancesRLEMasks.from_dense(found)
    return found


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    height=st.integers(1, 200),
    width=st.integers(1, 200),
    keep_proportions=st.booleans(),
    crop=st.tuples(*[st.integers(0, 20)] * 4),
    cells=st.tuples(st.integers(2, 40), st.integers(2, 40)),
    count=st.integers(0, 5),
    smoothing=st.booleans(),
    threshold=st.sampled_from([0.5, 0.3, 0.9]),
)
def test_masks_agree_with_the_whole_map_in_double_precision(
    seed, height, width, keep_proportions, crop, cells, count, smoothing, threshold
) -> None:
    place = letterbox if keep_proportions else stretch
    metadata = cropped(place(ImageDimensions(height, width), ImageDimensions(96, 128)), *crop)
    check(scene(seed, metadata, cells=cells, count=count), metadata, smoothing, threshold)


@pytest.mark.parametrize("smoothing", [True, False])
def test_masks_of_a_large_picture(smoothing) -> None:
    metadata = letterbox(ImageDimensions(1080, 1920), ImageDimensions(640, 640))
    prototypes, coefficients, _ = scene(3, metadata, cells=(160, 160), count=6)
    corners = np.random.default_rng(0).uniform(0, [1000, 500], (6, 2))
    boxes = np.concatenate([corners, corners + np.array([700, 400])], axis=1).astype(np.float32)
    arrays = prototypes, coefficients, boxes
    found = check(arrays, metadata, smoothing, 0.5)
    wanted = (reference(*arrays[:2], metadata, smoothing) > (0.5 if smoothing else 0)) & region(arrays[2], metadata)
    union = (found | wanted).sum(axis=(1, 2))
    assert (union > 1000).sum() >= 5
    assert ((found & wanted).sum(axis=(1, 2)) >= 0.995 * union).all()


def test_a_mask_is_what_resizing_the_map_without_its_padding_gives() -> None:
    metadata = letterbox(ImageDimensions(270, 480), ImageDimensions(320, 320))  # 70 rows above, 70 below
    prototypes, coefficients, _ = scene(5, metadata, cells=(160, 160), count=3)
    boxes = np.array([[0, 0, 480, 270]] * 3, np.float32)
    maps = np.tensordot(coefficients, prototypes, 1)[:, 35:125]
    wanted = np.stack([cv2.resize(plane, (480, 270), interpolation=cv2.INTER_LINEAR) for plane in maps]) > 0
    found = dense_masks(prototypes, coefficients, boxes, metadata, smoothing=False)
    assert (found != wanted).sum() <= 1e-5 * found.size


def test_what_a_centre_crop_cut_off_has_no_mask() -> None:
    metadata = PreProcessingMetadata(
        pad_left=-40, pad_top=0, pad_right=-60, pad_bottom=0, original_size=ImageDimensions(100, 200),
        size_after_pre_processing=ImageDimensions(100, 200), inference_size=ImageDimensions(100, 100),
        scale_width=1.0, scale_height=1.0, static_crop_offset=StaticCropOffset(0, 0, 200, 100),
    )  # fmt: skip
    boxes = np.array([[0, 0, 200, 100]], np.float32)
    masks = dense_masks(np.ones((1, 25, 25), np.float32), np.ones((1, 1), np.float32), boxes, metadata)
    assert masks[0, :, 40:140].all()
    assert masks.sum() == 100 * 100


def test_a_mask_ends_where_a_ramp_says_in_a_huge_picture() -> None:
    metadata = stretch(ImageDimensions(20_000, 30_000), ImageDimensions(640, 640))
    ramp = np.broadcast_to(np.arange(160, dtype=np.float32) - 79.5, (1, 160, 160))
    masks = rle_masks(
        ramp, np.ones((1, 1), np.float32), np.array([[0, 0, 30_000, 20_000]], np.float32), metadata, smoothing=False
    )
    assert masks.masks == InstancesRLEMasks((20_000, 30_000), [[15_000 * 20_000, 15_000 * 20_000]]).masks


@pytest.mark.parametrize(("threshold", "area"), [(0.0, 24), (1.0, 0)])
def test_a_threshold_at_the_end_means_all_or_nothing(threshold, area) -> None:
    metadata = stretch(ImageDimensions(10, 10), ImageDimensions(32, 32))
    boxes = np.array([[2, 3, 8, 7]], np.float32)
    arrays = np.linspace(-1, 1, 64, dtype=np.float32).reshape(1, 8, 8), np.ones((1, 1), np.float32), boxes
    for smoothing in (False, True):
        assert dense_masks(*arrays, metadata, smoothing=smoothing, threshold=threshold).sum() == area


@pytest.mark.filterwarnings("error")
def test_undefined_values_are_outside_and_infinite_ones_are_large() -> None:
    metadata = stretch(ImageDimensions(64, 64), ImageDimensions(64, 64))
    prototypes = np.ones((1, 16, 16), np.float16)
    prototypes[0, :, 8:] = np.nan
    prototypes[0, :4] = -np.inf
    prototypes[0, 12:] = np.inf
    boxes = np.array([[0, 0, 64, 64]], np.float32)
    for smoothing in (True, False):
        mask = dense_masks(prototypes, np.ones((1, 1), np.float16), boxes, metadata, smoothing=smoothing)[0]
        assert mask[20:60, :28].all()
        assert mask[52:].all()
        assert not mask[:14].any()
        assert not mask[16:44, 36:].any()


def test_a_box_of_one_pixel_has_that_pixel() -> None:
    metadata = stretch(ImageDimensions(40, 40), ImageDimensions(64, 64))
    boxes = np.array([[7, 9, 8, 10], [7.4, 9.4, 7.6, 9.6], [7.6, 9, 8.4, 10], [5, 5, 5, 9], [9, 9, 5, 5]], np.float32)
    masks = dense_masks(np.ones((1, 16, 16), np.float32), np.ones((5, 1), np.float32), boxes, metadata)
    assert np.argwhere(masks).tolist() == [[0, 9, 7], [1, 9, 7]]


def test_maps_of_any_number_of_cells_work() -> None:
    """11 cells for 87 pixels: multiplied as floats, the last pixel lies in the twelfth."""
    metadata = letterbox(ImageDimensions(137, 111), ImageDimensions(87, 149))
    masks = check(scene(0, metadata, cells=(11, 29), count=4), metadata, True, 0.5)
    assert masks[0, -1].any()


def test_several_threads_get_what_one_gets() -> None:
    metadata = letterbox(ImageDimensions(300, 400), ImageDimensions(320, 320))
    scenes = [scene(seed, metadata, cells=(80, 80), count=12) for seed in range(8)]
    wanted = [rle_masks(*arrays, metadata) for arrays in scenes]
    with ThreadPoolExecutor(4) as threads:
        for _ in range(3):
            assert list(threads.map(lambda arrays: rle_masks(*arrays, metadata), scenes)) == wanted


@pytest.mark.parametrize("count", [0, 1, 7])
def test_networks_that_give_a_map_for_each_instance(count: int) -> None:
    metadata = letterbox(ImageDimensions(90, 120), ImageDimensions(64, 64))
    maps, _, boxes = scene(3, metadata, cells=(16, 16), count=count)
    maps = np.random.default_rng(3).normal(0, 1, (count, 16, 16)).astype(np.float32)
    expected = dense_masks(maps, np.eye(count, dtype=np.float32), boxes, metadata, smoothing=False)
    np.testing.assert_array_equal(dense_masks(maps, None, boxes, metadata, smoothing=False), expected)
    encoded = rle_masks(maps, None, boxes, metadata, smoothing=False)
    np.testing.assert_array_equal(encoded.to_dense().reshape(expected.shape), expected)
