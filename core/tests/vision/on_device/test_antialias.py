"""Resizing as Pillow does it, on a device, against the same on the host."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference_models.vision import ImagePreProcessor, InferenceConfig, ResizeMode
from inference_models.vision.inference_config import NetworkInput, TrainingInputSize

torch = pytest.importorskip("torch")

LENGTH = st.integers(1, 160)


def make(mode: ResizeMode, height: int, width: int) -> ImagePreProcessor:
    network_input = NetworkInput(
        dynamic_spatial_size_supported=False,
        color_mode="rgb",
        resize_mode=mode,
        input_channels=3,
        training_input_size=TrainingInputSize(height, width),
    )
    return ImagePreProcessor.from_config(InferenceConfig(network_input), antialias=True)


@pytest.mark.parametrize(
    "mode", [ResizeMode.STRETCH, ResizeMode.LETTERBOX, ResizeMode.LETTERBOX_REFLECT_EDGES, ResizeMode.CENTER_CROP]
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LENGTH, LENGTH, LENGTH, LENGTH)
def test_the_values_of_the_host_within_one(
    device: str, mode: ResizeMode, height: int, width: int, new_height: int, new_width: int
) -> None:
    image = np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)
    make_input = make(mode, new_height, new_width)
    expected, placed = make_input(image)
    for given_image in (image, torch.from_numpy(image).permute(2, 0, 1).flip(0).to(device)):
        prepared: tuple[Any, Any] = make_input(given_image, device=device)
        tensor, metadata = prepared
        assert tensor.device.type == torch.device(device).type
        assert np.abs(tensor.cpu().numpy() - expected).max() <= 1
        assert evolve(metadata[0], array_kind="numpy", device="cpu") == placed[0]
