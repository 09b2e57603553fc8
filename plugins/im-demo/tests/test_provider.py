"""The models in the wheel: complete, within their size, found by id, and right on the bundled pictures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import im_demo
from im_demo.provider import get_model, list_models
from inference_models import AutoModel, AutoModelPipeline, ModelNotFoundError, load_image
from inference_models.developer_tools import get_model_package_contents

# What is drawn on the bundled picture, counted by eye.
DRAWN = {"circle": 2, "square": 3, "triangle": 1, "star": 3, "hexagon": 2, "cross": 1}
SIGNS = [("circle", "5"), ("circle", "7"), ("circle", "9"), ("hexagon", "2"), ("hexagon", "5"), ("hexagon", "7")]


def test_models_are_listed_and_described() -> None:
    assert list_models() == ["digits", "shapes"]
    metadata = get_model("shapes")
    assert (metadata.model_architecture, metadata.task_type) == ("yolov8", "object-detection")
    assert [(package.package_id, package.backend) for package in metadata.model_packages] == [
        ("onnx-fp32", "onnx"),
        ("torchscript-fp32", "torch-script"),
    ]
    metadata = get_model("digits")
    assert (metadata.model_architecture, metadata.task_type) == ("resnet", "classification")
    assert [(package.package_id, package.backend) for package in metadata.model_packages] == [
        ("onnx-fp32", "onnx"),
        ("torch-fp32", "torch"),
    ]


@pytest.mark.parametrize("model_id", ["shape", "", "../shapes", "shapes/onnx-fp32", "SHAPES"])
def test_an_unknown_id_is_not_found(model_id: str) -> None:
    with pytest.raises(ModelNotFoundError, match="has no model"):
        get_model(model_id)


def test_the_loader_names_near_ids() -> None:
    with pytest.raises(ModelNotFoundError, match="Did you mean 'shapes'"):
        AutoModel.from_pretrained("demo://shape")


WEIGHTS = {"onnx": "weights.onnx", "torch-script": "weights.torchscript", "torch": "weights.safetensors"}


@pytest.mark.parametrize(("model_id", "most"), [("shapes", 8_000_000), ("digits", 1_000_000)])
def test_packages_are_complete_and_small(model_id: str, most: int) -> None:
    sizes = []
    for package in get_model(model_id).model_packages:
        wanted = [WEIGHTS[package.backend], "class_names.txt", "inference_config.json", "model_config.json"]
        contents = get_model_package_contents(package.directory, elements=wanted)
        sizes += [Path(path).stat().st_size for path in contents.values()]
    assert sum(sizes) < most


@pytest.mark.parametrize("model_id", ["shapes", "digits"])
def test_no_path_of_the_machine_that_trained_them_is_in_the_weights(model_id: str) -> None:
    for package in get_model(model_id).model_packages:
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


@pytest.mark.parametrize("backend", ["onnx", "torch"])
def test_the_digit_is_read(backend: str) -> None:
    if backend == "torch":
        pytest.importorskip("transformers")
    with AutoModel.from_pretrained("demo://digits", backend=backend, device="cpu") as model:
        found = model(load_image(im_demo.picture_path("digit")))
    assert found.names == ["2"]
    assert found.confidence.max() > 0.9


def test_both_packages_of_the_digits_say_the_same() -> None:
    pytest.importorskip("transformers")
    signs = load_image(im_demo.picture_path("signs"))
    crops = [signs[top : top + 160, left : left + 160] for top in (90, 400) for left in (100, 400, 740)]
    said = [AutoModel.from_pretrained("demo://digits", backend=one, device="cpu")(crops) for one in ("onnx", "torch")]
    assert abs(said[0].confidence - said[1].confidence).max() < 1e-5


def test_every_sign_is_found_and_its_digit_read() -> None:
    with AutoModelPipeline.from_pretrained("detect-and-classify", device="cpu") as pipeline:
        (found,) = pipeline(load_image(im_demo.picture_path("signs")))
    shapes = [row["detector_class_name"] for row in found.bboxes_metadata or ()]
    assert sorted(zip(shapes, found.names, strict=True)) == SIGNS


def test_the_picture_is_named_on_the_command_line() -> None:
    run = subprocess.run([sys.executable, "-m", "im_demo"], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.strip() == str(im_demo.picture_path())
    run = subprocess.run(
        [sys.executable, "-m", "im_demo", "digit"], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout.strip() == str(im_demo.picture_path("digit"))


def test_an_unknown_picture_names_those_there_are() -> None:
    with pytest.raises(FileNotFoundError, match=r"No bundled picture 'cats'\. Known: digit, shapes, signs"):
        im_demo.picture_path("cats")
