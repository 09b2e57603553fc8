"""Every resize mode and step of a package, against the same done step by step."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from attrs import evolve

from inference_models.entities import PreProcessingOverrides
from inference_models.errors import InvalidParameterError, ModelInputError
from inference_models.vision import ImageDimensions, ImagePreProcessor, InferenceConfig, ResizeMode
from inference_models.vision.contrast import enhance_contrast
from inference_models.vision.inference_config import (
    Contrast,
    ContrastType,
    DynamicSpatialSizeMode,
    Grayscale,
    ImagePreProcessing,
    NetworkInput,
    StaticCrop,
    TrainingInputSize,
)

NETWORK_INPUT = NetworkInput(
    dynamic_spatial_size_supported=True,
    dynamic_spatial_size_mode=DynamicSpatialSizeMode("pad-to-be-divisible", 32),
    color_mode="bgr",
    resize_mode=ResizeMode.LETTERBOX,
    input_channels=3,
    training_input_size=TrainingInputSize(height=64, width=96),
    padding_value=114,
)
STEPS = ImagePreProcessing(
    static_crop=StaticCrop(True, 25, 75, 0, 50),
    grayscale=Grayscale(True),
    contrast=Contrast(True, ContrastType.HISTOGRAM_EQUALIZATION),
)


def make(steps: ImagePreProcessing | None = None, **changes: Any) -> ImagePreProcessor:
    config = InferenceConfig(evolve(NETWORK_INPUT, **changes), steps or ImagePreProcessing())
    return ImagePreProcessor.from_config(config)


def picture(height: int, width: int) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)


def planes(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return image.transpose(2, 0, 1)


def test_reflected_edges_are_the_image_mirrored() -> None:
    [found], [metadata] = make(resize_mode=ResizeMode.LETTERBOX_REFLECT_EDGES)(picture(128, 64))
    resized = cv2.resize(picture(128, 64), (32, 64))
    expected = np.pad(resized, ((0, 0), (32, 32), (0, 0)), mode="symmetric")
    np.testing.assert_array_equal(found, planes(expected))
    assert (metadata.pad_left, metadata.pad_right, metadata.pad_top) == (32, 32, 0)


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (3, 2)])
@pytest.mark.parametrize("mode", list(ResizeMode))
def test_images_thinner_than_their_padding_work(size: tuple[int, int], mode: ResizeMode) -> None:
    [found], [metadata] = make(resize_mode=mode)(np.full((*size, 3), 255, np.uint8))
    assert found.shape[1:] == (metadata.inference_size.height, metadata.inference_size.width)
    assert found.max() == 255
    if mode is ResizeMode.LETTERBOX_REFLECT_EDGES:
        assert found.min() == 255


@pytest.mark.parametrize(
    ("size", "rows", "columns", "inside"),
    [
        ((100, 200), slice(18, 82), slice(52, 148), (slice(0, 64), slice(0, 96))),
        ((65, 97), slice(0, 64), slice(0, 96), (slice(0, 64), slice(0, 96))),
        ((20, 200), slice(0, 20), slice(52, 148), (slice(22, 42), slice(0, 96))),
        ((100, 31), slice(18, 82), slice(0, 31), (slice(0, 64), slice(32, 63))),
    ],
)
def test_a_centre_crop_is_the_middle_unchanged_in_black(
    size: tuple[int, int], rows: slice, columns: slice, inside: tuple[slice, slice]
) -> None:
    [found], _ = make(resize_mode=ResizeMode.CENTER_CROP)(picture(*size))
    expected = np.zeros((64, 96, 3))
    expected[inside] = picture(*size)[rows, columns]
    np.testing.assert_array_equal(found, planes(expected))


def test_the_longer_edge_fits_and_the_input_is_as_small_as_the_divisor_lets_it() -> None:
    pre_processor = make(resize_mode=ResizeMode.FIT_LONGER_EDGE, training_input_size=TrainingInputSize(640, 640))
    [found], [metadata] = pre_processor(picture(300, 600))
    assert metadata.inference_size == ImageDimensions(320, 640)
    np.testing.assert_array_equal(found, planes(cv2.resize(picture(300, 600), (640, 320))))
    [found], [metadata] = pre_processor(picture(330, 660))
    assert (metadata.pad_top, metadata.pad_bottom) == (0, 0)
    [found], [metadata] = pre_processor(picture(200, 500))
    assert (metadata.inference_size, metadata.pad_top, metadata.pad_bottom) == (ImageDimensions(256, 640), 0, 0)
    [found], [metadata] = pre_processor(picture(210, 500))
    assert (metadata.inference_size, metadata.pad_top, metadata.pad_bottom) == (ImageDimensions(288, 640), 10, 10)
    assert (found[:, :10] == 114).all()
    assert pre_processor([picture(300, 600), picture(150, 300)])[0].shape == (2, 3, 320, 640)
    with pytest.raises(ModelInputError, match=r"one of these images 320x640 and another 640x320 .* one by one"):
        pre_processor([picture(300, 600), picture(600, 300)])


def by_the_book(image: npt.NDArray[np.uint8], overrides: PreProcessingOverrides) -> npt.NDArray[Any]:
    if not overrides.disable_static_crop:
        image = image[: image.shape[0] // 2, image.shape[1] // 4 : image.shape[1] * 3 // 4]
    image = np.ascontiguousarray(image)
    if not overrides.disable_grayscale:
        image = np.repeat(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[..., None], 3, axis=2).astype(np.uint8)
    if not overrides.disable_contrast_enhancement:
        image = enhance_contrast(image, ContrastType.HISTOGRAM_EQUALIZATION)
    return planes(cv2.resize(image, (96, 64)))


@pytest.mark.parametrize("crop", [False, True])
@pytest.mark.parametrize("grayscale", [False, True])
@pytest.mark.parametrize("contrast", [False, True])
def test_steps_are_done_unless_switched_off(crop: bool, grayscale: bool, contrast: bool) -> None:
    pre_processor = make(STEPS, resize_mode=ResizeMode.STRETCH)
    overrides = PreProcessingOverrides(contrast, grayscale, crop)
    [found], [metadata] = pre_processor(picture(80, 120), overrides=overrides)
    np.testing.assert_array_equal(found, by_the_book(picture(80, 120), overrides))
    assert metadata.original_size == ImageDimensions(80, 120)
    assert metadata.size_after_pre_processing == (ImageDimensions(80, 120) if crop else ImageDimensions(40, 60))


def test_a_network_of_one_plane_gets_grey_images() -> None:
    pre_processor = make(input_channels=1, resize_mode=ResizeMode.STRETCH, normalization=((10.0,), (2.0,)))
    image = picture(80, 120)
    gray = cv2.resize(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), (96, 64)).astype(np.float64)
    for overrides in (None, PreProcessingOverrides(disable_grayscale=True)):
        tensor, _ = pre_processor(image, overrides=overrides)
        assert tensor.shape == (1, 1, 64, 96)
        np.testing.assert_allclose(tensor[0, 0], (gray - 10) / 2, rtol=1e-6)
    rgb, _ = pre_processor(np.ascontiguousarray(image[..., ::-1]), input_color_format="rgb")
    np.testing.assert_array_equal(rgb, tensor)


def test_the_size_can_be_chosen_by_call() -> None:
    pre_processor = make()
    tensor, [metadata] = pre_processor(picture(50, 70), image_size=(100, 40))
    assert tensor.shape == (1, 3, 64, 128)
    assert metadata.inference_size == ImageDimensions(height=64, width=128)
    assert pre_processor(picture(50, 70), image_size=320)[0].shape == (1, 3, 320, 320)
    assert pre_processor(picture(50, 70))[0].shape == (1, 3, 64, 96)
    any_size = make(dynamic_spatial_size_mode=DynamicSpatialSizeMode("any-size"))
    assert any_size(picture(50, 70), image_size=(101, 41))[0].shape == (1, 3, 41, 101)


def test_a_network_of_one_size_refuses_another() -> None:
    fixed = make(dynamic_spatial_size_supported=False)
    with pytest.raises(InvalidParameterError, match=r"images of 64x96 \(height x width\) only"):
        fixed(picture(50, 70), image_size=320)
    config = InferenceConfig(NETWORK_INPUT)  # says dynamic; the network itself does not
    with pytest.raises(InvalidParameterError, match="is not supported"):
        ImagePreProcessor.from_config(config, dynamic_size=False)(picture(50, 70), image_size=320)


@pytest.mark.parametrize("mode", [ResizeMode.LETTERBOX, ResizeMode.STRETCH, ResizeMode.FIT_LONGER_EDGE])
def test_the_packages_own_size_is_rounded_up_as_a_requested_one_is(mode: ResizeMode) -> None:
    trained = TrainingInputSize(height=500, width=500)
    free = make(resize_mode=mode, training_input_size=trained)
    tensor = free(picture(70, 70))[0]
    assert tensor.shape == (1, 3, 512, 512)
    np.testing.assert_array_equal(tensor, free(picture(70, 70), image_size=500)[0])


def test_a_fixed_size_is_what_the_network_states_whatever_divides_it() -> None:
    config = InferenceConfig(evolve(NETWORK_INPUT, training_input_size=TrainingInputSize(height=500, width=500)))
    fixed = ImagePreProcessor.from_config(config, dynamic_size=False)
    assert fixed(picture(70, 70))[0].shape == (1, 3, 500, 500)
    unsupported = make(dynamic_spatial_size_supported=False, training_input_size=TrainingInputSize(500, 500))
    assert unsupported(picture(70, 70))[0].shape == (1, 3, 500, 500)
