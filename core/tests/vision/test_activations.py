from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from inference_models.developer_tools import sigmoid, softmax

SCORES = np.random.default_rng(0).normal(0, 20, (3, 5, 7)).astype(np.float32)
EXTREME = np.array([[1e30, -1e30, 0.0], [-200.0, -100.0, -150.0], [88.0, 89.0, 1e4]], np.float32)


def exact_sigmoid(logits: Any) -> Any:
    return np.exp(-np.logaddexp(0, -logits))


def exact_softmax(logits: Any) -> Any:
    return np.exp(logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True))


@pytest.mark.parametrize("scores", [SCORES, EXTREME, SCORES[0, 0]], ids=["scores", "extreme", "one row"])
@pytest.mark.parametrize(("ours", "reference"), [(sigmoid, exact_sigmoid), (softmax, exact_softmax)])
def test_arrays_agree_with_logarithms_in_float64(scores: Any, ours: Any, reference: Any) -> None:
    before = scores.copy()
    found = ours(scores)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, reference(scores.astype(np.float64)), rtol=2e-5, atol=1e-30)
    np.testing.assert_array_equal(scores, before)


@pytest.mark.parametrize("activation", [sigmoid, softmax])
def test_tensors_give_tensors_with_the_values_of_arrays(activation: Any) -> None:
    torch = pytest.importorskip("torch")
    found = activation(torch.from_numpy(SCORES))
    assert isinstance(found, torch.Tensor)
    np.testing.assert_allclose(found.numpy(), activation(SCORES), rtol=2e-5, atol=1e-30)


def test_what_is_undefined_stays_undefined_without_a_warning() -> None:
    assert np.isnan(softmax(np.array([np.inf, 0, np.inf], np.float32))).any()
    assert np.isnan(sigmoid(np.array([np.nan], np.float32))).all()
    np.testing.assert_array_equal(sigmoid(np.array([np.inf, -np.inf], np.float32)), [1, 0])
