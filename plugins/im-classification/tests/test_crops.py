from __future__ import annotations

import numpy as np
import pytest

from im_classification.crops import crop_boxes, split_images
from inference_models import ModelRuntimeError

HEIGHT, WIDTH = 6, 8
IMAGE = np.arange(HEIGHT * WIDTH * 3, dtype=np.uint8).reshape(HEIGHT, WIDTH, 3)

# Box, and the first and last column and row that it shows.
BOXES = [
    ((1, 2, 4, 5), (1, 4, 2, 5)),
    ((1.2, 2.9, 3.1, 4.0), (1, 4, 2, 4)),  # every pixel that it touches
    ((-5, -5, 20, 20), (0, 8, 0, 6)),
    ((3, 3, 3, 3), (3, 4, 3, 4)),  # no area: the pixel there
    ((8, 6, 8, 6), (7, 8, 5, 6)),  # at the very edge
    ((50, -50, 60, -40), (7, 8, 0, 1)),  # outside: the nearest pixel
    ((5, 4, 2, 1), (5, 6, 4, 5)),  # the wrong way round
    ((-np.inf, 2, np.inf, 1e30), (0, 8, 2, 6)),
    ((np.inf, 2, np.inf, 3), (7, 8, 2, 3)),
]


@pytest.mark.parametrize(("box", "shown"), BOXES)
def test_a_crop_is_what_the_box_touches_and_at_least_one_pixel(
    box: tuple[float, ...], shown: tuple[int, int, int, int]
) -> None:
    (crop,) = crop_boxes(IMAGE, np.array([box], np.float32))
    left, right, top, bottom = shown
    np.testing.assert_array_equal(crop, IMAGE[top:bottom, left:right])
    assert np.shares_memory(crop, IMAGE), "a view, not a copy"


def test_tensors_are_cut_in_the_same_places() -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.from_numpy(IMAGE).permute(2, 0, 1)
    boxes = np.array([box for box, _ in BOXES], np.float32)
    for of_array, of_tensor in zip(crop_boxes(IMAGE, boxes), crop_boxes(tensor, boxes), strict=True):
        np.testing.assert_array_equal(of_tensor.permute(1, 2, 0).numpy(), of_array)
        assert of_tensor.untyped_storage().data_ptr() == tensor.untyped_storage().data_ptr()


def test_a_box_of_nan_is_an_error_that_says_so() -> None:
    boxes = np.array([[1, 2, 4, 5], [1, np.nan, 4, 5]], np.float32)
    with pytest.raises(ModelRuntimeError, match=r"gave 1 of 2 boxes with NaN in them, the first \[1\.0, nan"):
        list(crop_boxes(IMAGE, boxes))


def test_images_one_by_one() -> None:
    assert split_images(IMAGE)[0] is IMAGE
    assert len(split_images((IMAGE, IMAGE))) == 2
    assert [one.shape for one in split_images(np.stack([IMAGE] * 3))] == [IMAGE.shape] * 3
    torch = pytest.importorskip("torch")
    assert [tuple(one.shape) for one in split_images(torch.zeros(2, 3, 4, 5))] == [(3, 4, 5)] * 2
    assert len(split_images(torch.zeros(3, 4, 5))) == 1
