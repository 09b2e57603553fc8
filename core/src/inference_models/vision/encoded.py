"""From a file or its content to an image."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from inference_models.errors import ModelInputError
from inference_models.vision.images import Image
from inference_models.vision.requirements import opencv

__all__ = ["load_image"]


def load_image(source: str | Path | bytes | bytearray | memoryview) -> Image:
    """Read an image as models take it.

    Grey images become colour, alpha is dropped and 16 bits become 8. The image is turned upright as its EXIF
    orientation tag says: the auto-orient step of a package, which no array can ask for because it carries no tag.

    Args:
        source: the path of a file, or the content of one; any format that OpenCV decodes (JPEG, PNG, WebP, BMP, ...).

    Returns:
        (height, width, 3) uint8, blue-green-red.

    Raises:
        ModelInputError: there is no such file, or it is not an image that OpenCV can decode.
        MissingDependencyError: OpenCV is not installed.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        name, content = "The given content", bytes(source)
    elif isinstance(source, (str, Path)):
        name, content = str(source), _read(Path(source))
    else:
        raise ModelInputError(
            f"load_image takes a path or the content of an image file, got {type(source).__name__}. "
            f"A numpy image needs no loading: pass it to the model as it is."
        )
    return _decode(content, name)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ModelInputError(f"There is no file {path.absolute()}. Check the path.") from None
    except (OSError, ValueError) as error:  # ValueError: no path has such characters
        raise ModelInputError(f"{path} cannot be read: {error}.") from error


def _decode(content: bytes, name: str) -> Image:
    if not content:
        raise ModelInputError(f"{name} is empty (0 bytes), so it holds no image.")
    cv2 = opencv()
    try:
        image: Image | None = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:  # for example more pixels than OpenCV's safety limit
        raise ModelInputError(f"{name} cannot be decoded as an image: {error.err}.") from error
    if image is None:
        raise ModelInputError(
            f"{name} is not an image that OpenCV can decode ({len(content)} bytes). "
            f"It may be truncated or in another format; JPEG, PNG, WebP and BMP work."
        )
    return image
