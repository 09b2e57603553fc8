from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from inference_models.errors import CorruptedModelPackageError
from inference_models.vision import ResizeMode, parse_inference_config
from inference_models.vision.inference_config import (
    ClassNameOperation,
    DynamicSpatialSizeMode,
    ForwardPass,
    ImagePreProcessing,
    NMSParameters,
    StaticCrop,
    TrainingInputSize,
)

SMALLEST: dict[str, Any] = {
    "network_input": {
        "training_input_size": {"height": 480, "width": 640},
        "dynamic_spatial_size_supported": False,
        "color_mode": "rgb",
        "resize_mode": "letterbox",
        "input_channels": 3,
    }
}

# Every key that packages are known to carry.
COMPLETE: dict[str, Any] = {
    "image_pre_processing": {
        "auto-orient": {"enabled": True},
        "static-crop": {"enabled": True, "x_min": 10, "x_max": 90, "y_min": 0, "y_max": 100},
        "contrast": {"enabled": False, "type": "Adaptive Equalization"},
        "grayscale": {"enabled": False},
    },
    "network_input": {
        "training_input_size": {"height": 640, "width": 640},
        "dataset_version_resize_dimensions": None,
        "dynamic_spatial_size_supported": True,
        "dynamic_spatial_size_mode": {"type": "pad-to-be-divisible", "value": 32},
        "color_mode": "rgb",
        "resize_mode": "letterbox",
        "padding_value": 114,
        "input_channels": 3,
        "scaling_factor": 255,
        "normalization": [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]],
    },
    "forward_pass": {"static_batch_size": None, "max_dynamic_batch_size": 8},
    "post_processing": {
        "type": "nms",
        "fused": False,
        "nms_parameters": {
            "max_detections": 300,
            "confidence_threshold": 0.25,
            "iou_threshold": 0.45,
            "class_agnostic": 0,
        },
    },
    "model_initialization": {"num_classes": 2, "model_name": "resnet18"},
    "class_names_operations": [{"type": "class_name_removal", "class_name": "background"}],
}


def changed(config: dict[str, Any], key_path: str, value: Any) -> dict[str, Any]:
    """Return a copy of `config` with the value at "a.b.c" replaced, or removed when it is `...`."""
    copy = json.loads(json.dumps(config))
    *parents, last = key_path.split(".")
    place = copy
    for key in parents:
        place = place[int(key)] if isinstance(place, list) else place[key]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return copy  # type: ignore[no-any-return]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "inference_config.json"


def test_every_key_of_a_complete_config_is_read(path: Path) -> None:
    path.write_text(json.dumps(COMPLETE))
    config = parse_inference_config(path)
    assert config.image_pre_processing.auto_orient is not None
    assert config.image_pre_processing.auto_orient.enabled is True
    assert config.image_pre_processing.static_crop == StaticCrop(True, 10, 90, 0, 100)
    assert config.network_input.training_input_size == TrainingInputSize(640, 640)
    assert config.network_input.dynamic_spatial_size_mode == DynamicSpatialSizeMode("pad-to-be-divisible", 32)
    assert config.network_input.resize_mode is ResizeMode.LETTERBOX
    assert config.network_input.scaling_factor == 255
    assert config.network_input.normalization == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert config.forward_pass == ForwardPass(None, 8)
    assert config.post_processing is not None
    assert config.post_processing.nms_parameters == NMSParameters(300, 0.25, 0.45, False)
    assert config.model_initialization == {"num_classes": 2, "model_name": "resnet18"}
    assert config.class_names_operations == (ClassNameOperation("class_name_removal", "background"),)


def test_what_is_left_out_takes_its_default(path: Path) -> None:
    path.write_text(json.dumps(SMALLEST))
    config = parse_inference_config(str(path))
    assert config.network_input.training_input_size == TrainingInputSize(height=480, width=640)
    assert config.network_input.padding_value is None
    assert config.network_input.normalization is None
    assert config.image_pre_processing == ImagePreProcessing()
    assert config.forward_pass == ForwardPass()
    assert config.post_processing is None
    assert config.class_names_operations == ()


@pytest.mark.parametrize(
    "key",
    ["image_pre_processing", "forward_pass", "post_processing", "model_initialization", "class_names_operations"],
)
def test_null_is_as_if_left_out(path: Path, key: str) -> None:
    path.write_text(json.dumps({**SMALLEST, key: None}))
    with_null = parse_inference_config(path)
    path.write_text(json.dumps(SMALLEST))
    assert with_null == parse_inference_config(path)


def test_unknown_keys_are_ignored(path: Path) -> None:
    path.write_text(json.dumps(changed({**COMPLETE, "new": 1}, "network_input.newer", {"a": 1})))
    unknown = parse_inference_config(path)
    path.write_text(json.dumps(COMPLETE))
    assert unknown == parse_inference_config(path)


def test_a_network_of_any_size_needs_no_training_size(path: Path) -> None:
    free = changed(COMPLETE, "network_input.dynamic_spatial_size_mode", {"type": "any-size"})
    path.write_text(json.dumps(changed(free, "network_input.training_input_size", ...)))
    assert parse_inference_config(path).network_input.training_input_size is None


WRONG = [
    ("network_input", ..., "network_input: missing"),
    ("network_input", 3, "network_input"),
    ("network_input.color_mode", ..., "network_input.color_mode: missing"),
    ("network_input.color_mode", "RGB", 'network_input.color_mode: expected "rgb" or "bgr", found "RGB"'),
    ("network_input.resize_mode", "squash", 'network_input.resize_mode: expected "stretch" or "letterbox"'),
    ("network_input.input_channels", "3", 'network_input.input_channels: expected a whole number, found "3"'),
    ("network_input.input_channels", 2.5, "expected a whole number, found 2.5"),
    ("network_input.input_channels", True, "expected a whole number, found true"),
    ("network_input.input_channels", 0, "'input_channels' must be >= 1: 0"),
    ("network_input.training_input_size", None, "expected training_input_size, found none"),
    ("network_input.training_input_size.height", -1, "network_input.training_input_size: 'height' must be >= 1: -1"),
    ("network_input.training_input_size.height", 1e30, "training_input_size: 'height' must be <= 32767: 1000000000"),
    ("network_input.training_input_size.width", 10**400, "network_input.training_input_size: 'width' must be <= 32767"),
    ("network_input.dynamic_spatial_size_mode.value", 10**6, "dynamic_spatial_size_mode: 'value' must be <= 32767"),
    ("network_input.training_input_size.width", None, "network_input.training_input_size.width: expected a whole"),
    ("network_input.dynamic_spatial_size_supported", "no", "expected true or false, found"),
    ("network_input.dynamic_spatial_size_mode", {"type": "pad-to-be-divisible"}, "expected a 'value'"),
    ("network_input.padding_value", 256, "'padding_value' must be <= 255: 256"),
    ("network_input.scaling_factor", 0, "'scaling_factor' must be > 0"),
    ("network_input.scaling_factor", float("nan"), "network_input.scaling_factor: expected a number, found NaN"),
    ("network_input.scaling_factor", 10**400, "network_input.scaling_factor: expected a number, found 1000000"),
    ("network_input.normalization", "abc", "network_input.normalization"),
    ("network_input.normalization", {"a": 1, "b": 2}, "network_input.normalization"),
    ("network_input.normalization", [[0.5], [0.5]], "expected normalization with 3 means and deviations"),
    ("network_input.normalization", [[0, 0, 0], [1, 0, 1]], "standard deviations other than 0"),
    ("network_input.normalization", [[0, 0, "a"], [1, 1, 1]], "network_input.normalization"),
    ("image_pre_processing.static-crop.x_min", 95, "static-crop: expected x_min below x_max, found 95 and 90"),
    ("image_pre_processing.static-crop.y_max", 101, "image_pre_processing.static-crop: 'y_max' must be <= 100"),
    ("image_pre_processing.static-crop.y_max", "all", 'static-crop.y_max: expected a whole number, found "all"'),
    ("image_pre_processing.contrast.type", "Magic", 'contrast.type: expected "Adaptive Equalization" or'),
    ("image_pre_processing.grayscale.enabled", ..., "image_pre_processing.grayscale.enabled: missing"),
    ("forward_pass.static_batch_size", 0, "forward_pass: 'static_batch_size' must be >= 1"),
    ("post_processing.type", "magic", 'post_processing.type: expected "nms" or "sigmoid" or "softmax"'),
    ("post_processing.fused", None, "post_processing.fused: expected true or false, found null"),
    ("post_processing.nms_parameters.iou_threshold", 1.5, "post_processing.nms_parameters: 'iou_threshold'"),
    ("model_initialization", [1], "model_initialization: expected an object, found [1]"),
    ("model_initialization", "abc", 'model_initialization: expected an object, found "abc"'),
    ("class_names_operations", 5, "class_names_operations"),
    ("class_names_operations", {"type": "class_name_removal"}, "class_names_operations"),
    ("class_names_operations.0.class_name", 7, "class_names_operations.0.class_name: expected text, found 7"),
]


@pytest.mark.parametrize(("key_path", "value", "expected"), WRONG, ids=lambda value: str(value)[:40])
def test_a_wrong_value_is_named_with_its_key(path: Path, key_path: str, value: Any, expected: str) -> None:
    path.write_text(json.dumps(changed(COMPLETE, key_path, value)))
    with pytest.raises(CorruptedModelPackageError) as caught:
        parse_inference_config(path)
    assert expected in caught.value.message
    assert str(path) in caught.value.message


def test_all_wrong_values_are_named_at_once(path: Path) -> None:
    wrong = changed(changed(COMPLETE, "network_input.color_mode", 1), "post_processing.fused", "x")
    path.write_text(json.dumps(wrong))
    with pytest.raises(CorruptedModelPackageError, match=r"(?s)color_mode.*post_processing\.fused"):
        parse_inference_config(path)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "cannot be read as JSON"),
        (b'{"network_input": ', "cannot be read as JSON"),
        (b"\xff\xfe\x00", "cannot be read as JSON"),
        (b"[" * 100_000, "cannot be read as JSON"),
        (b"[]", r"must hold a JSON object, found \[\]"),
        (b"null", "must hold a JSON object, found null"),
        (b"{}", "network_input: missing"),
    ],
)
def test_a_file_that_is_no_config_is_refused(path: Path, content: bytes, expected: str) -> None:
    path.write_bytes(content)
    with pytest.raises(CorruptedModelPackageError, match=expected):
        parse_inference_config(path)


def test_a_missing_file_is_named(path: Path) -> None:
    with pytest.raises(CorruptedModelPackageError, match=r"inference_config\.json is missing"):
        parse_inference_config(path)


def test_a_directory_in_its_place_is_refused(path: Path) -> None:
    path.mkdir()
    with pytest.raises(CorruptedModelPackageError, match="cannot be read"):
        parse_inference_config(path)
