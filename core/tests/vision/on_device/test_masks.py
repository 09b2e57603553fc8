"""Masks made on a device, against the host's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_models import InstancesRLEMasks
from inference_models.vision import ImageDimensions, PreProcessingMetadata, dense_masks, rle_masks
from inference_models.vision.geometry import center_crop, letterbox, stretch
from inference_models.vision.on_device import masks

torch = pytest.importorskip("torch")

LENGTH = st.integers(1, 150)


def scene(size: ImageDimensions, *, count: int, cells: tuple[int, int], seed: int) -> tuple[Any, Any, Any]:
    """Return prototypes, coefficients and boxes, some of which reach beyond the image or have no area."""
    rng = np.random.default_rng(seed)
    reach = np.array([size.width, size.height])
    corners = rng.uniform(-0.2, 1.1, (count, 2)) * reach
    sides = rng.choice([0, 0.4, 1, 30, 400], (count, 2)) * rng.uniform(0.5, 1.5, (count, 2))
    boxes = np.concatenate([corners, corners + sides], axis=1).astype(np.float32)
    return rng.normal(0, 1, (8, *cells)).astype(np.float32), rng.normal(0, 1, (count, 8)).astype(np.float32), boxes


def check(arrays: Any, metadata: PreProcessingMetadata, device: str, **options: Any) -> Any:
    expected = dense_masks(*arrays, metadata, **options)
    tensors = [torch.from_numpy(array).to(device) for array in arrays]
    found: Any = dense_masks(*tensors, metadata, **options)
    assert found.dtype is torch.bool
    # Rounding decides where the interpolated map is within 1e-6 of the threshold.
    assert (found.cpu().numpy() != expected).sum() <= 1e-5 * expected.size + 1
    encoded = rle_masks(*tensors, metadata, **options)
    assert (encoded.to_dense() != expected).sum() <= 1e-5 * expected.size + 1
    return expected


@settings(deadline=None, max_examples=60)
@given(
    image_size=st.builds(ImageDimensions, LENGTH, LENGTH),
    size=st.builds(ImageDimensions, LENGTH, LENGTH),
    cells=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    placed=st.sampled_from([letterbox, stretch, center_crop]),
    count=st.sampled_from([0, 1, 5, 12]),
    smoothing=st.booleans(),
    threshold=st.sampled_from([0.5, 0.5, 0.2, 0.0, 1.0]),
    seed=st.integers(0, 5),
)
def test_masks_are_the_hosts(
    device: str,
    image_size: ImageDimensions,
    size: ImageDimensions,
    cells: tuple[int, int],
    placed: Any,
    count: int,
    smoothing: bool,
    threshold: float,
    seed: int,
) -> None:
    arrays = scene(image_size, count=count, cells=cells, seed=seed)
    check(arrays, placed(image_size, size), device, smoothing=smoothing, threshold=threshold)


def test_many_masks_are_made_by_the_part(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    monkeypatch.setattr(masks, "_PIXELS_AT_ONCE", 3 * 120 * 160)
    size = ImageDimensions(120, 160)
    expected = check(scene(size, count=20, cells=(40, 40), seed=0), letterbox(size, ImageDimensions(160, 160)), device)
    assert expected.any()


def test_values_that_are_no_numbers_are_outside(device: str) -> None:
    size = ImageDimensions(64, 64)
    prototypes, coefficients, _ = scene(size, count=3, cells=(16, 16), seed=1)
    prototypes[0, :4], prototypes[1, 8:] = np.nan, np.inf
    boxes = np.array([[0, 0, 64, 64]] * 3, np.float32)
    with np.errstate(invalid="ignore"):
        check((prototypes, coefficients, boxes), stretch(size, size), device)


def test_half_precision_works(device: str) -> None:
    size = ImageDimensions(60, 80)
    arrays = [array.astype(np.float16) for array in scene(size, count=4, cells=(20, 20), seed=2)]
    check((arrays[0], arrays[1], arrays[2].astype(np.float32)), stretch(size, ImageDimensions(80, 80)), device)


@pytest.mark.parametrize(("count", "maps"), [(3, 3), (30, 8)])
def test_rle_masks_fetch_prototypes_or_maps_whichever_are_fewer(
    count: int, maps: int, watch: Callable[[Any], Any]
) -> None:
    size = ImageDimensions(60, 80)
    tensors = [watch(torch.from_numpy(array)) for array in scene(size, count=count, cells=(20, 20), seed=3)]
    metadata = stretch(size, ImageDimensions(80, 80))
    assert dense_masks(*tensors, metadata).shape == (count, 60, 80)
    assert tensors[0].fetched == []
    assert isinstance(rle_masks(*tensors, metadata), InstancesRLEMasks)
    assert max(tensors[0].fetched) == maps * 20 * 20
