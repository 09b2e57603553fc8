"""Metadata is checked when it is made, so that a bad provider fails early and by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference_models.entities import Quantization
from inference_models.errors import CorruptedModelPackageError, UnknownQuantizationError
from inference_models.metadata import (
    FileDownloadSpecs,
    ModelMetadata,
    ModelPackageMetadata,
    ONNXPackageDetails,
    RecommendedParameters,
    parse_quantization,
)


def test_a_package_needs_files_or_a_directory() -> None:
    with pytest.raises(CorruptedModelPackageError, match="'empty' names no files"):
        ModelPackageMetadata(package_id="empty", backend="onnx")


def test_plain_values_are_converted() -> None:
    package = ModelPackageMetadata("a", "onnx", quantization="FP16", model_features=None, directory=Path("x"))
    assert package.quantization is Quantization.FP16
    assert package.model_features == {}
    assert ModelMetadata("m", "yolov8", [package], model_dependencies=None).package_ids() == ["a"]
    assert ONNXPackageDetails(17, incompatible_providers=None).incompatible_providers == ()


@pytest.mark.parametrize(
    ("fields", "summary"),
    [({"static_batch_size": 8}, "8"), ({"dynamic_batch_size_supported": True}, "N"), ({}, "?")],
)
def test_the_batch_in_words(fields: dict[str, object], summary: str) -> None:
    assert ModelPackageMetadata("a", "onnx", directory=Path("x"), **fields).batch_summary == summary


@pytest.mark.parametrize(
    "fields",
    [
        {"package_id": ""},
        {"static_batch_size": 0},
        {"static_batch_size": "8"},
        {"trusted_source": "yes"},
        {"directory": "text"},
        {"package_artefacts": ["weights.onnx"]},
    ],
)
def test_wrong_types_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises((TypeError, ValueError)):
        ModelPackageMetadata(**{"package_id": "a", "backend": "onnx", "directory": Path("x"), **fields})


def test_a_signed_url_never_shows() -> None:
    file = FileDownloadSpecs("https://user:secret@files.example/weights.onnx?signature=secret", "weights.onnx")
    assert "secret" not in repr(file)
    assert "secret" not in repr(ModelPackageMetadata("a", "onnx", [file]))


def test_quantizations_are_read_in_any_case() -> None:
    assert parse_quantization("Int8") is Quantization.INT8
    with pytest.raises(UnknownQuantizationError, match=r"'fp13'\. Known: fp32, fp16"):
        parse_quantization("fp13")


@pytest.mark.parametrize("value", [1.5, -0.1, "0.4", True, float("nan")])
def test_a_recommended_confidence_is_a_fraction(value: object) -> None:
    with pytest.raises(CorruptedModelPackageError, match="from 0 to 1"):
        RecommendedParameters(confidence=value)
    with pytest.raises(CorruptedModelPackageError, match="from 0 to 1"):
        RecommendedParameters(per_class_confidence={"cat": value})


def test_recommended_confidences_may_be_whole_numbers() -> None:
    assert RecommendedParameters(confidence=1, per_class_confidence={"cat": 0}).confidence == 1.0


@pytest.mark.parametrize(
    ("fields", "summary"),
    [
        ({}, "?"),
        ({"dynamic_batch_size_supported": False}, "?"),
        ({"static_batch_size": 4}, "4"),
        ({"dynamic_batch_size_supported": True}, "N"),
        ({"dynamic_batch_size_supported": True, "min_dynamic_batch_size": 2, "max_dynamic_batch_size": 8}, "2-8"),
        ({"dynamic_batch_size_supported": True, "max_dynamic_batch_size": 8}, "1-8"),
        ({"dynamic_batch_size_supported": True, "min_dynamic_batch_size": 2}, "2-N"),
    ],
)
def test_the_batch_size_in_words(fields, summary) -> None:
    assert ModelPackageMetadata("a", "onnx", directory=Path("x"), **fields).batch_summary == summary


@pytest.mark.parametrize(
    "fields",
    [
        {"max_dynamic_batch_size": 8},
        {"max_dynamic_batch_size": 8, "static_batch_size": 8, "dynamic_batch_size_supported": True},
        {"dynamic_batch_size_supported": True, "min_dynamic_batch_size": 9, "max_dynamic_batch_size": 8},
    ],
)
def test_limits_of_a_batch_size_that_contradict_are_told(fields) -> None:
    with pytest.raises(CorruptedModelPackageError, match="its provider must correct it"):
        ModelPackageMetadata("a", "onnx", directory=Path("x"), **fields)
