from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from inference_models.entities import PreProcessingOverrides
from inference_models.vision import ImageDimensions, StaticCropOffset
from inference_models.vision.contrast import enhance_contrast
from inference_models.vision.inference_config import (
    AutoOrient,
    Contrast,
    ContrastType,
    Grayscale,
    ImagePreProcessing,
    StaticCrop,
)
from inference_models.vision.steps import Steps, crop_offset

CROP = StaticCrop(True, x_min=10, x_max=60, y_min=25, y_max=100)
STRETCHING = ContrastType.CONTRAST_STRETCHING
ALL = Steps(CROP, grayscale=True, contrast=STRETCHING)


def picture() -> npt.NDArray[np.uint8]:
    return np.random.default_rng(0).integers(30, 200, (60, 80, 3), np.uint8)


@pytest.mark.parametrize(
    ("size", "crop", "expected"),
    [
        ((100, 200), CROP, StaticCropOffset(20, 25, 100, 75)),
        ((33, 17), CROP, StaticCropOffset(1, 8, 9, 25)),
        ((5, 5), StaticCrop(True, 0, 100, 0, 100), StaticCropOffset(0, 0, 5, 5)),
        ((1, 1), StaticCrop(True, 50, 51, 99, 100), StaticCropOffset(0, 0, 1, 1)),
        ((3, 3), StaticCrop(True, 98, 99, 0, 1), StaticCropOffset(2, 0, 1, 1)),
    ],
)
def test_percents_become_whole_pixels_at_least_one(
    size: tuple[int, int], crop: StaticCrop, expected: StaticCropOffset
) -> None:
    assert crop_offset(ImageDimensions(*size), crop) == expected


def test_the_config_says_which_steps_there_are() -> None:
    config = ImagePreProcessing(AutoOrient(True), CROP, Contrast(True, STRETCHING), Grayscale(True))
    assert Steps.from_config(config) == ALL
    off = StaticCrop(False, 10, 60, 25, 100)
    disabled = ImagePreProcessing(AutoOrient(True), off, Contrast(False, STRETCHING), Grayscale(False))
    assert Steps.from_config(disabled) == Steps.from_config(ImagePreProcessing()) == Steps()


def test_single_steps_can_be_left_out() -> None:
    assert ALL.without(None) == ALL.without(PreProcessingOverrides()) == ALL
    assert ALL.without(PreProcessingOverrides(disable_static_crop=True)) == Steps(None, True, STRETCHING)
    assert ALL.without(PreProcessingOverrides(disable_grayscale=True)) == Steps(CROP, False, STRETCHING)
    assert ALL.without(PreProcessingOverrides(disable_contrast_enhancement=True)) == Steps(CROP, True, None)


def test_a_crop_alone_copies_nothing() -> None:
    image = picture()
    part = Steps(CROP)(image, "bgr", StaticCropOffset(8, 15, 40, 45))
    np.testing.assert_array_equal(part, image[15:60, 8:48])
    assert np.shares_memory(part, image)


def test_steps_are_done_in_their_order() -> None:
    image = picture()
    found = ALL(image, "bgr", StaticCropOffset(8, 15, 40, 45))
    gray = cv2.cvtColor(np.ascontiguousarray(image[15:60, 8:48]), cv2.COLOR_BGR2GRAY)
    np.testing.assert_array_equal(found, enhance_contrast(gray.astype(np.uint8), STRETCHING))


def test_brightness_goes_by_the_order_of_colours() -> None:
    image, whole = picture(), StaticCropOffset(0, 0, 80, 60)
    as_bgr = Steps(grayscale=True)(image, "bgr", whole)
    as_rgb = Steps(grayscale=True)(np.ascontiguousarray(image[..., ::-1]), "rgb", whole)
    np.testing.assert_array_equal(as_bgr, as_rgb)
    expected = image @ np.array([0.114, 0.587, 0.299])  # ITU-R BT.601
    np.testing.assert_allclose(as_bgr, expected, atol=0.51)


@pytest.mark.parametrize("steps", [Steps(grayscale=True), *(Steps(contrast=kind) for kind in ContrastType)])
def test_any_layout_gives_what_its_copy_gives(steps: Steps) -> None:
    image, whole = picture(), StaticCropOffset(0, 0, 80, 60)
    expected = steps(image, "bgr", whole)
    planar = np.ascontiguousarray(image.transpose(2, 0, 1)).transpose(1, 2, 0)
    mirrored = np.ascontiguousarray(image[:, ::-1])[:, ::-1]
    for layout in (planar, mirrored, np.asfortranarray(image)):
        np.testing.assert_array_equal(steps(layout, "bgr", whole), expected)
