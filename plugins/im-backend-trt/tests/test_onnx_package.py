from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from im_backend_trt.onnx_package import copy_shared_files, find_network, input_size
from inference_models import CorruptedModelPackageError, ModelCompilationError


@pytest.mark.parametrize("name", ["weights.onnx", "model.onnx"])
def test_the_network_is_found(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\x08")
    assert find_network(tmp_path) == tmp_path / name


def test_no_network(tmp_path: Path) -> None:
    (tmp_path / "weights.onnx").touch()
    with pytest.raises(CorruptedModelPackageError, match=r"neither weights\.onnx nor model\.onnx, or it is empty"):
        find_network(tmp_path)


def test_everything_but_the_network_is_shared(tmp_path: Path, networks) -> None:
    package, output = tmp_path / "package", tmp_path / "output"
    (package / "vocabulary").mkdir(parents=True)
    output.mkdir()
    model = networks.make(
        networks.linear().graph.node, {"x": ["n", 3]}, {"y": ["n", 4]}, {"w": np.zeros((3, 4), np.float32)}
    )
    onnx.save(model, package / "weights.onnx", save_as_external_data=True, location="the weights.bin", size_threshold=0)
    for name in ("class_names.txt", "vocabulary/words.txt", "the weights", "model_config.json", "old.engine"):
        (package / name).write_text(name)
    copy_shared_files(package, package / "weights.onnx", output)
    assert (package / "the weights.bin").is_file()
    copied = sorted(path.relative_to(output).as_posix() for path in output.rglob("*") if path.is_file())
    assert copied == ["class_names.txt", "the weights", "vocabulary/words.txt"]
    assert (output / "vocabulary/words.txt").read_text() == "vocabulary/words.txt"


def test_the_size_that_the_network_was_trained_for(tmp_path: Path) -> None:
    assert input_size(tmp_path) is None
    network_input = {
        "training_input_size": {"height": 480, "width": 640},
        "dynamic_spatial_size_supported": False,
        "color_mode": "rgb",
        "resize_mode": "letterbox",
        "input_channels": 3,
    }
    (tmp_path / "inference_config.json").write_text(json.dumps({"network_input": network_input}))
    size = input_size(tmp_path)
    assert size is not None
    assert (size.height, size.width) == (480, 640)


def test_a_description_that_is_malformed(tmp_path: Path) -> None:
    (tmp_path / "inference_config.json").write_text("{")
    with pytest.raises(ModelCompilationError, match=r"inference_config\.json"):
        input_size(tmp_path)
