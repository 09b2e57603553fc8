from __future__ import annotations

import json
import math

import numpy as np
import pytest

from community_model.prediction import ImageQuality, Measure
from inference_models import InvalidParameterError

MEASURES = (Measure("blur", highest=0.5), Measure("contrast", lowest=0.1), Measure("noise", 0.2, 0.3))


def quality(*values: float) -> ImageQuality:
    return ImageQuality(np.array(values, np.float32), MEASURES)


def test_limits_include_themselves() -> None:
    assert quality(0.5, 0.1, 0.25).passed
    assert quality(0.51, 0.09, 0.1).failures == ["blur", "contrast", "noise"]
    assert quality(0.5, 0.1, 0.31).within.tolist() == [True, True, False]


def test_what_is_not_a_number_does_not_pass() -> None:
    found = quality(math.nan, 1, 0.25)
    assert found.failures == ["blur"]
    assert found.to_dict()["measures"][0]["value"] is None
    assert json.loads(found.to_json())["passed"] is False


def test_plain_data() -> None:
    assert json.loads(quality(0.25, 0.5, 0.25).to_json()) == {
        "passed": True,
        "measures": [
            {"name": "blur", "value": 0.25, "passed": True, "lowest": None, "highest": 0.5},
            {"name": "contrast", "value": 0.5, "passed": True, "lowest": 0.1, "highest": None},
            {"name": "noise", "value": 0.25, "passed": True, "lowest": 0.2, "highest": 0.3},
        ],
    }


def test_the_other_library() -> None:
    torch = pytest.importorskip("torch")
    found = quality(0.6, 0.5, 0.25).to_torch()
    assert found.array_kind == "torch"
    assert found.within.dtype == torch.bool
    assert found.failures == ["blur"]
    assert found.to_dict() == quality(0.6, 0.5, 0.25).to_dict()
    assert found.to_numpy().array_kind == "numpy"


def test_another_number_of_values_is_an_error() -> None:
    with pytest.raises(InvalidParameterError, match=r"shape \(3,\).*got \(2,\)"):
        quality(1, 2)


@pytest.mark.parametrize("size", [(40, 30), (480, 640)])
def test_the_drawing(size) -> None:
    picture = np.full((*size, 3), 77, np.uint8)
    passed, failed = (quality(value, 0.5, 0.25).annotate(picture) for value in (0.1, math.nan))
    assert (picture == 77).all(), "the caller's picture stays as it is"
    assert passed.shape == failed.shape == picture.shape
    assert passed[-1, -1].argmax() == 1, "green"
    assert failed[-1, -1].argmax() == 2, "red"


def test_repr() -> None:
    assert repr(quality(0.1, 0.5, 0.25)) == "ImageQuality(passed)"
    assert repr(quality(0.6, 0.0, 0.25)) == "ImageQuality(failed: blur, contrast)"
