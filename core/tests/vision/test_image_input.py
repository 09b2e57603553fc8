from __future__ import annotations

from typing import Any

import pytest

from inference_models import CorruptedModelPackageError
from inference_models.developer_tools import ImageDimensions, TensorInfo
from inference_models.vision import InferenceConfig, ResizeMode, agreed_input_size, find_image_input, stated_input_size
from inference_models.vision.inference_config import DynamicSpatialSizeMode, NetworkInput, TrainingInputSize


def config(size: tuple[int, int] | None = None, channels: int = 3) -> InferenceConfig:
    return InferenceConfig(
        network_input=NetworkInput(
            training_input_size=None if size is None else TrainingInputSize(*size),
            dynamic_spatial_size_supported=size is None,
            dynamic_spatial_size_mode=DynamicSpatialSizeMode("any-size") if size is None else None,
            color_mode="rgb",
            resize_mode=ResizeMode.STRETCH,
            input_channels=channels,
        )
    )


def tensor(*shape: int | None) -> TensorInfo:
    return TensorInfo("images", shape, "float32")


@pytest.mark.parametrize("shape", [(1, 3, 32, 64), (None, 3, None, None), (None, None, 32, 64), ()])
def test_the_only_input_with_four_axes_takes_images(shape: Any) -> None:
    assert find_image_input([tensor(*shape)], config()) == tensor(*shape)


@pytest.mark.parametrize(
    ("inputs", "found"),
    [
        ([], "none"),
        ([tensor(1, 3, 8, 8), tensor(1, 3, 8, 8)], "images .*; images"),
        ([tensor(1, 3, 8)], r"images \(1, 3, 8\)"),
        ([tensor(1, 1, 8, 8)], r"images \(1, 1, 8, 8\)"),
        ([tensor(1, 8, 8, 3)], r"images \(1, 8, 8, 3\)"),
    ],
)
def test_anything_else_is_named(inputs: list[TensorInfo], found: str) -> None:
    with pytest.raises(CorruptedModelPackageError, match=rf"\(batch, 3, height, width\), found {found}.*network_input"):
        find_image_input(inputs, config())


def test_the_channels_are_those_of_the_config() -> None:
    assert find_image_input([tensor(1, 1, 8, 8)], config(channels=1)).shape == (1, 1, 8, 8)


@pytest.mark.parametrize(
    ("shape", "stated"), [((1, 3, 32, 64), (32, 64)), ((1, 3, None, 64), (None, 64)), ((), (None, None))]
)
def test_what_a_network_states(shape: Any, stated: tuple[int | None, int | None]) -> None:
    assert stated_input_size(tensor(*shape)) == stated


@pytest.mark.parametrize(
    ("shape", "trained", "agreed"),
    [
        ((1, 3, 32, 64), None, ImageDimensions(32, 64)),
        ((1, 3, None, 64), None, None),
        ((), None, None),
        ((1, 3, 32, 64), (32, 64), None),
        ((1, 3, None, None), (32, 64), None),
        ((), (32, 64), None),
    ],
)
def test_the_network_decides_only_where_the_config_is_silent(shape: Any, trained: Any, agreed: Any) -> None:
    assert agreed_input_size(tensor(*shape), config(trained)) == agreed


@pytest.mark.parametrize("shape", [(1, 3, 64, 32), (1, 3, None, 32), (1, 3, 64, None)])
def test_a_contradiction_names_both(shape: Any) -> None:
    with pytest.raises(CorruptedModelPackageError, match=r"takes .*x.* but .*training_input_size .* is 32x64"):
        agreed_input_size(tensor(*shape), config((32, 64)))
