"""Package directories made for a test are read as those of users."""

from __future__ import annotations

import json
from pathlib import Path

from inference_models.developer_tools import ResizeMode, parse_class_names, parse_inference_config
from inference_models.testing import write_package
from inference_models.weights_providers.local import get_model


def test_a_package_is_described(tmp_path: Path) -> None:
    directory = write_package(
        tmp_path / "a" / "package",
        architecture="yolov8",
        backend="onnx",
        task_type="object-detection",
        quantization="fp16",
    )
    metadata = get_model(str(directory))
    [package] = metadata.model_packages
    assert (metadata.model_architecture, metadata.task_type) == ("yolov8", "object-detection")
    assert (package.backend, package.quantization, package.directory) == ("onnx", "fp16", directory)
    assert [path.name for path in directory.iterdir()] == ["model_config.json"]


def test_files_that_families_read(tmp_path: Path) -> None:
    directory = write_package(
        tmp_path,
        architecture="yolov8",
        backend="onnx",
        class_names=["cat", "dog"],
        input_size=(240, 320),
        inference_config={
            "network_input": {"resize_mode": "stretch"},
            "post_processing": {"type": "nms", "fused": False},
        },
        files={"weights.onnx": b"\x00\x01", "sub/labels.json": {"0": "cat"}, "notes.txt": "tiny"},
    )
    assert parse_class_names(directory / "class_names.txt") == ("cat", "dog")
    config = parse_inference_config(directory / "inference_config.json")
    size = config.network_input.training_input_size
    assert size is not None
    assert (size.height, size.width) == (240, 320)
    assert config.network_input.resize_mode is ResizeMode.STRETCH
    assert (directory / "weights.onnx").read_bytes() == b"\x00\x01"
    assert json.loads((directory / "sub" / "labels.json").read_text()) == {"0": "cat"}
    assert (directory / "notes.txt").read_text() == "tiny"


def test_the_config_alone_is_written_as_it_is(tmp_path: Path) -> None:
    write_package(tmp_path, architecture="a", backend="b", inference_config={"anything": [1]})
    assert json.loads((tmp_path / "inference_config.json").read_text()) == {"anything": [1]}
