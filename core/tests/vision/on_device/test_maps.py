"""Maps brought to the size of the source image on a device, against the host."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_models.vision import ImagePreProcessor, InferenceConfig, PreProcessingMetadata, ResizeMode, restore_map
from inference_models.vision.inference_config import ImagePreProcessing, NetworkInput, StaticCrop, TrainingInputSize

torch = pytest.importorskip("torch")

LENGTH = st.integers(1, 120)
SIZE = st.tuples(LENGTH, LENGTH)


def place(
    mode: ResizeMode, image_size: tuple[int, int], size: tuple[int, int], crop: bool = False
) -> PreProcessingMetadata:
    network_input = NetworkInput(
        dynamic_spatial_size_supported=True,
        color_mode="rgb",
        resize_mode=mode,
        input_channels=3,
        training_input_size=TrainingInputSize(*size),
    )
    steps = ImagePreProcessing(static_crop=StaticCrop(crop, 10, 70, 25, 100))
    image = np.zeros((*image_size, 3), np.uint8)
    return ImagePreProcessor.from_config(InferenceConfig(network_input, steps))(image)[1][0]


def check(array: Any, metadata: PreProcessingMetadata, device: str, **options: Any) -> None:
    expected = restore_map(array, metadata, **options)
    given_ = torch.from_numpy(array).to(device)
    found: Any = restore_map(given_, metadata, **options)
    assert found.data_ptr() != given_.data_ptr()
    assert str(found.dtype) == f"torch.{expected.dtype}"
    atol = 2e-3 if array.dtype == np.float16 else 1e-4
    np.testing.assert_allclose(found.cpu().numpy(), expected, rtol=0, atol=0 if array.dtype.kind == "i" else atol)


@settings(deadline=None, max_examples=80)
@given(
    mode=st.sampled_from(list(ResizeMode)),
    image_size=SIZE,
    size=SIZE,
    cells=SIZE,
    channels=st.sampled_from([(), (1,), (3,)]),
    crop=st.booleans(),
)
def test_maps_are_the_hosts(
    device: str, mode: ResizeMode, image_size: Any, size: Any, cells: Any, channels: tuple[int, ...], crop: bool
) -> None:
    metadata = place(mode, image_size, size, crop)
    rng = np.random.default_rng(0)
    scores = rng.uniform(-2, 2, (*cells, *channels)).astype(np.float32)
    check(scores, metadata, device, fill=0.0)
    check(scores, metadata, device, fill=float("nan"))
    check(scores.astype(np.float16), metadata, device, fill=1.0)
    check(rng.integers(0, 20, (*cells, *channels)), metadata, device, fill=7, interpolation="nearest")


def test_a_map_that_fits_is_copied(device: str) -> None:
    metadata = place(ResizeMode.STRETCH, (40, 60), (40, 60))
    for options in ({"fill": 0.0}, {"fill": 0, "interpolation": "nearest"}):
        check(np.random.default_rng(0).uniform(0, 1, (40, 60)).astype(np.float32), metadata, device, **options)


def test_what_is_no_map_is_refused(device: str) -> None:
    metadata = place(ResizeMode.STRETCH, (40, 60), (20, 30))
    with pytest.raises(ValueError, match=r"got \(4,\)"):
        restore_map(torch.zeros(4, device=device), metadata, fill=0.0)
    with pytest.raises(ValueError, match="A map of int64 has no values in between"):
        restore_map(torch.zeros((4, 5), dtype=torch.int64, device=device), metadata, fill=0.0)
