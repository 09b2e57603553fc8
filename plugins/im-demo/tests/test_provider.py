"""The models in the wheel: complete, within their size, found by id, and right on the bundled picture."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import im_demo
from im_demo.provider import get_model, list_models
from inference_models import AutoModel, ModelNotFoundError, load_image
from inference_models.developer_tools import get_model_package_contents

# What is drawn on the bundled picture, counted by eye.
DRAWN = {"circle": 2, "square": 3, "triangle": 1, "star": 3, "hexagon": 2, "cross": 1}


def test_models_are_listed_and_described() -> None:
    assert list_models() == ["shapes"]
    metadata = get_model("shapes")
    assert (metadata.model_architecture, metadata.task_type) == ("yolov8", "object-detection")
    assert [(package.package_id, package.backend) for package in metadata.model_packages] == [
        ("onnx-fp32", "onnx"),
        ("torchscript-fp32", "torch-script"),
    ]


@pytest.mark.parametrize("model_id", ["shape", "", "../shapes", "shapes/onnx-fp32", "SHAPES"])
def test_an_unknown_id_is_not_found(model_id: str) -> None:
    with pytest.raises(ModelNotFoundError, match="has no model"):
        get_model(model_id)


def test_the_loader_names_near_ids() -> None:
    with pytest.raises(ModelNotFoundError, match="Did you mean 'shapes'"):
        AutoModel.from_pretrained("demo://shape")


def test_packages_are_complete_and_small() -> None:
    sizes = []
    for package in get_model("shapes").model_packages:
        weights = {"onnx": "weights.onnx", "torch-script": "weights.torchscript"}[package.backend]
        wanted = [weights, "class_names.txt", "inference_config.json", "model_config.json"]
        contents = get_model_package_contents(package.directory, elements=wanted)
        sizes += [Path(path).stat().st_size for path in contents.values()]
    assert sum(sizes) < 8_000_000


def test_no_path_of_the_machine_that_trained_them_is_in_the_weights() -> None:
    for package in get_model("shapes").model_packages:
        for path in get_model_package_contents(package.directory).values():
            content = Path(path).read_bytes()
            assert b"/home/" not in content
            assert b"/root/" not in content
            assert b"/tmp/" not in content


def test_every_shape_of_the_bundled_picture_is_found() -> None:
    with AutoModel.from_pretrained("demo://shapes") as model:
        [detections] = model(load_image(im_demo.picture_path()))
    names = list(detections.names)
    assert {name: names.count(name) for name in names} == DRAWN
    assert detections.confidence.min() > 0.7


def test_the_picture_is_named_on_the_command_line() -> None:
    run = subprocess.run([sys.executable, "-m", "im_demo"], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.strip() == str(im_demo.picture_path())


def test_an_unknown_picture_names_those_there_are() -> None:
    with pytest.raises(FileNotFoundError, match=r"No bundled picture 'cats'\. Known: shapes"):
        im_demo.picture_path("cats")
