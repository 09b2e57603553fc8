from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference_models.errors import ModelInputError
from inference_models.vision import as_images

IMAGE = np.zeros((4, 5, 3), np.uint8)


def test_one_image_becomes_a_list_of_one_without_a_copy() -> None:
    images = as_images(IMAGE)
    assert len(images) == 1
    assert images[0].pixels is IMAGE


@pytest.mark.parametrize("kind", [list, tuple])
def test_images_of_mixed_sizes_are_taken(kind: Any) -> None:
    other = np.zeros((1, 2, 3), np.uint8)
    assert [image.pixels.shape for image in as_images(kind([IMAGE, other]))] == [(4, 5, 3), (1, 2, 3)]


def test_an_array_of_images_is_taken_apart_without_a_copy() -> None:
    batch = np.zeros((3, 4, 5, 3), np.uint8)
    images = as_images(batch)
    assert [image.pixels.shape for image in images] == [(4, 5, 3)] * 3
    assert all(np.shares_memory(image.pixels, batch) for image in images)


def test_views_and_read_only_arrays_are_taken() -> None:
    frozen = np.zeros((8, 8, 3), np.uint8)
    frozen.flags.writeable = False
    assert as_images([frozen, frozen[::2, ::-1], frozen[..., ::-1]])[2].pixels.shape == (8, 8, 3)


WRONG: list[tuple[Any, str]] = [
    (None, "the image is None. cv2.imread returns None"),
    ([], "There is no image: got an empty list"),
    ((), "There is no image: got an empty tuple"),
    (np.zeros((0, 4, 5, 3), np.uint8), r"got an empty array of images, shape \(0, 4, 5, 3\)"),
    (np.zeros((0, 5, 3), np.uint8), r"no pixels: its shape is \(0, 5, 3\)"),
    (np.zeros((2, 0, 5, 3), np.uint8), r"image 0 of the array has no pixels"),
    (np.zeros((4, 5), np.uint8), r"shape \(4, 5\). It is grey: cv2.cvtColor\(image, cv2.COLOR_GRAY2BGR\)"),
    (np.zeros((4, 5, 1), np.uint8), r"shape \(4, 5, 1\). It is grey: cv2.cvtColor"),
    (np.zeros((4, 5, 4), np.uint8), r"alpha channel: image\[:, :, :3\] drops it"),
    (np.zeros((4, 5, 2), np.uint8), r"shape \(4, 5, 2\)"),
    (np.zeros((3, 40, 50), np.uint8), r"channels come first: image.transpose\(1, 2, 0\)"),
    (np.zeros((1, 1, 4, 5, 3), np.uint8), r"shape \(1, 1, 4, 5, 3\)"),
    (np.zeros((2, 4, 5, 4), np.uint8), "image 0 of the array has shape"),
    (np.zeros(3, np.uint8), r"shape \(3,\)"),
    (np.array([IMAGE, None], dtype=object), "dtype object. Images of different sizes go into a list"),
    (np.ones((4, 5, 3), np.float32), r"dtype float32. Its values lie in 0 to 1: \(image \* 255\)"),
    (np.full((4, 5, 3), 200.0), "dtype float64. Its values lie in 0 to 255"),
    (np.full((4, 5, 3), -1.5), "Its values run from -1.5 to -1.5: undo the normalization"),
    (np.full((4, 5, 3), np.nan), "It holds NaN"),
    (np.zeros((4, 5, 3), np.uint16), "turns 16-bit values into 8-bit"),
    (np.zeros((4, 5, 3), np.int64), "dtype int64. Scale its values to 0 to 255"),
    (np.zeros((4, 5, 3), np.bool_), "dtype bool"),
    ("photo.jpg", r"the image is a str. Load the file first: inference_models.load_image\(path\)"),
    (Path("photo.jpg"), "Load the file first"),
    (b"content", "the image is a bytes. Decode it first"),
    (7, "the image is a int"),
    ({"image": IMAGE}, "the image is a dict"),
    ([IMAGE, None], "element 1 of the list is None"),
    ((IMAGE, IMAGE, "photo.jpg"), "element 2 of the tuple is a str"),
    ([IMAGE, np.zeros((4, 5), np.uint8)], r"element 1 of the list has shape \(4, 5\)"),
    ([IMAGE, np.zeros((2, 4, 5, 3), np.uint8)], r"element 1 of the list has shape \(2, 4, 5, 3\)"),
    ([[1, 2], [3, 4]], "element 0 of the list is a list"),
]


@pytest.mark.parametrize(("images", "expected"), WRONG, ids=[expected[:40] for _, expected in WRONG])
def test_what_is_no_image_is_named_with_the_way_out(images: Any, expected: str) -> None:
    with pytest.raises(ModelInputError, match=expected):
        as_images(images)


def test_a_pillow_image_is_told_how_to_become_an_image() -> None:
    pillow = pytest.importorskip("PIL.Image")
    with pytest.raises(ModelInputError, match=r'numpy.asarray\(image.convert\("RGB"\)\)'):
        as_images(pillow.new("RGB", (4, 5)))
