"""Errors carry a message and a page; URLs lose what could be secret."""

from __future__ import annotations

import inspect

import pytest

from inference_models import errors


def test_the_text_of_an_error_is_its_message_and_its_page_is_its_own() -> None:
    error = errors.ModelNotFoundError("No such model.")
    assert str(error) == error.message == "No such model."
    assert error.help_url.endswith("/reference/errors/#modelnotfounderror")


def test_every_error_derives_from_the_base_and_stands_in_the_overview() -> None:
    for name, kind in inspect.getmembers(errors, inspect.isclass):
        if issubclass(kind, Exception):
            assert issubclass(kind, errors.BaseInferenceModelsError)
            assert name in (errors.__doc__ or "")


def test_a_backend_that_is_unavailable_says_why_and_how_to_mend_it() -> None:
    error = errors.BackendUnavailable("onnxruntime is not installed", "pip install onnxruntime")
    assert "not installed" in str(error)
    assert "pip install onnxruntime" in str(error)
    assert str(errors.BackendUnavailable("no GPU")) == "no GPU"


def test_exhausted_alternatives_keep_every_error() -> None:
    causes = [ValueError("a"), KeyError("b")]
    assert errors.ModelPackageAlternativesExhaustedError("None loads.", causes).alternatives_errors == tuple(causes)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:secret@files.example/a/b.onnx?sig=secret#secret", "https://files.example/a/b.onnx"),
        ("http://127.0.0.1:8080/x?token=secret", "http://127.0.0.1:8080/x"),
        ("http://[::1]:8080/x", "http://[::1]:8080/x"),
    ],
)
def test_urls_lose_user_info_query_and_fragment(url: str, shown: str) -> None:
    assert errors.redact_url(url) == shown


def test_choices_name_the_near_one_and_all() -> None:
    assert errors.describe_choices("shape", ["shapes", "digits"]) == "Did you mean 'shapes'? Known: digits, shapes."
    assert errors.describe_choices("zebra", ["shapes"]) == "Known: shapes."
    assert errors.describe_choices("zebra", ["shapes", "shapes"]) == "Known: shapes.", "of two plugins in conflict"
    assert errors.describe_choices("zebra", []) == "None is known."
    assert "'Shapes'" in errors.describe_choices("SHAPES", ["Shapes"])


@pytest.mark.parametrize("name", ["model_type", "model_access_manager", "model_id"])
def test_a_name_that_only_begins_alike_is_not_near(name: str) -> None:
    assert errors.nearest_name(name, ["model_package_id", "backend"]) is None


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("model_packge_id", "model_package_id"),
        ("package_id", "model_package_id"),
        ("api_token", "api_key"),
        ("backend_type", "backend"),
        ("weight_provider", "weights_provider"),
        ("allow_untrusted", "allow_untrusted_packages"),
        ("allow_unstrusted_packages", "allow_untrusted_packages"),
    ],
)
def test_a_name_that_is_mistyped_or_shortened_is_near(name: str, near: str) -> None:
    choices = ["api_key", "backend", "model_package_id", "weights_provider", "allow_untrusted_packages"]
    assert errors.nearest_name(name, choices) == near


def test_an_error_of_a_plugins_own_leads_to_the_page_of_what_it_derives_from() -> None:
    class AcmeNotFoundError(errors.ModelNotFoundError):
        """Acme has no such model."""

    assert AcmeNotFoundError("no").help_url.endswith("#modelnotfounderror")
