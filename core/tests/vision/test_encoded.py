from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from inference_models.errors import ModelInputError
from inference_models.vision import load_image


def gradient() -> npt.NDArray[np.uint8]:
    image = np.zeros((20, 30, 3), np.uint8)
    image[..., 0], image[:, :, 2] = 200, np.arange(30, dtype=np.uint8) * 8
    return image


def png(image: npt.NDArray[Any]) -> bytes:
    return cv2.imencode(".png", image)[1].tobytes()


def test_a_file_is_read_blue_first(tmp_path: Path) -> None:
    path = tmp_path / "b\u00ecld.png"
    path.write_bytes(png(gradient()))
    for source in (path, str(path), path.read_bytes(), bytearray(path.read_bytes()), memoryview(path.read_bytes())):
        np.testing.assert_array_equal(load_image(source), gradient())


def test_grey_alpha_and_16_bits_become_plain_colour() -> None:
    grey = np.full((4, 5), 7, np.uint8)
    np.testing.assert_array_equal(load_image(png(grey)), np.full((4, 5, 3), 7))
    with_alpha = np.dstack([gradient(), np.full((20, 30), 9, np.uint8)])
    np.testing.assert_array_equal(load_image(png(with_alpha)), gradient())
    np.testing.assert_array_equal(load_image(png(gradient().astype(np.uint16) * 257)), gradient())


def test_the_exif_orientation_is_applied() -> None:
    content = cv2.imencode(".jpg", np.zeros((8, 16, 3), np.uint8))[1].tobytes()
    # An EXIF block with one entry: orientation (0x0112) 6, "turn right by 90 degrees".
    tiff = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    exif = b"\xff\xe1" + (len(tiff) + 8).to_bytes(2, "big") + b"Exif\0\0" + tiff
    assert load_image(content).shape == (8, 16, 3)
    assert load_image(content[:2] + exif + content[2:]).shape == (16, 8, 3)


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not an image")
    with pytest.raises(ModelInputError, match=r"notes\.txt is not an image that OpenCV can decode \(12 bytes\)"):
        load_image(text)
    with pytest.raises(ModelInputError, match="The given content is not an image"):
        load_image(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(ModelInputError, match="is empty"):
        load_image(b"")


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelInputError, match=r"There is no file .*nothing\.png"):
        load_image(tmp_path / "nothing.png")
    with pytest.raises(ModelInputError, match="cannot be read"):
        load_image(tmp_path)
    with pytest.raises(ModelInputError, match=r"got ndarray. A numpy image needs no loading"):
        load_image(gradient())  # type: ignore[arg-type]
