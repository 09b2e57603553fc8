from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from inference_models.errors import InvalidParameterError
from inference_models.vision import ImageDimensions
from inference_models.vision.input_size import InputSize

DEFAULT = ImageDimensions(height=480, width=640)


@pytest.mark.parametrize(
    ("image_size", "divisor", "expected"),
    [
        (320, 1, (320, 320)),
        (321, 32, (352, 352)),
        ((1280, 700), 32, (704, 1280)),
        ([100, 50], 1, (50, 100)),
        (np.int64(64), 32, (64, 64)),
        (1, 32, (32, 32)),
    ],
)
def test_a_size_is_width_and_height_rounded_up(image_size: Any, divisor: int, expected: tuple[int, int]) -> None:
    size = InputSize(default=DEFAULT, dynamic=True, divisor=divisor)
    assert size.requested(image_size) == ImageDimensions(*expected)


@pytest.mark.parametrize("image_size", [0, -5, 1.5, True, "640", "ab", (640,), (640, 0), (1, 2, 3), (64.0, 64), None])
def test_what_is_no_size_is_refused(image_size: Any) -> None:
    with pytest.raises(InvalidParameterError, match="image_size must be one whole number of pixels or"):
        InputSize(default=DEFAULT, dynamic=True).requested(image_size)


def test_a_network_of_one_size_takes_no_other() -> None:
    size = InputSize(default=DEFAULT)
    assert size.requested((640, 480)) == DEFAULT
    with pytest.raises(InvalidParameterError, match=r"images of 480x640 \(height x width\) only, .* is not supported"):
        size.requested((480, 640))
