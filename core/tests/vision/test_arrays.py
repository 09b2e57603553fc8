from __future__ import annotations

import numpy as np
import pytest

from inference_models import Detections
from inference_models.vision import (
    SourceImage,
    as_float32,
    as_images,
    as_kind,
    as_like,
    as_numpy,
    best_first,
    in_kind,
    indices_where,
    library_of,
    processing_device,
)

VALUES = np.arange(6, dtype=np.float32).reshape(2, 3)


def test_numpy_stays_numpy() -> None:
    assert as_numpy(VALUES) is VALUES
    assert as_kind(VALUES, "numpy", "cpu") is VALUES


def test_torch_tensors_share_the_memory_of_numpy_arrays() -> None:
    torch = pytest.importorskip("torch")
    tensor = as_kind(VALUES, "torch", "cpu")
    assert isinstance(tensor, torch.Tensor)
    back = as_numpy(tensor.requires_grad_())
    np.testing.assert_array_equal(back, VALUES)
    assert np.shares_memory(back, VALUES)


def test_tensors_become_what_a_session_takes() -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.from_numpy(VALUES)
    assert as_kind(tensor, "torch", "cpu") is tensor
    assert as_kind(tensor, "numpy", "cpu").base is not None
    np.testing.assert_array_equal(as_kind(tensor, "numpy", "cpu"), VALUES)
    frozen = VALUES.copy()
    frozen.setflags(write=False)
    there = as_kind(frozen, "torch", "cpu:0")
    np.testing.assert_array_equal(there, VALUES)


def test_only_tensors_on_a_device_are_processed_there() -> None:
    assert processing_device("torch", "cuda:1") == "cuda:1"
    assert processing_device("torch", "mps") == "mps"
    assert processing_device("torch", "cpu") is None
    assert processing_device("numpy", "cuda:0") is None  # ONNX Runtime takes arrays, whatever it runs on


def test_bfloat16_which_numpy_lacks_becomes_float32() -> None:
    torch = pytest.importorskip("torch")
    values = as_numpy(torch.from_numpy(VALUES).to(torch.bfloat16))
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, VALUES)
    assert as_numpy(torch.from_numpy(VALUES).half()).dtype == np.float16


def test_arrays_are_worked_on_without_knowing_their_library() -> None:
    torch = pytest.importorskip("torch")
    scores, halves = np.array([0.5, 0.9, 0.5, 0.1], np.float32), np.array([1.5, -2], np.float16)
    for make in (np.asarray, torch.from_numpy):
        given = make(scores)
        assert best_first(given).tolist() == [1, 0, 2, 3]
        assert indices_where(given > 0.4).tolist() == [0, 1, 2]
        assert library_of(given).isfinite(given).all()
        assert as_float32(given) is given
        np.testing.assert_array_equal(as_float32(make(halves)), halves)
        assert type(as_like(scores, given)) is type(as_like(torch.from_numpy(scores), given)) is type(given)
        assert as_like(0.5, given) == 0.5


def test_predictions_are_given_as_the_image_was() -> None:
    torch = pytest.importorskip("torch")
    arrays = Detections(np.array([[1, 2, 3, 4]], np.float32), np.array([0]), np.array([0.5], np.float32))
    tensors = arrays.to_torch()
    array, tensor = as_images([np.zeros((4, 5, 3), np.uint8), torch.zeros(3, 4, 5)])
    assert in_kind(arrays, array) is arrays
    for found in (arrays, tensors):
        assert isinstance(in_kind(found, array).xyxy, np.ndarray)
        given = in_kind(found, tensor)
        assert (given.xyxy.device.type, given.xyxy.tolist(), given.class_id.tolist()) == ("cpu", [[1, 2, 3, 4]], [0])
    elsewhere = in_kind(arrays, SourceImage(array.pixels, array_kind="torch", device="meta"))
    assert elsewhere.confidence.device.type == "meta"


def test_elements_of_one_dimensional_arrays_are_of_the_arrays_library() -> None:
    torch = pytest.importorskip("torch")
    for make in (np.asarray, torch.from_numpy):
        array = make(np.array([1.5, -2], np.float16))
        for element in array:
            assert as_float32(element).dtype == as_float32(array).dtype
            assert library_of(element) is library_of(array)
            assert type(as_like(VALUES, element)) is type(array)
