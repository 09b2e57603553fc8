"""Which keywords a function takes."""

from __future__ import annotations

from dataclasses import dataclass

from inference_models.signatures import accepted_keywords, first_parameter, keep_accepted


class Model:
    @classmethod
    def from_pretrained(cls, path: str, /, device: str, *, threads: int = 1) -> None:
        """Do nothing."""


def test_names_without_positional_only_ones_and_without_self() -> None:
    assert accepted_keywords(Model.from_pretrained) == {"device", "threads"}


def test_anything_is_accepted_with_variable_keywords() -> None:
    assert accepted_keywords(lambda a, **rest: None) is None
    assert keep_accepted(lambda a, **rest: None, {"x": 1}) == {"x": 1}


def test_nothing_is_not_handed_to_variable_keywords() -> None:
    def load(path: str, threads: object, **rest: object) -> None:
        """Do nothing."""

    offered = {"device": None, "threads": None, "backend": "onnx"}
    assert keep_accepted(load, offered) == {"threads": None, "backend": "onnx"}


def test_the_rest_is_left_out() -> None:
    assert keep_accepted(Model.from_pretrained, {"device": "cpu", "path": "x", "other": 2}) == {"device": "cpu"}


def test_what_comes_first_by_position() -> None:
    assert first_parameter(lambda path, device: None) == "path"
    assert first_parameter(Model.from_pretrained) is None, "its path has no name for callers"
    assert first_parameter(lambda *paths: None) is None
    assert first_parameter(lambda: None) is None
    assert first_parameter(dict) is None


def test_a_builtin_without_a_signature_decides_for_itself() -> None:
    assert accepted_keywords(dict) is None


def test_an_object_that_cannot_be_hashed_is_asked_like_any_other() -> None:
    @dataclass
    class Handler:
        url: str

        def __call__(self, model_id: str, *, page: int = 0) -> None:
            """Do nothing."""

    handler = Handler("https://example.com")
    assert accepted_keywords(handler) == {"model_id", "page"}
    assert keep_accepted(handler, {"page": 1, "size": 2}) == {"page": 1}
