"""Documents of the API: read field by field, and each that is wrong a verdict with its reason beside the good ones."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_models.catalog import Catalog, current_catalog, refresh_catalog
from inference_models.errors import ModelRetrievalError
from inference_models.memo import Memo
from inference_models.metadata import UnreadablePackage
from inference_models.weights_providers.roboflow_manifest import read_manifest, read_model, read_packages
from inference_models.weights_providers.wire import WireError, read_json

MD5 = "0123456789abcdef0123456789abcdef"

# Documents that the platform's own library accepts.
MODEL = """
{"modelMetadata": {
  "type": "external-model-metadata-v1", "modelId": "ws/proj/3", "modelArchitecture": "yolov8",
  "modelVariant": "yolov8n", "taskType": "object-detection",
  "modelDependencies": [{"type": "model-dependency-v1", "name": "feature_extractor",
                         "modelId": "owlv2/base", "modelPackageId": null}],
  "recommendedParameters": {"confidence": 0.4, "perClassConfidence": {"cat": 0.5}},
  "nextPage": null,
  "modelPackages": []}}
"""
PACKAGE = """
{"type":"external-model-package-v1","packageId":"abc123","packageManifest":{},
"modelFeatures":{"nms_fused":{"max_detections":300,"confidence_threshold":0.25,"iou_threshold":0.7,"class_agnostic":false}},
"packageFiles":[{"fileHandle":"weights.onnx","downloadUrl":"https://files.example/w?sig=x","md5Hash":"0123456789abcdef0123456789abcdef"},
{"fileHandle":"class_names.txt","downloadUrl":"https://files.example/c","md5Hash":null}],
"trustedSource":true,"recommendedParameters":null}
"""
ONNX = '{"type":"onnx-model-package-v1","backendType":"onnx","dynamicBatchSize":false,"staticBatchSize":1,"quantization":"fp32","opset":17,"incompatibleProviders":["CoreMLExecutionProvider"]}'  # noqa: E501 (as it is sent)
OTHERS = {
    "trt": '{"type":"trt-model-package-v1","backendType":"trt","dynamicBatchSize":true,"minBatchSize":1,"optBatchSize":8,"maxBatchSize":16,"quantization":"fp16","cudaDeviceType":"nvidia-l4","cudaDeviceCC":"8.9","cudaVersion":"12.6","trtVersion":"10.12.0.36","sameCCCompatible":true,"trtForwardCompatible":false,"trtLeanRuntimeExcluded":false,"machineType":"gpu-server","machineSpecs":{"type":"gpu-server-specs-v1","driverVersion":"550.54.15","osVersion":"ubuntu-22.04"}}',  # noqa: E501
    "jetson": '{"type":"trt-model-package-v1","backendType":"trt","dynamicBatchSize":false,"staticBatchSize":1,"quantization":"fp16","cudaDeviceType":"orin","cudaDeviceCC":"8.7","cudaVersion":"12.6","trtVersion":"10.3.0.30","machineType":"jetson","machineSpecs":{"type":"jetson-machine-specs-v1","l4tVersion":"36.4.0","deviceName":"nvidia-jetson-orin-nx","driverVersion":"540.4.0"}}',  # noqa: E501
    "torch": '{"type":"torch-model-package-v1","backendType":"torch","dynamicBatchSize":true,"quantization":"fp32"}',
    "torch-script": '{"type":"torch-script-model-package-v1","backendType":"torch-script","dynamicBatchSize":false,"staticBatchSize":8,"quantization":"fp32","supportedDeviceTypes":["cpu","cuda"],"torchVersion":"2.6.0","torchVisionVersion":"0.21.0"}',  # noqa: E501
    "hugging-face": '{"type":"hf-model-package-v1","backendType":"hf","quantization":"fp16"}',
    "ultralytics": '{"type":"ultralytics-model-package-v1"}',
}


def package(manifest: str = ONNX, **changes: object) -> dict[str, Any]:
    return {**json.loads(PACKAGE), "packageManifest": json.loads(manifest), **changes}


def read(*packages: object, address=lambda url: url) -> tuple[list[Any], list[UnreadablePackage]]:
    return read_packages(packages, current_catalog(), address)


def reason_of(raw: object) -> str:
    """Return why a package cannot be read, sure that its neighbours can."""
    readable, unreadable = read(package(packageId="before"), raw, package(packageId="after"))
    assert [one.package_id for one in readable] == ["before", "after"]
    [verdict] = unreadable
    return verdict.reason


def test_the_envelope() -> None:
    model = read_model(read_json(MODEL))
    assert (model.model_id, model.model_architecture, model.model_variant) == ("ws/proj/3", "yolov8", "yolov8n")
    assert (model.task_type, model.next_page, model.model_packages) == ("object-detection", None, [])
    assert model.recommended_parameters.confidence == 0.4
    assert model.recommended_parameters.per_class_confidence == {"cat": 0.5}
    [dependency] = model.model_dependencies
    assert (dependency.name, dependency.model_id, dependency.model_package_id) == (
        "feature_extractor",
        "owlv2/base",
        None,
    )


def test_the_shortest_envelope_that_serves() -> None:
    model = read_model({"modelMetadata": {"modelId": "a", "modelArchitecture": "b", "modelPackages": [], "new": 1}})
    assert (model.task_type, model.model_dependencies, model.recommended_parameters) == (None, None, None)


def test_a_package(onnx_backend) -> None:
    [found], unreadable = read(package())
    assert unreadable == []
    assert (found.package_id, found.backend, found.quantization, found.trusted_source) == (
        "abc123",
        "onnx",
        "fp32",
        True,
    )
    assert (found.static_batch_size, found.dynamic_batch_size_supported) == (1, False)
    assert (found.backend_details.opset, found.backend_details.incompatible_providers) == (
        17,
        ("CoreMLExecutionProvider",),
    )
    assert found.model_features["nms_fused"]["iou_threshold"] == 0.7
    assert found.recommended_parameters is None
    assert found.manifest == json.loads(ONNX)
    weights, names = found.package_artefacts
    assert (weights.file_handle, weights.download_url, weights.md5_hash) == (
        "weights.onnx",
        "https://files.example/w?sig=x",
        MD5,
    )
    assert (names.file_handle, names.md5_hash) == ("class_names.txt", None)
    assert "sig=x" not in repr(found)


def test_what_may_be_left_out_or_null(onnx_backend) -> None:
    raw = package(modelFeatures=None, trustedSource=None, unknown="ignored")
    del raw["type"], raw["recommendedParameters"]
    [found], unreadable = read(raw)
    assert unreadable == []
    assert (found.trusted_source, found.model_features, found.recommended_parameters) == (False, {}, None)


def test_ids_as_people_write_them(onnx_backend) -> None:
    ids = ["yolov8n-640-onnx-fp32", "a/b c", "ü", "x" * 255]
    readable, unreadable = read(*[package(packageId=one) for one in ids])
    assert ([one.package_id for one in readable], unreadable) == (ids, [])


@pytest.mark.parametrize("name", OTHERS)
def test_a_manifest_that_nothing_reads_names_its_type(onnx_backend, name) -> None:
    backend = "trt" if name == "jetson" else name
    manifest = json.loads(OTHERS[name])
    [readable], [verdict] = read(package(OTHERS[name], packageId="p2"), package())
    assert readable.package_id == "abc123"
    assert (verdict.package_id, verdict.backend) == ("p2", backend)
    assert f'no installed plugin reads packages of type "{manifest["type"]}"' in verdict.reason
    if "backendType" in manifest:
        assert f'(backendType "{manifest["backendType"]}")' in verdict.reason


def test_without_the_backends_plugin_the_reason_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setenv("INFERENCE_MODELS_ONLY_PLUGINS", "im-core")
    monkeypatch.setattr("inference_models.distributions.installed_version", lambda name: None)
    monkeypatch.setattr("inference_models.catalog._installed", Memo())
    refresh_catalog()
    _, [verdict] = read(package())
    assert verdict.reason.endswith("Install it: pip install im-backend-onnx.")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("oak-model-package-v1", "for OAK cameras"),
        ("tfjs-model-package-v1", "for browsers"),
        ("mediapipe-model-package-v1", "no installed plugin"),
        ("new-model-package-v7", "A newer version"),
    ],
)
def test_kinds_of_packages_that_are_not_loaded_are_told(onnx_backend, kind, expected) -> None:
    assert expected in reason_of(package(json.dumps({"type": kind})))


def test_two_plugins_that_read_one_kind_are_named(onnx_backend, install_plugin, monkeypatch) -> None:
    other = """
        from inference_models.developer_tools import BackendSpec, hookimpl

        @hookimpl
        def im_backends():
            return BackendSpec(
                name="other", priority=1, detect=dict,
                manifest_parsers={"onnx-model-package-v1": dict, "other-v1": lambda manifest: manifest["fields"]},
            )
    """
    monkeypatch.setenv("INFERENCE_MODELS_ONLY_PLUGINS", "im-core,acme-backend,acme-other")
    install_plugin("acme-other", other)
    [found], [] = read(package())
    assert found.backend == "onnx", "the one that the package's backendType names"
    ambiguous = package('{"type": "other-v1", "fields": {}}')
    [found], [] = read(ambiguous)
    assert found.backend == "other"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"type": "external-model-package-v2"}, 'type: expected "external-model-package-v1", found "external'),
        ({"packageId": None}, "packageId: expected a value, found none"),
        ({"packageId": ""}, 'packageId: expected a non-empty text, found ""'),
        ({"packageId": 7}, "packageId: expected a non-empty text, found 7"),
        ({"packageId": "x" * 256}, "packageId: expected at most 255 characters"),
        ({"packageId": "a\ud800"}, "packageId: expected a non-empty text"),
        ({"packageManifest": None}, "packageManifest: expected a value, found none"),
        ({"packageManifest": []}, "packageManifest: expected an object, found []"),
        ({"packageManifest": {}}, "packageManifest.type: expected a text, found null"),
        ({"packageManifest": {"type": ["x"]}}, 'packageManifest.type: expected a text, found ["x"]'),
        ({"modelFeatures": ["nms_fused"]}, 'modelFeatures: expected an object, found ["nms_fused"]'),
        ({"trustedSource": "no"}, 'trustedSource: expected true or false, found "no"'),
        ({"trustedSource": 1}, "trustedSource: expected true or false, found 1"),
        ({"recommendedParameters": {"confidence": "high"}}, "recommendedParameters: A recommended confidence"),
        ({"recommendedParameters": {"perClassConfidence": [1]}}, "recommendedParameters: Recommended confidences"),
        ({"packageFiles": None}, "packageFiles: expected a value, found none"),
        ({"packageFiles": []}, "names no files"),
        ({"packageFiles": {"fileHandle": "a"}}, 'packageFiles: expected a list, found {"fileHandle": "a"}'),
        ({"packageFiles": ["a"]}, 'packageFiles[0]: expected an object, found "a"'),
        ({"packageFiles": [{}]}, "packageFiles[0].fileHandle: expected a value, found none"),
        (
            {"packageFiles": [{"fileHandle": "a", "downloadUrl": 7}]},
            "packageFiles[0].downloadUrl: expected a non-empty",
        ),
        (
            {"packageFiles": [{"fileHandle": "a", "downloadUrl": "https://x/", "md5Hash": "xyz"}]},
            'packageFiles[0].md5Hash: expected 32 hex digits or null, found "xyz"',
        ),
    ],
)
def test_what_is_wrong_with_a_package_is_named(onnx_backend, changes, expected) -> None:
    assert expected in reason_of({**package(), **changes})


@pytest.mark.parametrize("raw", [None, 7, "p", [], [["type", "x"]], True])
def test_what_is_no_package_at_all(onnx_backend, raw) -> None:
    readable, [verdict] = read(package(), raw)
    assert len(readable) == 1
    assert verdict.reason.startswith("expected an object, found ")
    assert verdict.package_id == "(package 2 of the list, without a usable id)"


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        ({"dynamicBatchSize": True}, "staticBatchSize contradicts dynamicBatchSize"),
        ({"opset": "17"}, "opset must be a number"),
        ({"quantization": "fp13"}, "Unknown quantization 'fp13'"),
        ({"quantization": {}}, "Unknown quantization {}"),
        ({"crash": True}, "manifest parser of acme-backend 1.0 failed on it: RuntimeError: crash"),
        ({"staticBatchSize": 0}, "'static_batch_size' must be >= 1"),
        ({"states": 7}, "manifest parser of acme-backend 1.0 failed on it: TypeError"),
        ({"states": {"package_id": "mine"}}, "states package_id, which are not for a manifest"),
        ({"states": {"x": 1}}, "states x, which"),
    ],
)
def test_what_is_wrong_with_a_manifest_is_told_in_its_parsers_words(onnx_backend, manifest, expected) -> None:
    reason = reason_of(package(json.dumps({**json.loads(ONNX), **manifest})))
    assert expected in reason


def test_an_address_that_is_not_allowed_is_a_verdict_without_its_query(onnx_backend) -> None:
    def address(url: str) -> str:
        raise ModelRetrievalError("It is plain http.")

    [], [verdict] = read(package(), address=address)
    assert verdict.reason == "packageFiles[0].downloadUrl: It is plain http."
    assert "sig" not in reason_of(package(packageFiles=[{"fileHandle": "a", "downloadUrl": ["https://x/?sig=1"]}]))


def test_long_reasons_are_shortened(onnx_backend) -> None:
    assert len(reason_of(package(json.dumps({**json.loads(ONNX), "quantization": "x" * 100_000})))) <= 600


def test_a_manifest_can_be_read_again_without_its_package(onnx_backend) -> None:
    fields = read_manifest(json.loads(ONNX), current_catalog())
    assert (fields["backend"], fields["static_batch_size"]) == ("onnx", 1)
    with pytest.raises(ValueError, match="no installed plugin"):
        read_manifest({"type": "x"}, current_catalog())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def paths_of(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, item in items for found in paths_of(item, (*path, key)))]


@st.composite
def mutated(draw: Any, document: dict[str, Any]) -> Any:
    """Return the document with one to three values anywhere in it replaced or removed."""
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        *way, key = draw(st.sampled_from([path for path in paths_of(document) if path]))
        target: Any = document
        for step in way:
            target = target[step]
        if draw(st.booleans()):
            target[key] = draw(JSON)
        else:
            del target[key]
        if not document:
            break
    return document


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """What is really installed: hypothesis and fixtures of single tests do not go together."""
    refresh_catalog()
    return current_catalog()


@settings(max_examples=400, deadline=None)
@given(bad=st.lists(mutated(package()) | JSON, max_size=3))
def test_no_package_crashes_the_reading_or_hides_another(catalog, bad) -> None:
    good = [package(packageId="good-1"), package(packageId="good-2")]
    readable, unreadable = read_packages([good[0], *bad, good[1]], catalog, lambda url: url)
    assert {"good-1", "good-2"} <= {one.package_id for one in readable}
    assert len(readable) + len(unreadable) == 2 + len(bad)
    assert all(one.reason and one.package_id for one in unreadable)


@settings(max_examples=200, deadline=None)
@given(document=mutated(json.loads(MODEL)) | JSON)
def test_an_envelope_is_read_or_refused_with_a_reason(document) -> None:
    reason = None
    try:
        model = read_model(document)
    except WireError as error:
        reason = str(error)
    assert (
        "modelMetadata" in reason if reason is not None else (model.model_id and isinstance(model.model_packages, list))
    )
