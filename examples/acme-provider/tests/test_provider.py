"""What the provider makes of the index's answers, and what users read when there is none."""

from __future__ import annotations

import pytest

from inference_models import (
    AutoModel,
    BaseInferenceModelsError,
    ForbiddenModelAccessError,
    ModelNotFoundError,
    ModelRetrievalError,
    OfflineModeError,
    Quantization,
    RetryError,
    UnauthorizedModelAccessError,
)
from inference_models.developer_tools import ONNXPackageDetails, get_model_from_provider

MODEL = "acme://line-7/defects@4"


def test_what_is_known_about_a_model(acme) -> None:
    metadata = get_model_from_provider(MODEL)
    assert (metadata.model_id, metadata.model_architecture) == ("line-7/defects@4", "yolov8")
    assert metadata.task_type == "object-detection"
    [package] = metadata.model_packages
    assert (package.package_id, package.backend, package.quantization) == ("onnx-fp32", "onnx", Quantization.FP32)
    assert package.dynamic_batch_size_supported
    assert package.static_batch_size is None
    assert {file.file_handle for file in package.package_artefacts} == {
        "weights.onnx",
        "class_names.txt",
        "inference_config.json",
    }
    assert all(file.sha256_hash and file.size for file in package.package_artefacts)


def test_the_licence_the_source_and_the_version_are_known(acme) -> None:
    [package] = get_model_from_provider(MODEL).model_packages
    assert package.weights_license == "LicenseRef-Acme-Customer"
    assert package.source == "https://acme.example/datasheets/line-7/defects/4"
    assert package.version == "4"


@pytest.mark.parametrize("released", [True, False])
def test_only_what_acme_released_is_trusted(acme, package, released) -> None:
    acme.publish("line-7/defects", 5, package, released=released)
    [found] = get_model_from_provider("acme://line-7/defects@5").model_packages
    assert found.trusted_source is released


def test_without_a_version_the_newest_is_meant(acme, package) -> None:
    assert get_model_from_provider("acme://line-7/defects").model_id == "line-7/defects@4"
    acme.publish("line-7/defects", 10, package)
    assert get_model_from_provider("acme://line-7/defects").model_id == "line-7/defects@10"


def test_models_are_listed(acme, package) -> None:
    acme.publish("line-9/labels", 1, package)
    assert AutoModel.list_available_models("acme") == {
        "acme": ["line-7/defects@3", "line-7/defects@4", "line-9/labels@1"]
    }


@pytest.mark.parametrize("asked", ["line-7/defect@4", "line-7/defects@5", "line7/defects", "defects@4"])
def test_an_unknown_id_names_near_ones(acme, asked) -> None:
    with pytest.raises(ModelNotFoundError, match=r"Did you mean 'line-7/defects@\d'\? Known: line-7/defects@3, line-7"):
        get_model_from_provider(f"acme://{asked}")


def test_without_a_token_nothing_is_sent(acme, monkeypatch) -> None:
    monkeypatch.delenv("ACME_TOKEN")
    with pytest.raises(UnauthorizedModelAccessError, match=r"set ACME_TOKEN or pass api_key=") as error:
        get_model_from_provider(MODEL)
    assert error.value.help_url.endswith("#unauthorizedmodelaccesserror")
    assert acme.requests == []


@pytest.mark.parametrize("token", ["two words", "línea", "line\nbreak"])
def test_what_can_be_no_token_is_not_sent(acme, token) -> None:
    with pytest.raises(UnauthorizedModelAccessError, match="Copy it again") as error:
        get_model_from_provider(MODEL, api_key=token)
    assert token not in str(error.value)
    assert acme.requests == []


def test_a_token_can_be_given_by_argument(acme, monkeypatch) -> None:
    monkeypatch.delenv("ACME_TOKEN")
    assert get_model_from_provider(MODEL, api_key=f" {acme.token}\n").model_id == "line-7/defects@4"


def test_a_wrong_token_is_named_as_the_reason(acme) -> None:
    with pytest.raises(UnauthorizedModelAccessError, match=r"status 401 .* wrong or has expired"):
        get_model_from_provider(MODEL, api_key="acme_wrong")


def test_a_model_of_another_customer(acme) -> None:
    acme.hidden.add("line-7/defects")
    with pytest.raises(ForbiddenModelAccessError, match="not for this model"):
        get_model_from_provider(MODEL)


def test_a_server_that_is_down(acme, monkeypatch) -> None:
    monkeypatch.setenv("API_CALLS_MAX_TRIES", "1")
    acme.close()
    with pytest.raises(RetryError, match=r"Acme's model 'line-7/defects@4'"):
        get_model_from_provider(MODEL)


def test_a_server_that_keeps_failing(acme, monkeypatch) -> None:
    monkeypatch.setenv("API_CALLS_MAX_TRIES", "1")
    acme.broken = (503, b"maintenance")
    with pytest.raises(RetryError, match="status 503"):
        get_model_from_provider(MODEL)


def test_offline_nothing_is_asked(acme, monkeypatch) -> None:
    monkeypatch.setenv("INFERENCE_MODELS_OFFLINE", "1")
    with pytest.raises(OfflineModeError):
        get_model_from_provider(MODEL)
    assert acme.requests == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<html>Log in to the company's proxy</html>", "ACME_INDEX is the address"),
        (b"[]", "without a usable 'name'"),
        (b'{"name": "line-7/defects", "version": "4"}', "'version': expected int, found str"),
        (b'{"name": "line-7/defects", "version": true}', "'version': expected int, found bool"),
        (b'{"name": "line-7/defects", "version": 4, "license": ""}', "usable 'license'"),
    ],
)
def test_an_answer_that_cannot_be_used(acme, body, reason) -> None:
    acme.broken = (200, body)
    with pytest.raises(ModelRetrievalError, match=reason):
        get_model_from_provider(MODEL)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"files": []}, "names no files"),
        ({"quantization": "fp3"}, "Unknown quantization"),
        ({"files": [{"name": "weights.onnx", "sha256": "0" * 64}]}, "usable 'size'"),
        ({"opset": -1}, "opset"),
        ({"id": None}, "usable 'id'"),
    ],
)
def test_a_package_that_cannot_be_read_leaves_the_others(acme, package, changes, reason) -> None:
    [good] = acme.models["line-7/defects"][4]["packages"]
    acme.publish("line-7/defects", 5, package, packages=[good, {**good, "id": "bad", "batch_size": 1, **changes}])
    metadata = get_model_from_provider("acme://line-7/defects@5")
    assert [found.package_id for found in metadata.model_packages] == ["onnx-fp32"]
    [bad] = metadata.unreadable_packages
    assert bad.package_id == (changes.get("id", "bad") or "package 1")
    assert reason in bad.reason


@pytest.mark.parametrize("other", [{"version": 3}, {"name": "line-7/labels"}])
def test_an_answer_about_another_model(acme, other) -> None:
    acme.models["line-7/defects"][4].update(other)
    with pytest.raises(ModelRetrievalError, match=r"Asked for 'line-7/defects@4', .* answered about 'line-7/"):
        get_model_from_provider(MODEL)


def test_details_of_an_export_are_kept(acme, package) -> None:
    [good] = acme.models["line-7/defects"][4]["packages"]
    acme.publish("line-7/defects", 5, package, packages=[{**good, "batch_size": 8, "opset": 17}])
    [found] = get_model_from_provider("acme://line-7/defects@5").model_packages
    assert (found.static_batch_size, found.dynamic_batch_size_supported) == (8, False)
    assert found.backend_details == ONNXPackageDetails(17)


def test_every_error_says_where_to_read_on(acme) -> None:
    acme.broken = (418, b"")
    with pytest.raises(BaseInferenceModelsError, match="status 418") as error:
        get_model_from_provider(MODEL)
    assert error.value.help_url.startswith("https://")
