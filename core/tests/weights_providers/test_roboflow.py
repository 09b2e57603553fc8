"""The provider `roboflow` against a server that speaks its API: what is asked, and what comes of each answer."""

from __future__ import annotations

import hashlib
import logging
import socket
import threading
from typing import Any

import pytest

from inference_models import errors
from inference_models.developer_tools import get_model_from_provider
from inference_models.metadata import ModelDependency, RecommendedParameters
from inference_models.weights_providers import roboflow
from inference_models.weights_providers.roboflow import get_roboflow_model

CANARY = "canary+Key/5eb1"


def texts_of(error: BaseException | None) -> str:
    """All that a log or traceback of `error` could show."""
    texts = []
    while error is not None:
        texts.append(f"{error!s} {error!r}")
        error = error.__cause__ or error.__context__
    return " ".join(texts)


def test_a_model_is_described_with_all_that_the_api_says(api, faults) -> None:
    package = faults.onnx_package("p1", api.files, trustedSource=True, modelFeatures={"nms_fused": {"iou": 0.7}})
    package["recommendedParameters"] = {"confidence": 0.3}
    dependency = {"type": "model-dependency-v1", "name": "extractor", "modelId": "owlv2/base", "modelPackageId": None}
    api.add_model(
        "ws/proj/4",
        [package],
        modelDependencies=[dependency],
        recommendedParameters={"confidence": 0.4, "perClassConfidence": {"cat": 0.5}},
        modelId="ws/canonical/4",
    )

    metadata = get_roboflow_model("ws/proj/4")

    assert (metadata.model_id, metadata.model_architecture) == ("ws/canonical/4", "yolov8")
    assert (metadata.model_variant, metadata.task_type) == ("yolov8n", "object-detection")
    assert metadata.model_dependencies == (ModelDependency("extractor", "owlv2/base"),)
    assert metadata.recommended_parameters == RecommendedParameters(0.4, {"cat": 0.5})
    assert metadata.unreadable_packages == ()
    [package] = metadata.model_packages
    assert (package.package_id, package.backend, package.quantization) == ("p1", "onnx", "fp32")
    assert (package.static_batch_size, package.dynamic_batch_size_supported) == (1, False)
    assert getattr(package.backend_details, "opset", None) == 17
    assert package.trusted_source is True
    assert package.model_features == {"nms_fused": {"iou": 0.7}}
    assert package.recommended_parameters == RecommendedParameters(0.3)
    assert package.manifest["type"] == "onnx-model-package-v1"
    file = package.package_artefacts[0]
    assert (file.file_handle, file.download_url) == ("weights.onnx", f"{api.files.url}/p1/weights.onnx")
    assert file.md5_hash == hashlib.md5(b"weights").hexdigest()


def test_it_is_the_provider_of_bare_ids(api) -> None:
    assert get_model_from_provider("ws/proj/3").model_id == "ws/proj/3"
    assert get_model_from_provider("roboflow://ws/proj/3").model_id == "ws/proj/3"


def test_what_is_asked(api, monkeypatch) -> None:
    monkeypatch.setenv("ROBOFLOW_API_KEY", "from-environment")

    get_roboflow_model("ws/proj/3")
    get_roboflow_model("ws/proj/3", api_key=" given ")
    get_roboflow_model("ws/proj/3", api_key="local")

    paths, headers = zip(*api.requests, strict=True)
    assert set(paths) == {"/models/v1/external/weights?modelId=ws%2Fproj%2F3"}
    sent = [each.get("authorization") for each in headers]
    assert sent == ["Bearer from-environment", "Bearer given", None]


def test_what_is_added_to_a_request_replaces_nothing_of_it(api) -> None:
    get_roboflow_model(
        "ws/proj/3",
        "key",
        weights_provider_extra_query_params=[("modelId", "other"), ("tag", "a"), ("tag", "b c")],
        weights_provider_extra_headers={"AUTHORIZATION": "Basic x", "X-Trace": "7", "Accept-Encoding": "gzip"},
    )

    [(path, headers)] = api.requests
    assert path.endswith("?modelId=ws%2Fproj%2F3&tag=a&tag=b+c")
    assert (headers["authorization"], headers["x-trace"], headers["accept-encoding"]) == ("Bearer key", "7", "identity")


@pytest.mark.parametrize(
    ("code", "expected", "match"),
    [
        (401, errors.UnauthorizedModelAccessError, "was refused"),
        (402, errors.PaymentRequiredModelAccessError, "Payment"),
        (403, errors.ForbiddenModelAccessError, "may not"),
        (404, errors.ModelNotFoundError, "no such model"),
        (423, errors.UsagePausedModelAccessError, "paused"),
        (400, errors.ModelRetrievalError, "failed"),
        (418, errors.ModelRetrievalError, "failed"),
        (501, errors.ModelRetrievalError, "failed"),
        (204, errors.ModelRetrievalError, "failed"),
    ],
)
def test_statuses(api, faults, code, expected, match) -> None:
    api.fail(faults.status(code, "" if code == 204 else f"because of {CANARY} \x1b[31m"))
    with pytest.raises(expected, match=match) as caught:
        get_roboflow_model("ws/proj/3", CANARY)
    assert type(caught.value) is expected
    assert f"status {code}" in caught.value.message
    assert getattr(caught.value, "status_code", None) == (code if code in (402, 403, 423) else None)
    assert "'ws/proj/3'" in caught.value.message
    assert "\x1b" not in caught.value.message
    assert CANARY not in texts_of(caught.value)
    assert api.count() == 1, "these do not pass by themselves"


def test_a_missing_key_is_told_from_a_wrong_one(api) -> None:
    api.keys = {"good"}
    with pytest.raises(
        errors.UnauthorizedModelAccessError, match=r"no API key.*Pass api_key=, or set ROBOFLOW_API_KEY"
    ):
        get_roboflow_model("ws/proj/3")
    with pytest.raises(errors.UnauthorizedModelAccessError, match="was refused"):
        get_roboflow_model("ws/proj/3", "bad")
    assert get_roboflow_model("ws/proj/3", "good").model_packages


@pytest.mark.parametrize("key", [7, b"key", "two\nlines", "two words", "schlüssel"])
def test_what_cannot_be_a_key_is_not_sent_and_not_shown(api, key) -> None:
    with pytest.raises(errors.InvalidParameterError) as caught:
        get_roboflow_model("ws/proj/3", key)
    assert str(key) not in caught.value.message
    assert api.requests == []


def test_failures_that_pass_are_asked_again(api, faults) -> None:
    for fault in (faults.status(500), faults.status(429, retry_after=0), faults.reset(), faults.cut(1_000)):
        api.fail(fault, fault)
        assert get_roboflow_model("ws/proj/3").model_packages
    assert api.count() == 12


def test_failures_that_stay_are_given_up(api, faults) -> None:
    api.fail(*[faults.status(503)] * 9)
    with pytest.raises(errors.RetryError, match=r"status 503.*model 'ws/proj/3'.*Tried 3 times"):
        get_roboflow_model("ws/proj/3")
    assert api.count() == 3


@pytest.mark.parametrize(
    ("body", "match"),
    [
        (b"", "not JSON"),
        (b"<html>Sign in</html>", "<html>Sign in</html>"),
        (b'{"modelMetadata": NaN}', "not JSON"),
        (b"[" * 200_000, "not JSON"),
        (b"9" * 5_000, "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"null", "found null"),
        (b'{"error": "endpoint not found"}', "endpoint not found"),
        (b'{"modelMetadata": null}', 'with "modelMetadata"'),
        (b'{"modelMetadata": []}', r"modelMetadata: expected an object, found \[\]"),
        (b'{"modelMetadata": {}}', "modelMetadata.modelId: expected a value, found none"),
    ],
)
def test_answers_that_are_none(api, faults, body, match) -> None:
    api.fail(faults.raw(body))
    with pytest.raises(errors.ModelRetrievalError, match=match):
        get_roboflow_model("ws/proj/3")


@pytest.mark.parametrize(
    ("header", "match"),
    [
        ({"modelId": ""}, "modelId: expected a non-empty text"),
        ({"modelArchitecture": 8}, "modelArchitecture: expected a non-empty text, found 8"),
        ({"taskType": ["a"]}, "taskType: expected"),
        ({"modelVariant": True}, "modelVariant: expected"),
        ({"type": "external-model-metadata-v2"}, 'type: expected "external-model-metadata-v1"'),
        ({"modelPackages": {"a": 1}}, "modelPackages: expected a list"),
        ({"nextPage": 2}, "nextPage: expected a text or null, found 2"),
        ({"recommendedParameters": {"confidence": 2}}, "recommendedParameters: .*from 0 to 1, not 2"),
        ({"recommendedParameters": 0.4}, "recommendedParameters: expected an object, found 0.4"),
        ({"modelDependencies": "x"}, "modelDependencies: expected a list"),
        ({"modelDependencies": [{"name": "x"}]}, r"modelDependencies\[0\].modelId: expected a value, found none"),
        ({"modelDependencies": [{"type": "v9", "name": "x", "modelId": "y"}]}, "model-dependency-v1"),
    ],
)
def test_an_envelope_that_is_wrong_is_an_error_that_names_the_key(api, faults, header, match) -> None:
    api.add_model("m", [faults.onnx_package("a", api.files)], **header)
    with pytest.raises(errors.ModelRetrievalError, match=match):
        get_roboflow_model("m")


def test_a_model_without_packages_is_an_error(api) -> None:
    api.add_model("m", [])
    with pytest.raises(errors.ModelRetrievalError, match="no packages"):
        get_roboflow_model("m")


def test_all_pages_are_read(api, faults) -> None:
    packages = [faults.onnx_package(f"p{number}", api.files) for number in range(37)]
    api.add_model("m", packages, page_size=3)
    found = [package.package_id for package in get_roboflow_model("m", "k").model_packages]
    assert found == [f"p{number}" for number in range(37)]
    assert api.count() == 13
    assert {headers["authorization"] for _, headers in api.requests} == {"Bearer k"}


def test_the_first_page_that_states_something_counts(api, faults) -> None:
    api.add_model("m", [faults.onnx_package(name, api.files) for name in "abc"], page_size=1, taskType=None)
    api.pages["m"]["after-0"]["taskType"] = "classification"
    api.pages["m"]["after-1"]["modelVariant"] = None
    api.pages["m"]["after-1"]["nextPage"] = ""
    metadata = get_roboflow_model("m")
    assert (metadata.task_type, metadata.model_variant) == ("classification", "yolov8n")


def test_pages_that_contradict_each_other_are_an_error(api, faults) -> None:
    api.add_model("m", [faults.onnx_package(name, api.files) for name in "ab"], page_size=1)
    api.pages["m"]["after-0"]["modelArchitecture"] = "vit"
    with pytest.raises(errors.ModelRetrievalError, match=r"contradict each other \(model_architecture\)"):
        get_roboflow_model("m")


def test_pages_without_end_are_an_error(api, faults, monkeypatch) -> None:
    api.add_model("m", [faults.onnx_package(name, api.files) for name in "ab"], page_size=1)
    api.pages["m"]["after-0"]["nextPage"] = "after-0"
    with pytest.raises(errors.ModelRetrievalError, match='circles: "after-0"'):
        get_roboflow_model("m")
    monkeypatch.setattr(roboflow, "MOST_PAGES", 1)
    with pytest.raises(errors.ModelRetrievalError, match="more than 1 pages"):
        get_roboflow_model("m")


def test_a_package_that_stands_on_two_pages_is_one(api, faults) -> None:
    one = faults.onnx_package("a", api.files)
    again = {**one, "packageFiles": [{**one["packageFiles"][0], "downloadUrl": f"{api.files.url}/x?sig=2"}]}
    again["packageFiles"] += one["packageFiles"][1:]
    other = faults.onnx_package("a", api.files, trustedSource=True)
    api.add_model("m", [one, again, other], page_size=1)
    assert [package.trusted_source for package in get_roboflow_model("m").model_packages] == [False, True]


def test_redirects_carry_the_key_to_no_other_origin(api, faults) -> None:
    api.files.contents["/elsewhere"] = b'{"modelMetadata": null}'
    api.fail(faults.redirect(f"{api.files.url}/elsewhere"))
    with pytest.raises(errors.ModelRetrievalError, match="modelMetadata"):
        get_roboflow_model("ws/proj/3", CANARY, weights_provider_extra_headers={"X-Tenant": CANARY})
    [(_, headers)] = api.files.requests
    assert CANARY not in str(headers)
    api.fail(faults.redirect("/models/v1/external/weights?modelId=ws%2Fproj%2F3"))
    assert get_roboflow_model("ws/proj/3", CANARY).model_packages
    assert api.requests[-1][1]["authorization"] == f"Bearer {CANARY}"


def test_a_gateway_stands_before_the_api_and_the_files(api, faults, monkeypatch, only_package) -> None:
    monkeypatch.setenv("ROBOFLOW_API_HOST", "https://api.example.com")
    monkeypatch.setenv("LICENSE_SERVER", api.url.removeprefix("http://"))
    package = only_package(get_roboflow_model("ws/proj/3", "k"))
    [(path, headers)] = api.requests
    assert path.startswith("/proxy?url=https%3A%2F%2Fapi.example.com%2Fmodels%2Fv1%2Fexternal%2Fweights%3FmodelId%3D")
    assert headers["authorization"] == "Bearer k"
    url = package.package_artefacts[0].download_url
    assert url == f"{api.url}/proxy?url=" + f"{api.files.url}/onnx-1/weights.onnx".replace(":", "%3A").replace(
        "/", "%2F"
    )


def test_a_file_gets_a_fresh_address_and_many_need_one_request(api, faults) -> None:
    metadata = get_roboflow_model("ws/proj/3", "k")
    files = metadata.model_packages[0].package_artefacts
    renewed = faults.onnx_package("onnx-1", api.files)
    for file in renewed["packageFiles"]:
        file["downloadUrl"] += "?signature=new"
    api.add_model("ws/proj/3", [renewed])

    fresh: list[Any] = [None] * len(files)

    def renew(index: int) -> None:
        fresh[index] = files[index].refresh()

    threads = [threading.Thread(target=renew, args=(index,)) for index in range(len(files))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert [file.download_url for file in fresh] == [f"{file.download_url}?signature=new" for file in files]
    assert [file.md5_hash for file in fresh] == [file.md5_hash for file in files]
    assert api.count() == 2
    assert fresh[0].refresh is not None


def test_a_file_that_became_another_is_not_taken_for_the_old_one(api, faults) -> None:
    [file, *_] = get_roboflow_model("ws/proj/3").model_packages[0].package_artefacts
    api.add_model("ws/proj/3", [faults.onnx_package("onnx-1", api.files, weights=b"retrained")])
    with pytest.raises(errors.ModelRetrievalError, match=r"'weights\.onnx' is not the same"):
        file.refresh()


def test_offline_no_socket_is_opened(api, monkeypatch) -> None:
    [file, *_] = get_roboflow_model("ws/proj/3").model_packages[0].package_artefacts
    monkeypatch.setenv("INFERENCE_MODELS_OFFLINE", "1")

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(errors.OfflineModeError, match=r"model 'ws/proj/3'.*INFERENCE_MODELS_OFFLINE"):
        get_roboflow_model("ws/proj/3")
    with pytest.raises(errors.OfflineModeError):
        file.refresh()


def test_the_key_shows_nowhere(api, faults, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    echo = f'{{"error": "{CANARY} {CANARY.replace("+", "%2B")} at https://x.example/?key={CANARY}"}}'
    extra = {"weights_provider_extra_headers": {"X-Token": f"{CANARY}-2"}}
    outcomes: list[str] = []
    for fault in (
        faults.status(400, echo),
        faults.status(401, echo),
        faults.status(403, echo),
        faults.raw(echo.encode()),
        faults.raw(f'{{"modelMetadata": "{CANARY}"}}'.encode()),
        faults.raw(CANARY.encode()),
        faults.redirect(f"http://example.com/{'a' * 5}?key={CANARY}"),
        faults.reset(),
    ):
        api.fail(*[fault] * 3)
        with pytest.raises(errors.ModelRetrievalError) as caught:
            get_roboflow_model("ws/proj/3", CANARY, **extra)
        outcomes.append(texts_of(caught.value))
        api._faults.clear()
    metadata = get_roboflow_model("ws/proj/3", CANARY, **extra)
    outcomes += [repr(metadata), caplog.text, *(str(vars(record)) for record in caplog.records)]
    outcomes += [repr(file.refresh) for file in metadata.model_packages[0].package_artefacts]
    assert len(outcomes) > 10
    assert [text for text in outcomes if "5eb1" in text] == []
