"""Models that accept what they should refuse, or cannot be closed, are found out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from inference_models.testing.checks.findings import Finding
from inference_models.testing.checks.model_errors import (
    check_close,
    check_unknown_option,
    check_use_after_close,
    check_wrong_image,
)


def broken(finder: SimpleNamespace, **methods: Any) -> Any:
    return finder.subject(type("Broken", (finder.ColorFinder,), methods)())


def test_something_that_is_taken_for_an_image(finder: SimpleNamespace) -> None:
    pre = finder.ColorFinder.pre_process

    def guess(self: Any, images: Any) -> Any:
        wrong = not isinstance(images, (np.ndarray, list)) or np.asarray(images).dtype.kind != "u"
        return pre(self, np.zeros((4, 4, 3), np.uint8) if wrong else images)

    subject = broken(finder, pre_process=guess)
    for wrong in ("None", "a path", "NaN"):
        with pytest.raises(Finding, match=rf"given {wrong} for an image, returned .* instead of raising"):
            check_wrong_image(subject, wrong)


def test_another_error_for_what_is_no_image(finder: SimpleNamespace) -> None:
    def check(self: Any, images: Any) -> Any:
        raise TypeError("what is this")

    with pytest.raises(Finding, match="raised TypeError instead of BaseInferenceModelsError: what is this"):
        check_wrong_image(broken(finder, pre_process=check), "None")


def test_an_option_that_is_swallowed(finder: SimpleNamespace) -> None:
    post = finder.ColorFinder.post_process
    subject = broken(finder, post_process=lambda self, raw, metadata, **options: post(self, raw, metadata))
    with pytest.raises(Finding, match="given the unknown keyword argument 'no_such_option', returned"):
        check_unknown_option(subject)


def test_an_option_that_fails_somewhere_inside(finder: SimpleNamespace) -> None:
    post = finder.ColorFinder.post_process
    subject = broken(finder, post_process=lambda self, raw, metadata, **rest: post(self, raw, metadata, 0.1, **rest))
    with pytest.raises(Finding, match="raised TypeError instead of InvalidParameterError"):
        check_unknown_option(subject)


def test_a_method_that_names_its_options_may_leave_it_to_python(finder: SimpleNamespace) -> None:
    model = type("Named", (finder.ColorFinder,), {"detect": lambda self, images: self.infer(images)})()
    check_unknown_option(finder.subject(model, method="detect"))


def test_a_close_that_fails_the_second_time(finder: SimpleNamespace) -> None:
    def close(self: Any) -> None:
        del self.handle

    subject = broken(finder, close=close)
    subject.model.handle = 1
    with pytest.raises(Finding, match=r"close\(\) a second time raised AttributeError"):
        check_close(subject)


def test_a_close_that_does_not_close(finder: SimpleNamespace) -> None:
    subject = broken(finder, close=lambda self: None)
    with pytest.raises(Finding, match="closed is False"):
        check_close(subject)
    with pytest.raises(Finding, match=r"given an image after close\(\), returned"):
        check_use_after_close(subject)


def test_a_crash_after_close(finder: SimpleNamespace) -> None:
    def crash(self: Any, images: Any) -> Any:
        raise ValueError("null pointer")

    with pytest.raises(Finding, match="raised ValueError instead of SessionClosedError"):
        check_use_after_close(broken(finder, infer=crash))
