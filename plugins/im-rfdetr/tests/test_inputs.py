"""Pictures as the network was trained on them: Pillow's resize, ImageNet's normalisation, colours in their order."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image as PillowImage

from im_rfdetr.inputs import RFDETRPreProcessor, training_config
from inference_models import InvalidParameterError, PreProcessingOverrides
from inference_models.developer_tools import ImageDimensions, parse_inference_config

LEVEL = 1 / 255 / 0.224  # one of 256, normalised


def by_pillow(bench, rgb, height: int = 64, width: int = 64):
    """Return what training makes of a picture: (3, height, width)."""
    resized = PillowImage.fromarray(rgb).resize((width, height), PillowImage.Resampling.BILINEAR)
    normal = (np.asarray(resized) / 255 - np.array(bench.MEAN)) / np.array(bench.DEVIATION)
    return normal.transpose(2, 0, 1)


def from_package(bench, **network_input: Any) -> RFDETRPreProcessor:
    directory = bench.package(network_input=network_input)
    return RFDETRPreProcessor.from_config(parse_inference_config(directory / "inference_config.json"))


def given_as(rgb) -> dict[str, tuple[Any, dict[str, Any]]]:
    """Return one picture as everything that counts as an image, with what the caller must say about it."""
    torch = pytest.importorskip("torch")
    bgr = rgb[..., ::-1].copy()
    planes = torch.from_numpy(rgb.transpose(2, 0, 1).copy())
    reversed_planes = planes.flip(0)
    return {
        "array": (bgr, {}),
        "array that is said to be bgr": (bgr, {"input_color_format": "bgr"}),
        "rgb array": (rgb, {"input_color_format": "rgb"}),
        "reversed view": (rgb[..., ::-1], {}),
        "list": ([bgr], {}),
        "batch of arrays": (bgr[None], {}),
        "uint8 tensor": (planes, {}),
        "uint8 tensor that is said to be rgb": (planes, {"input_color_format": "rgb"}),
        "bgr tensor": (reversed_planes, {"input_color_format": "bgr"}),
        "float tensor": (planes / 255, {}),
        "batch of tensors": (planes[None], {}),
        "list of tensors": ([planes], {}),
    }


@pytest.mark.parametrize("color_mode", ["rgb", "bgr"])
@pytest.mark.parametrize("kind", list(given_as(np.zeros((2, 2, 3), np.uint8))))
def test_colours_arrive_in_the_networks_order_from_every_kind_of_image(bench, color_mode: str, kind: str) -> None:
    """A tensor's colours were once swapped when the caller did not say their order."""
    rgb = bench.picture()
    rgb[..., 0] //= 4  # no two planes alike
    pre_processor = from_package(bench, color_mode=color_mode, normalization=None)
    images, options = given_as(rgb)[kind]
    tensor, _ = pre_processor(images, **options)
    resized = PillowImage.fromarray(rgb).resize((64, 64), PillowImage.Resampling.BILINEAR)
    expected = np.asarray(resized).transpose(2, 0, 1) / 255
    expected = expected if color_mode == "rgb" else expected[::-1]
    assert np.abs(tensor[0] - expected).max() <= 1.01 / 255


@pytest.mark.parametrize("size", [(40, 50), (64, 64), (300, 500), (1080, 1920)])
def test_the_picture_is_pillows(bench, size: tuple[int, int]) -> None:
    rgb = bench.picture(*size)
    tensor, [metadata] = from_package(bench)(rgb, input_color_format="rgb")
    assert tensor.dtype == np.float32
    assert np.abs(tensor[0] - by_pillow(bench, rgb)).max() <= 1.01 * LEVEL
    assert (metadata.inference_size, metadata.original_size) == (ImageDimensions(64, 64), ImageDimensions(*size))


def test_training_prepares_so_too(bench) -> None:
    rgb = bench.picture()
    tensor, _ = RFDETRPreProcessor.from_config(training_config(96))(rgb, input_color_format="rgb")
    assert np.abs(tensor[0] - by_pillow(bench, rgb, 96, 96)).max() <= 1.01 * LEVEL


def test_a_package_that_forgets_to_scale_is_scaled(bench) -> None:
    rgb = bench.picture()
    expected, _ = from_package(bench)(rgb)
    np.testing.assert_array_equal(from_package(bench, scaling_factor=None)(rgb)[0], expected)


def test_fit_longer_edge_means_stretch(bench) -> None:
    rgb = bench.picture()
    expected, _ = from_package(bench)(rgb)
    tensor, _ = from_package(bench, resize_mode="fit-longer-edge")(rgb)
    np.testing.assert_array_equal(tensor, expected)


def letterboxed(rgb, size: int, fill: int):
    """Return the picture fitted into a square as the platform stores it, and where it lies: left, top, scale."""
    height, width = rgb.shape[:2]
    scale = min(size / width, size / height)
    small = cv2.resize(rgb, (int(width * scale), int(height * scale)))
    left, top = (size - small.shape[1]) // 2, (size - small.shape[0]) // 2
    stored = np.full((size, size, 3), fill, np.uint8)
    stored[top : top + small.shape[0], left : left + small.shape[1]] = small
    return stored, left, top


@pytest.mark.parametrize("stored_size", [100, 64, 40])
@pytest.mark.parametrize("kind", ["array", "tensor"])
def test_what_was_stored_at_another_size_is_stretched_from_there(bench, stored_size: int, kind: str) -> None:
    torch = pytest.importorskip("torch")
    rgb = bench.picture(90, 140)
    pre_processor = from_package(
        bench,
        resize_mode="letterbox",
        padding_value=114,
        dataset_version_resize_dimensions={"height": stored_size, "width": stored_size},
    )
    image = rgb[..., ::-1] if kind == "array" else torch.from_numpy(rgb.transpose(2, 0, 1).copy())
    tensor, [metadata] = pre_processor(image)
    stored, left, top = letterboxed(rgb, stored_size, 114)
    assert np.abs(tensor[0] - by_pillow(bench, stored)).max() <= 1.01 * LEVEL
    assert metadata.inference_size == ImageDimensions(stored_size, stored_size)
    assert (metadata.pad_left, metadata.pad_top) == (left, top)
    assert metadata.array_kind == ("numpy" if kind == "array" else "torch")


def test_another_mode_without_a_stored_size_makes_the_networks_size(bench) -> None:
    rgb = bench.picture(90, 140)
    tensor, _ = from_package(bench, resize_mode="letterbox", padding_value=0)(rgb, input_color_format="rgb")
    stored, _, _ = letterboxed(rgb, 64, 0)
    assert np.abs(tensor[0] - by_pillow(bench, stored)).max() <= 1.01 * LEVEL


@pytest.mark.parametrize("mode", ["stretch", "letterbox"])
def test_steps_before_resizing(bench, mode: str) -> None:
    directory = bench.package(
        network_input={"resize_mode": mode},
        image_pre_processing={
            "static-crop": {"enabled": True, "x_min": 10, "x_max": 60, "y_min": 20, "y_max": 100},
            "grayscale": {"enabled": True},
        },
    )
    pre_processor = RFDETRPreProcessor.from_config(parse_inference_config(directory / "inference_config.json"))
    rgb = bench.picture(100, 200)
    grey = cv2.cvtColor(cv2.cvtColor(rgb[20:, 20:120], cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    shown = grey if mode == "stretch" else letterboxed(grey, 64, 0)[0]
    tensor, [metadata] = pre_processor(rgb, input_color_format="rgb")
    assert np.abs(tensor[0] - by_pillow(bench, shown)).max() <= 1.01 * LEVEL
    assert (metadata.static_crop_offset.offset_x, metadata.static_crop_offset.offset_y) == (20, 20)
    overrides = PreProcessingOverrides(disable_static_crop=True, disable_grayscale=True)
    whole = rgb if mode == "stretch" else letterboxed(rgb, 64, 0)[0]
    tensor, _ = pre_processor(rgb, input_color_format="rgb", overrides=overrides)
    assert np.abs(tensor[0] - by_pillow(bench, whole)).max() <= 1.01 * LEVEL


@pytest.mark.parametrize("mode", ["stretch", "letterbox"])
def test_only_the_networks_own_size_can_be_asked_for(bench, mode: str) -> None:
    pre_processor = from_package(bench, resize_mode=mode)
    np.testing.assert_array_equal(pre_processor(bench.picture(), image_size=64)[0], pre_processor(bench.picture())[0])
    with pytest.raises(InvalidParameterError, match="image_size 96x96"):
        pre_processor(bench.picture(), image_size=96)


@pytest.mark.parametrize("mode", ["stretch", "letterbox"])
def test_a_device_makes_the_same(bench, mode: str) -> None:
    torch = pytest.importorskip("torch")
    pre_processor = from_package(
        bench, resize_mode=mode, dataset_version_resize_dimensions={"height": 100, "width": 100}
    )
    rgb = bench.picture()
    expected, placed = pre_processor(rgb, input_color_format="rgb")
    planes = torch.from_numpy(rgb.transpose(2, 0, 1).copy())
    for image, options in ((rgb, {"input_color_format": "rgb"}), (planes, {})):
        tensor, [metadata] = pre_processor(image, device="cpu:0", **options)
        assert np.abs(tensor.numpy() - expected).max() <= 1.01 * LEVEL
        assert metadata.inference_size == placed[0].inference_size
