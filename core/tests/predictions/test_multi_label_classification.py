from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import pytest

from inference_models.errors import InvalidParameterError, MissingDependencyError
from inference_models.predictions import ClassScore, MultiLabelClassificationPrediction

SCORES = np.array([0.125, 0.75, 0.5], np.float32)


def make(kind: str = "numpy", **changes: Any) -> MultiLabelClassificationPrediction:
    values = {
        "class_ids": np.array([1, 2]),
        "confidence": SCORES,
        "class_names": ["cat", "dog", "owl"],
        "image_metadata": {"n": 0},
    } | changes
    prediction = MultiLabelClassificationPrediction(**values)
    return prediction.to_torch() if kind == "torch" else prediction


@pytest.fixture(params=["numpy", "torch"])
def prediction(request: pytest.FixtureRequest) -> MultiLabelClassificationPrediction:
    return make(request.param)


def test_labels_and_their_scores(prediction: MultiLabelClassificationPrediction) -> None:
    assert len(prediction) == 2
    assert prediction.names == ["dog", "owl"]
    assert list(prediction) == [ClassScore(1, "dog", 0.75), ClassScore(2, "owl", 0.5)]


def test_top_k_ranks_all_classes(prediction: MultiLabelClassificationPrediction) -> None:
    assert [score.class_name for score in prediction.top_k(3)] == ["dog", "owl", "cat"]
    with pytest.raises(InvalidParameterError):
        prediction.top_k(-1)


def test_to_dict(prediction: MultiLabelClassificationPrediction) -> None:
    assert prediction.to_dict() == {
        "classes": [
            {"class_id": 1, "class_name": "dog", "confidence": 0.75},
            {"class_id": 2, "class_name": "owl", "confidence": 0.5},
        ],
        "confidences": [0.125, 0.75, 0.5],
        "class_names": ["cat", "dog", "owl"],
        "image_metadata": {"n": 0},
    }
    assert json.loads(prediction.to_json()) == prediction.to_dict()


def test_to_supervision(prediction: MultiLabelClassificationPrediction) -> None:
    sv = pytest.importorskip("supervision")
    result = prediction.to_supervision()
    assert isinstance(result, sv.Classifications)
    assert (result.class_id.tolist(), result.confidence.tolist()) == ([1, 2], [0.75, 0.5])
    assert len(make(class_ids=np.zeros(0, int)).to_supervision()) == 0


def test_to_supervision_without_supervision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(
        MissingDependencyError, match=r'to_supervision\(\) needs supervision.*pip install "im-core\[viz'
    ):
        make().to_supervision()


def test_no_label() -> None:
    prediction = make(class_ids=np.zeros(0, int))
    assert len(prediction) == 0
    assert prediction.to_dict()["classes"] == []
    assert repr(prediction) == "MultiLabelClassificationPrediction(0)"


def test_conversion_and_repr(prediction: MultiLabelClassificationPrediction) -> None:
    assert prediction.to_numpy().to_torch().to_dict() == prediction.to_dict()
    assert repr(prediction) == "MultiLabelClassificationPrediction(2: dog 0.75, owl 0.50)"
    many = MultiLabelClassificationPrediction(np.arange(8), np.ones(8))
    assert repr(many).endswith("(8: 0 1.00, 1 1.00, 2 1.00, 3 1.00, 4 1.00, 3 more)")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"class_ids": [1]}, "`class_ids` must be"),
        ({"class_ids": np.zeros((1, 1), int)}, r"`class_ids` must have shape \(any\)"),
        ({"confidence": SCORES[None]}, r"`confidence` must have shape \(any\)"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidParameterError, match=message):
        make(**changes)
