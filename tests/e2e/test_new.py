"""What `im new` writes, as somebody else would publish it: a wheel, a fresh environment, its own tests, a model."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from onnx import TensorProto, helper, numpy_helper
from pytest_httpserver import HTTPServer

import release
from fresh_environment import build_wheels, create_environment, run
from inference_models.cli.application import im
from inference_models.download.integrity import Hasher
from wheels import wheel_problems
from workspace import ROOT, Distribution, distributions

pytestmark = pytest.mark.slow

# What is installed beside each, besides what it asks for itself.
BESIDE = {
    "model": {"im-backend-onnx": "[cpu]"},
    "backend": {"im-classification": ""},
    "provider": {"im-backend-onnx": "[cpu]", "im-yolo": ""},
}
SIZE = 16  # of the networks' input, in pixels


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Our wheels that the projects need, by distribution."""
    needed = {"im-core", *(name for names in BESIDE.values() for name in names)}
    directories = [one.directory for one in distributions() if one.name in needed]
    return build_wheels(tmp_path_factory.mktemp("wheels"), directories)


class Published:
    """A project that was written, built and installed into an environment of its own."""

    def __init__(self, kind: str, wheels: dict[str, Path], folder: Path) -> None:
        self.folder = folder
        self.project = folder / f"acme-{kind}"
        written = CliRunner().invoke(im, ["new", kind, f"acme-{kind}", "--directory", str(self.project)])
        assert written.exit_code == 0, written.output
        wheel = release.build(Distribution(self.project), folder)
        assert list(wheel_problems(wheel, Distribution(self.project))) == []
        beside = [f"{wheels[name]}{extra}" for name, extra in BESIDE[kind].items()]
        self.commands = create_environment(folder / "environment", wheels["im-core"], *beside, f"{wheel}[test]")

    def test_itself(self) -> None:
        """Run its tests against what is installed: its sources are out of reach."""
        (self.project / "src").rename(self.folder / "src")
        output = run(self.commands / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=self.project)
        assert re.search(r"^\d\d+ passed", output, flags=re.MULTILINE), output
        assert self.im("plugins", "check", self.project.name)["ok"]

    def im(self, *arguments: str | Path, **variables: str) -> Any:
        home = {"INFERENCE_HOME": str(self.folder / "home")}
        return json.loads(run(self.commands / "im", *arguments, "--json", cwd=self.folder, **home, **variables))


def write_package(directory: Path, architecture: str, task_type: str, backend: str, **more: object) -> Path:
    """Write what every package holds but the network; its classes are red, green and blue."""
    directory.mkdir()
    config = {"model_architecture": architecture, "task_type": task_type, "backend_type": backend}
    network_input = {
        "training_input_size": {"height": SIZE, "width": SIZE},
        "dynamic_spatial_size_supported": False,
        "color_mode": "rgb",
        "resize_mode": "stretch",
        "input_channels": 3,
        "scaling_factor": 255,
    }
    (directory / "model_config.json").write_text(json.dumps(config))
    (directory / "inference_config.json").write_text(json.dumps({"network_input": network_input, **more}))
    (directory / "class_names.txt").write_text("red\ngreen\nblue\n")
    return directory


def whole_picture_detector() -> onnx.ModelProto:
    """Return a network that answers one box, half as large as the picture, in the colour that the picture has."""
    constants = {
        "box": np.array([[[0.5, 0.5, 0.5, 0.5]]], np.float32),
        "weights": np.array(40 * np.eye(3) - 20, np.float32).reshape(3, 3, 1, 1),
        "columns": np.array([0, 1, 3]),
        "zero": np.zeros((1, 1, 1), np.float32),
    }
    nodes = [
        helper.make_node("GlobalAveragePool", ["images"], ["means"]),
        helper.make_node("Conv", ["means", "weights"], ["scores"]),
        helper.make_node("Reshape", ["scores", "columns"], ["logits"]),
        helper.make_node("ReduceMax", ["logits"], ["best"], axes=[2], keepdims=1),
        helper.make_node("Mul", ["best", "zero"], ["nothing"]),
        helper.make_node("Add", ["box", "nothing"], ["boxes"]),
    ]
    graph = helper.make_graph(
        nodes,
        "colour",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, SIZE, SIZE])],
        [
            helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["batch", 1, 4]),
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 1, 3]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """Return the path of a green picture, 60 wide and 40 high."""
    path = tmp_path / "picture.png"
    assert cv2.imwrite(str(path), np.full((40, 60, 3), (0, 255, 0), np.uint8))
    return path


def test_a_model(wheels: dict[str, Path], tmp_path: Path, picture: Path) -> None:
    published = Published("model", wheels, tmp_path)
    published.test_itself()
    package = write_package(tmp_path / "package", "acme", "object-detection", "onnx")
    onnx.save(whole_picture_detector(), package / "weights.onnx")
    (row,) = published.im("predict", package, picture)["predictions"]
    (detection,) = row["prediction"]["detections"]
    assert detection["class_name"] == "green"
    assert detection["xyxy"] == pytest.approx([15, 10, 45, 30])


def test_a_backend(wheels: dict[str, Path], tmp_path: Path, picture: Path) -> None:
    published = Published("backend", wheels, tmp_path)
    published.test_itself()
    post_processing = {"type": "softmax", "fused": False}
    package = write_package(tmp_path / "package", "vit", "classification", "acme", post_processing=post_processing)
    weights = np.repeat(np.eye(3, dtype=np.float32), SIZE * SIZE, axis=0) / (SIZE * SIZE)
    np.savez(package / "network.npz", input_shape=[3, SIZE, SIZE], weights_0=weights, biases_0=np.float32([0, 0, 0]))
    (row,) = published.im("predict", package, picture, "--backend", "acme")["predictions"]
    (image,) = row["prediction"]["images"]
    assert image["class_name"] == "green"
    assert image["confidence"] == pytest.approx(np.e / (np.e + 2), abs=1e-4)
    assert published.im("doctor")["environment"]["backends"]["acme"]["available"]


def test_a_provider(wheels: dict[str, Path], tmp_path: Path, httpserver: HTTPServer) -> None:
    published = Published("provider", wheels, tmp_path)
    published.test_itself()
    demo = ROOT / "plugins/im-demo/src/im_demo"
    token = {"Authorization": "Bearer of-the-test"}
    files = []
    for path in (demo / "packages/shapes/onnx-fp32").iterdir():
        content = path.read_bytes()
        hasher = Hasher()
        hasher.update(content)
        httpserver.expect_request(f"/v1/4/{path.name}", headers=token).respond_with_data(content)
        files.append({"name": path.name, "path": f"4/{path.name}", "sha256": hasher.digests().sha256})
    shapes = {
        "architecture": "yolov8",
        "task_type": "object-detection",
        "packages": [{"id": "onnx-fp32", "backend": "onnx", "quantization": "fp32", "files": files}],
    }
    httpserver.expect_request("/v1/index.json", headers=token).respond_with_json(
        {"models": {"line-7/shapes@4": shapes}}
    )
    picture = shutil.copy(demo / "pictures/shapes.jpg", tmp_path)
    settings = {"ACME_URL": httpserver.url_for("/v1"), "ACME_TOKEN": "of-the-test"}
    (package,) = published.im("explain", "acme://line-7/shapes@4", **settings)["packages"]
    assert "does not mark it as trusted" in package["reason"]
    said = ("acme://line-7/shapes@4", picture, "--allow-untrusted-packages")
    (row,) = published.im("predict", *said, **settings)["predictions"]
    found = {detection["class_name"] for detection in row["prediction"]["detections"]}
    assert {"circle", "star"} <= found
