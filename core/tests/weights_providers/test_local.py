"""A directory with `model_config.json` as a model, and everything that can be wrong with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inference_models.errors import CorruptedModelPackageError, ModelNotFoundError
from inference_models.metadata import ONNXPackageDetails
from inference_models.weights_providers.local import get_model

GOOD = {"model_architecture": "yolov8", "task_type": "object-detection", "backend_type": "ONNX"}


def write(directory: Path, config: object) -> str:
    (directory / "model_config.json").write_text(config if isinstance(config, str) else json.dumps(config), "utf-8")
    return str(directory)


def test_a_directory_is_a_trusted_model_with_one_package(tmp_path: Path) -> None:
    metadata = get_model(write(tmp_path, GOOD))
    [package] = metadata.model_packages
    assert (metadata.model_architecture, metadata.task_type) == ("yolov8", "object-detection")
    assert (package.backend, package.trusted_source, package.directory) == ("onnx", True, tmp_path)


def test_what_the_platform_writes_is_read(tmp_path: Path) -> None:
    config = {
        **GOOD,
        "quantization": "fp16",
        "static_batch_size": 8,
        "model_features": {"nms_fused": {"max_detections": 300}},
        "recommended_parameters": {"confidence": 0.4, "perClassConfidence": {"cat": 0.5}},
    }
    [package] = get_model(write(tmp_path, config)).model_packages
    assert (package.quantization, package.static_batch_size) == ("fp16", 8)
    assert package.model_features == {"nms_fused": {"max_detections": 300}}
    assert package.recommended_parameters.confidence == 0.4
    assert package.recommended_parameters.per_class_confidence == {"cat": 0.5}


MANIFEST = {"type": "onnx-model-package-v1", "backendType": "onnx", "dynamicBatchSize": True, "quantization": "fp16"}


def test_a_manifest_is_read_by_the_plugin_of_its_backend(tmp_path: Path) -> None:
    manifest = {**MANIFEST, "opset": 17}
    [package] = get_model(write(tmp_path, {**GOOD, "quantization": "fp32", "manifest": manifest})).model_packages
    assert (package.backend_details, package.quantization) == (ONNXPackageDetails(17), "fp16")
    assert package.dynamic_batch_size_supported
    assert package.manifest == manifest


def test_a_manifest_that_no_plugin_reads_is_left_alone(tmp_path: Path) -> None:
    config = {**GOOD, "backend_type": "npu", "manifest": {"type": "npu-package-v1"}}
    [package] = get_model(write(tmp_path, config)).model_packages
    assert (package.backend, package.backend_details) == ("npu", None)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({**GOOD, "manifest": {**MANIFEST, "opset": "new"}}, "field 'opset'"),
        ({**GOOD, "backend_type": "trt", "manifest": {**MANIFEST, "opset": 17}}, "'manifest' is for 'onnx'"),
        ({**GOOD, "manifest": {"type": ["onnx-model-package-v1"]}}, "packageManifest.type: expected a text"),
        ({**GOOD, "manifest": "onnx"}, "a JSON object"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_named(tmp_path: Path, config: object, said: str) -> None:
    with pytest.raises(CorruptedModelPackageError, match=said):
        get_model(write(tmp_path, config))


def test_limits_of_a_dynamic_batch_size_are_read(tmp_path: Path) -> None:
    limits = {"dynamic_batch_size_supported": True, "min_dynamic_batch_size": 2, "max_dynamic_batch_size": 8}
    [package] = get_model(write(tmp_path, {**GOOD, **limits})).model_packages
    assert (package.min_dynamic_batch_size, package.max_dynamic_batch_size) == (2, 8)


def test_a_missing_directory_and_a_file_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"no directory .*nowhere \(No such file or directory\)"):
        get_model(str(tmp_path / "nowhere"))
    with pytest.raises(ModelNotFoundError, match=r"no directory .*\(File name too long\)"):
        get_model(str(tmp_path / ("a" * 5000)))
    (tmp_path / "file").touch()
    with pytest.raises(ModelNotFoundError, match="is a file"):
        get_model(str(tmp_path / "file"))


def test_a_directory_without_configuration_says_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "weights.onnx").touch()
    with pytest.raises(CorruptedModelPackageError, match=r"no model_config\.json.*holds: weights\.onnx"):
        get_model(str(tmp_path))


def test_a_directory_that_cannot_be_listed_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(
        CorruptedModelPackageError, match=r"no model_config\.json.*cannot be listed \(Permission denied"
    ):
        get_model(str(tmp_path))


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("", "not readable JSON"),
        ("{", "not readable JSON"),
        ("[" * 100_000, "not readable JSON"),
        ('{"static_batch_size": ' + "9" * 5000 + "}", "not readable JSON"),
        ([], "the document must be an object"),
        ({"backend_type": "onnx"}, "'model_architecture' must be a non-empty string, not None"),
        ({**GOOD, "model_architecture": ""}, "'model_architecture' must be a non-empty string"),
        ({**GOOD, "backend_type": 7}, "'backend_type' must be a JSON string, not 7"),
        ({"model_architecture": "yolov8"}, "'backend_type' must be a non-empty string"),
        ({**GOOD, "task_type": ["a"]}, "'task_type' must be a JSON string"),
        ({**GOOD, "static_batch_size": True}, "'static_batch_size' must be a JSON number"),
        ({**GOOD, "min_dynamic_batch_size": 0}, "'min_dynamic_batch_size' must be a number of at least 1"),
        ({**GOOD, "max_dynamic_batch_size": 8}, "does not say that it has one"),
        ({**GOOD, "static_batch_size": 0}, "'static_batch_size' must be a number of at least 1"),
        ({**GOOD, "model_features": []}, "'model_features' must be a JSON object"),
        ({**GOOD, "quantization": "fp13"}, "Unknown quantization 'fp13'"),
        ({**GOOD, "recommended_parameters": {"confidence": 2}}, "from 0 to 1, not 2"),
    ],
)
def test_what_is_wrong_is_named_with_its_file(tmp_path: Path, config: object, expected: str) -> None:
    with pytest.raises(CorruptedModelPackageError) as caught:
        get_model(write(tmp_path, config))
    assert expected in caught.value.message
    assert "model_config.json" in caught.value.message


def test_a_configuration_that_is_not_text_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "model_config.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CorruptedModelPackageError, match="not readable JSON"):
        get_model(str(tmp_path))
