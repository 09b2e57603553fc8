from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import pytest
import torch

from inference_models.errors import InvalidParameterError, MissingDependencyError
from inference_models.predictions import ClassificationPrediction, ClassScore

SCORES = np.array([[0.125, 0.625, 0.25], [0.5, 0.0, 0.5]], np.float32)


def make(kind: str = "numpy", **changes: Any) -> ClassificationPrediction:
    values = {
        "class_id": SCORES.argmax(axis=1),
        "confidence": SCORES,
        "class_names": ["cat", "dog", "owl"],
        "images_metadata": [{"n": 0}, {"n": 1}],
    } | changes
    prediction = ClassificationPrediction(**values)
    return prediction.to_torch() if kind == "torch" else prediction


@pytest.fixture(params=["numpy", "torch"])
def prediction(request: pytest.FixtureRequest) -> ClassificationPrediction:
    return make(request.param)


def test_one_object_for_the_batch(prediction: ClassificationPrediction) -> None:
    assert len(prediction) == 2
    assert prediction.names == ["dog", "cat"]
    # As the guides write it:
    top_class = prediction.class_id[0]
    assert float(prediction.confidence[0][top_class]) == 0.625
    assert ["cat", "dog", "owl"][top_class] == "dog"


def test_class_ids_are_int64(prediction: ClassificationPrediction) -> None:
    assert str(prediction.class_id.dtype).removeprefix("torch.") == "int64"
    assert make(class_id=np.zeros(2, np.uint8)).class_id.dtype == np.int64


def test_single_image_view(prediction: ClassificationPrediction) -> None:
    single = prediction[1]
    assert isinstance(single, ClassificationPrediction)
    assert len(single) == 1
    assert single.names == ["cat"]
    assert single.images_metadata == [{"n": 1}]
    assert [one.names for one in prediction] == [["dog"], ["cat"]]
    assert single.array_kind == prediction.array_kind


def test_top_k(prediction: ClassificationPrediction) -> None:
    assert prediction.top_k(2) == [
        [ClassScore(1, "dog", 0.625), ClassScore(2, "owl", 0.25)],
        [ClassScore(0, "cat", 0.5), ClassScore(2, "owl", 0.5)],
    ]
    assert [len(best) for best in prediction.top_k(9)] == [3, 3]
    assert prediction[0].top_k(1) == [[ClassScore(1, "dog", 0.625)]]
    assert make(class_names=None).top_k(1)[0][0].class_name == "1"
    with pytest.raises(InvalidParameterError, match="at least 1"):
        prediction.top_k(0)


def test_to_dict(prediction: ClassificationPrediction) -> None:
    assert prediction.to_dict() == {
        "images": [
            {
                "class_id": 1,
                "class_name": "dog",
                "confidence": 0.625,
                "confidences": [0.125, 0.625, 0.25],
                "metadata": {"n": 0},
            },
            {
                "class_id": 0,
                "class_name": "cat",
                "confidence": 0.5,
                "confidences": [0.5, 0.0, 0.5],
                "metadata": {"n": 1},
            },
        ],
        "class_names": ["cat", "dog", "owl"],
    }
    assert json.loads(prediction.to_json()) == prediction.to_dict()
    plain = make(class_names=None, images_metadata=None).to_dict()
    assert plain["class_names"] is None
    assert plain["images"][0]["class_name"] is None
    assert "metadata" not in plain["images"][0]


def test_to_supervision(prediction: ClassificationPrediction) -> None:
    sv = pytest.importorskip("supervision")
    first, second = prediction.to_supervision()
    assert isinstance(first, sv.Classifications)
    assert (first.class_id.tolist(), first.confidence.tolist()) == ([0, 1, 2], [0.125, 0.625, 0.25])
    ids, scores = first.get_top_k(2)
    assert (ids.tolist(), scores.tolist()) == ([1, 2], [0.625, 0.25])
    assert second.confidence.tolist() == [0.5, 0.0, 0.5]
    assert [one.class_id.tolist() for one in prediction[0].to_supervision()] == [[0, 1, 2]]
    assert prediction[:0].to_supervision() == []


def test_to_supervision_without_supervision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(
        MissingDependencyError, match=r'to_supervision\(\) needs supervision.*pip install "im-core\[viz'
    ):
        make().to_supervision()


def test_conversion(prediction: ClassificationPrediction) -> None:
    assert prediction.to_numpy().to_torch().to_dict() == prediction.to_dict()
    assert torch.is_tensor(prediction.to_torch().class_id)


def test_repr(prediction: ClassificationPrediction) -> None:
    assert repr(prediction) == "ClassificationPrediction(2: dog 0.62, cat 0.50)"
    assert repr(prediction[[0, 0, 1, 1, 1]]).endswith("(5: dog 0.62, dog 0.62, cat 0.50, 2 more)")
    assert repr(prediction[:0]) == "ClassificationPrediction(0)"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"class_id": np.zeros((2, 1), int)}, r"`class_id` must have shape \(2\)"),
        ({"class_id": SCORES.max(axis=1)}, "`class_id` must be .* of integers"),
        ({"confidence": SCORES[:1]}, r"`confidence` must have shape \(2, any\)"),
        ({"confidence": SCORES.max(axis=1)}, r"`confidence` must have shape \(2, any\)"),
        ({"images_metadata": [{}]}, "one entry for each of the 2 rows"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidParameterError, match=message):
        make(**changes)
