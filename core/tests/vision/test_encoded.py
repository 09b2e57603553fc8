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


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_images_are_turned_as_their_exif_orientation_says(orientation: int, kind: str, tmp_path: Path) -> None:
    pillow, operations = pytest.importorskip("PIL.Image"), pytest.importorskip("PIL.ImageOps")
    upright = np.zeros((16, 32, 3), np.uint8)
    upright[:8, :8], upright[:8, 16:], upright[8:, :16] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    picture = pillow.fromarray(upright)
    exif = picture.getexif()
    exif[0x0112] = orientation
    path = tmp_path / f"photo.{kind.lower()}"
    picture.save(path, kind, exif=exif, **({"lossless": True} if kind == "WEBP" else {}))
    expected = np.asarray(operations.exif_transpose(pillow.open(path)).convert("RGB"))
    assert expected.shape == ((32, 16, 3) if orientation >= 5 else (16, 32, 3))
    for source in (path, path.read_bytes()):
        found = load_image(source)
        assert found.shape == expected.shape
        assert np.abs(found[..., ::-1].astype(int) - expected).max() <= (8 if kind == "JPEG" else 0)


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
    with pytest.raises(ModelInputError, match="cannot be read: embedded null"):
        load_image("a\0b")
    with pytest.raises(ModelInputError, match=r"got ndarray. A numpy image needs no loading"):
        load_image(gradient())  # type: ignore[arg-type]
