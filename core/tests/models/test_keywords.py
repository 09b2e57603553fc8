from __future__ import annotations

import functools
import gc
import inspect
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from inference_models.errors import InvalidParameterError
from inference_models.models import ClassificationModel, ObjectDetectionModel
from inference_models.models.keywords import keywords_of

Calls = list[tuple[str, dict[str, Any]]]


class Detector(ObjectDetectionModel[str, str, str]):
    """Notes which stage gets which keywords."""

    def __init__(self) -> None:
        self.calls: Calls = []

    @classmethod
    def from_pretrained(cls, model_name_or_path: str, **kwargs: Any) -> Detector:
        return cls()

    @property
    def class_names(self) -> list[str]:
        return []

    def pre_process(self, images: Any, *, input_color_format: str = "bgr", shared: int = 0) -> tuple[str, str]:
        self.calls.append(("pre_process", {"input_color_format": input_color_format, "shared": shared}))
        return "inputs", "metadata"

    def forward(self, pre_processed_images: str) -> str:
        assert pre_processed_images == "inputs"
        self.calls.append(("forward", {}))
        return "raw"

    def post_process(
        self, model_results: str, pre_processing_meta: str, confidence: float = 0.4, shared: int = 0
    ) -> list[Any]:
        assert (model_results, pre_processing_meta) == ("raw", "metadata")
        self.calls.append(("post_process", {"confidence": confidence, "shared": shared}))
        return []


class Open(Detector):
    def forward(self, pre_processed_images: str, **kwargs: Any) -> str:
        self.calls.append(("forward", kwargs))
        return "raw"


def test_each_keyword_goes_to_the_stages_that_name_it() -> None:
    model = Detector()
    assert model("image", confidence=0.7, shared=3) == []
    assert model.calls == [
        ("pre_process", {"input_color_format": "bgr", "shared": 3}),
        ("forward", {}),
        ("post_process", {"confidence": 0.7, "shared": 3}),
    ]


def test_a_stage_with_any_keywords_gets_all() -> None:
    model = Open()
    model("image", confidence=0.7, something_new=1)
    assert model.calls[1] == ("forward", {"confidence": 0.7, "something_new": 1})
    assert model.calls[2] == ("post_process", {"confidence": 0.7, "shared": 0})


def test_an_unknown_keyword_is_refused_with_a_near_match() -> None:
    model = Detector()
    with pytest.raises(InvalidParameterError) as caught:
        model("image", confidnce=0.7)
    assert str(caught.value) == (
        "Detector does not know the keyword argument 'confidnce'. Did you mean 'confidence'? "
        "Known: confidence, input_color_format, shared."
    )
    assert model.calls == []


def test_every_unknown_keyword_is_named() -> None:
    with pytest.raises(InvalidParameterError, match=r"'aaa'.*'bbb'"):
        Detector()("image", aaa=1, confidence=0.5, bbb=2)


@pytest.mark.parametrize("model", [Detector(), Open()])
@pytest.mark.parametrize("name", ["model_results", "pre_processing_meta"])
def test_what_infer_passes_itself_is_no_option(model: Detector, name: str) -> None:
    if type(model) is Detector:
        with pytest.raises(InvalidParameterError, match=f"does not know the keyword argument {name!r}"):
            model("image", **{name: 1})
    else:
        model("image", **{name: 1})  # forward takes anything; post_process must not get it twice
        assert model.calls[-2] == ("forward", {name: 1})


def test_a_subclass_with_other_options_is_looked_at_again() -> None:
    class Narrow(Detector):
        def post_process(self, model_results: str, pre_processing_meta: str) -> list[Any]:  # type: ignore[override]
            return []

    Detector()("image", confidence=0.5)
    with pytest.raises(InvalidParameterError, match="Narrow does not know"):
        Narrow()("image", confidence=0.5)
    Detector()("image", confidence=0.5)


def test_a_model_without_options_says_so() -> None:
    class Bare(Detector):
        def pre_process(self, images: Any) -> tuple[str, str]:  # type: ignore[override]
            return "inputs", "metadata"

        def post_process(self, model_results: str, pre_processing_meta: str) -> list[Any]:  # type: ignore[override]
            return []

    with pytest.raises(InvalidParameterError, match="Bare takes no keyword arguments, got 'confidence'"):
        Bare()("image", confidence=0.5)


def traced(stage: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(stage)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return stage(*args, **kwargs)

    return wrapper


def test_decorated_and_static_stages() -> None:
    class Odd(Detector):
        @staticmethod
        def forward(pre_processed_images: str, scale: float = 1.0) -> str:
            assert scale == 2.0
            return "raw"

        post_process = traced(Detector.post_process)

    model = Odd()
    model("image", scale=2.0, confidence=0.6)
    assert model.calls[-1] == ("post_process", {"confidence": 0.6, "shared": 0})


def test_the_stage_of_two_parameter_models_takes_no_metadata() -> None:
    class Classifier(ClassificationModel[str, str]):
        @classmethod
        def from_pretrained(cls, model_name_or_path: str, **kwargs: Any) -> Classifier:
            return cls()

        @property
        def class_names(self) -> list[str]:
            return ["a"]

        def pre_process(self, images: Any, size: int = 1) -> str:
            return "inputs" * size

        def forward(self, pre_processed_images: str) -> str:
            return pre_processed_images

        def post_process(self, model_results: str, suffix: str = "") -> Any:
            return model_results + suffix

    assert Classifier()("image", size=2, suffix="!") == "inputsinputs!"
    with pytest.raises(InvalidParameterError, match="Did you mean 'suffix'"):
        Classifier()("image", sufix="!")


def test_signatures_are_looked_at_once_per_class(monkeypatch: pytest.MonkeyPatch) -> None:
    class Counted(Detector):
        pass

    seen: list[object] = []
    signature = inspect.signature

    def counted_signature(method: Callable[..., Any]) -> inspect.Signature:
        seen.append(method)
        return signature(method)

    monkeypatch.setattr(inspect, "signature", counted_signature)
    for _ in range(3):
        Counted()("image", confidence=0.5)
    assert len(seen) == 3  # one for each stage


def test_looking_at_a_class_does_not_keep_it_alive() -> None:
    class Short(Detector):
        pass

    Short()("image", confidence=0.5)
    reference = weakref.ref(Short)
    del Short
    gc.collect()
    assert reference() is None


def test_nothing_given_nothing_looked_at() -> None:
    assert keywords_of(object(), {"no_such_method": 1, "nor_this": 1}, {}) == [{}, {}]
