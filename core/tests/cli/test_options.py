from __future__ import annotations

import click
import pytest

from inference_models.cli.options import keep_given, threshold


@pytest.mark.parametrize(("text", "value"), [("0.25", 0.25), ("1", 1.0), ("best", "best"), ("default", "default")])
def test_thresholds(text: str, value: float | str) -> None:
    assert threshold(text) == value


def test_no_threshold() -> None:
    with pytest.raises(click.BadParameter, match="'high' is not a number; 'best' and 'default' are allowed too"):
        threshold("high")


def test_only_what_was_given_is_passed_on() -> None:
    options = {"device": None, "backend": ("onnx", "trt"), "quantization": (), "allow_untrusted_packages": False}
    assert keep_given(options) == {"backend": ["onnx", "trt"]}
    assert keep_given({"device": "cpu", "allow_untrusted_packages": True}) == {
        "device": "cpu",
        "allow_untrusted_packages": True,
    }
