"""Predictions of classifiers, from arrays and tensors, on the host and where the output lies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from inference_models.vision import map_classes, predict_class, predict_labels, sigmoid, softmax
from inference_models.vision.inference_config import ClassNameOperation

ALL = map_classes(("cat", "dog", "eel"), ())
WITHOUT_DOGS = map_classes(ALL.names, [ClassNameOperation("class_name_removal", "dog")])
LOGITS = np.array([[0, 3, 1], [2, 1, 2]], np.float32)


def test_the_most_probable_class_is_that_of_the_image() -> None:
    found = predict_class(LOGITS, ALL, is_fused=False)
    np.testing.assert_array_equal(found.confidence, softmax(LOGITS))
    assert found.class_id.tolist() == [1, 0]  # of equal ones the lower
    assert found.class_names == ALL.names


def test_what_is_a_probability_already_is_let_be() -> None:
    probabilities = softmax(LOGITS)
    assert predict_class(probabilities, ALL, is_fused=True).confidence is probabilities
    labels = predict_labels(sigmoid(LOGITS), ALL, 0.5, is_fused=True)
    np.testing.assert_array_equal([one.confidence for one in labels], sigmoid(LOGITS))


def test_a_removed_class_keeps_its_share_of_the_probabilities() -> None:
    found = predict_class(LOGITS, WITHOUT_DOGS, is_fused=False)
    np.testing.assert_array_equal(found.confidence, softmax(LOGITS)[:, [0, 2]])
    assert (found.class_id.tolist(), found.class_names) == ([1, 0], ("cat", "eel"))


@pytest.mark.parametrize(
    ("classes", "threshold", "expected"),
    [
        (ALL, 0.5, [[0, 1, 2], [0, 1, 2]]),  # a class of exactly 0.5 applies
        (ALL, 0.9, [[1], []]),
        (ALL, np.array([0.6, 0.99, 0.7], np.float32), [[2], [0, 2]]),
        (WITHOUT_DOGS, 0.7, [[1], [0, 1]]),
        (WITHOUT_DOGS, np.array([0.9, 0.8], np.float32), [[], [1]]),
    ],
)
def test_classes_that_are_probable_enough_apply(classes: Any, threshold: Any, expected: list[list[int]]) -> None:
    labels = predict_labels(LOGITS, classes, threshold, is_fused=False)
    assert [one.class_ids.tolist() for one in labels] == expected
    assert {one.class_names for one in labels} == {classes.names}
    for one, row in zip(labels, sigmoid(LOGITS)[:, classes.kept], strict=True):
        np.testing.assert_array_equal(one.confidence, row)


@pytest.mark.parametrize("device", [None, "cpu:0"])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_tensors_are_answered_with_tensors(device: str | None, dtype: str) -> None:
    torch = pytest.importorskip("torch")
    output = torch.from_numpy(LOGITS).to(getattr(torch, dtype))
    threshold = np.array([0.9, 0.8], np.float32)
    found = predict_class(output, WITHOUT_DOGS, is_fused=False, device=device)
    labels = predict_labels(output, WITHOUT_DOGS, threshold, is_fused=False, device=device)
    assert found.class_id.tolist() == [1, 0]
    assert [one.class_ids.tolist() for one in labels] == [[], [1]]
    np.testing.assert_allclose(found.confidence, softmax(LOGITS)[:, [0, 2]], rtol=1e-6)
    np.testing.assert_allclose(labels[0].confidence, sigmoid(LOGITS)[0, [0, 2]], rtol=1e-6)
    assert {one.array_kind for one in (found, *labels)} == {"torch"}
    assert {one.dtype for one in (found.confidence, labels[0].confidence)} == {torch.float32}


def test_the_host_works_with_arrays_only(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch, "softmax", None)
    output = torch.from_numpy(LOGITS)
    assert predict_class(output, ALL, is_fused=False).array_kind == "torch"
    with pytest.raises(TypeError):
        predict_class(output, ALL, is_fused=False, device="cpu:0")
