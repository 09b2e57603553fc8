from __future__ import annotations

import warnings

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from inference_models.vision.contrast import enhance_contrast
from inference_models.vision.inference_config import ContrastType

Image = npt.NDArray[np.uint8]


def picture(height: int, width: int) -> Image:
    """Return smooth blobs with noise in the middle of the range, so that there is contrast to gain."""
    rng = np.random.default_rng(height)
    smooth = cv2.resize(rng.integers(0, 256, (5, 7, 3), np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    noisy: Image = np.clip(smooth * 0.5 + 40 + rng.integers(-20, 21, smooth.shape), 0, 255).astype(np.uint8)
    noisy[:1, :2] = 0
    return noisy


PICTURES = [
    image
    for size in [(100, 150), (333, 217), (64, 96), (17, 23), (9, 200), (1, 40)]
    for image in (picture(*size), picture(*size)[..., 0].copy())
]


@pytest.mark.parametrize("image", PICTURES, ids=lambda image: str(image.shape))
@pytest.mark.parametrize("contrast", list(ContrastType))
def test_it_is_what_scikit_image_does(image: Image, contrast: ContrastType) -> None:
    exposure = pytest.importorskip("skimage.exposure")
    before = image.copy()
    found = enhance_contrast(image, contrast)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that histogram equalization takes all channels together
        if contrast is ContrastType.ADAPTIVE_EQUALIZATION:
            expected = exposure.equalize_adapthist(image, clip_limit=0.03) * 255
        elif contrast is ContrastType.CONTRAST_STRETCHING:
            expected = exposure.rescale_intensity(image, in_range=tuple(np.percentile(image, (2, 98))))
        else:
            expected = exposure.equalize_hist(image) * 255
    tolerance = 0 if contrast is ContrastType.CONTRAST_STRETCHING else 0.52  # ours is rounded
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("contrast", list(ContrastType))
@pytest.mark.parametrize("shape", [(40, 50), (40, 50, 3), (1, 1, 3)])
def test_an_image_of_one_value_stays_as_it_is(contrast: ContrastType, shape: tuple[int, ...]) -> None:
    image = np.full(shape, 77, np.uint8)
    found = enhance_contrast(image, contrast)
    np.testing.assert_array_equal(found, image)
    assert not np.shares_memory(found, image)


def test_one_hue_at_full_brightness_stays_as_it_is_by_adaptive_equalization() -> None:
    image = np.zeros((40, 50, 3), np.uint8)
    image[..., 0] = 200
    np.testing.assert_array_equal(enhance_contrast(image, ContrastType.ADAPTIVE_EQUALIZATION), image)


@pytest.mark.parametrize("contrast", list(ContrastType))
def test_a_part_of_an_image_gives_what_its_copy_gives(contrast: ContrastType) -> None:
    part = picture(100, 150)[10:80, 20:130]
    np.testing.assert_array_equal(enhance_contrast(part, contrast), enhance_contrast(part.copy(), contrast))
