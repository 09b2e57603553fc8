"""Model families that have never heard of this backend run on it, and find what they find on ONNX Runtime."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest

from custom_backend.opening import open_session
from inference_models import AutoModel, DeviceUnavailableError, NoModelPackagesAvailableError
from inference_models.developer_tools import current_catalog

IM = Path(sys.executable).with_name("im")


def run(*command: object) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def picture():
    """The bundled picture of the demo models, (640, 960, 3)."""
    return cv2.imread(run(sys.executable, "-m", "im_demo").strip())


@pytest.fixture(scope="module")
def shapes(tmp_path_factory) -> Path:
    """The demo detector, compiled from the command line."""
    directory = tmp_path_factory.mktemp("shapes") / "openvino"
    run(IM, "compile", "demo://shapes", "--backend", "openvino", "--output", directory)
    return directory


def same_detections(found, expected, *, pixels: float = 0.05) -> None:
    assert len(found) == len(expected) > 0
    np.testing.assert_array_equal(found.class_id, expected.class_id)
    np.testing.assert_allclose(found.confidence, expected.confidence, atol=1e-3)
    np.testing.assert_allclose(found.xyxy, expected.xyxy, atol=pixels)


def test_every_family_over_sessions_has_a_row_for_it() -> None:
    for name, task in (("yolov8", "object-detection"), ("yolo26", "depth-estimation"), ("yolov5", "object-detection")):
        row = current_catalog().model(name, task, "openvino")
        assert row is not None
        assert row.plugin.distribution == "im-yolo"


def test_a_trained_detector_finds_the_same(shapes: Path, picture) -> None:
    with (
        AutoModel.from_pretrained(shapes) as found,
        AutoModel.from_pretrained("demo://shapes", backend="onnx") as expected,
    ):
        pictures = [picture, picture[100:500, 200:900], picture[:, ::-1].copy()]
        for ours, theirs in zip(found(pictures), expected(pictures), strict=True):
            same_detections(ours, theirs)
        [whole] = found(picture)
        assert len(whole) == 12
        assert found.class_names == expected.class_names


def test_weights_in_half_precision_find_the_same_things(tmp_path: Path, picture) -> None:
    run(IM, "compile", "demo://shapes", "--backend", "openvino", "--fp16", "--output", tmp_path / "half")
    with AutoModel.from_pretrained(tmp_path / "half") as half, AutoModel.from_pretrained("demo://shapes") as expected:
        found, wanted = half(picture)[0], expected(picture)[0]
        assert sorted(found.names) == sorted(wanted.names)
        assert found.confidence == pytest.approx(wanted.confidence, abs=0.02)


def test_what_was_compiled_into_the_cache_is_preferred(home: Path, picture) -> None:
    run(IM, "compile", "demo://shapes", "--backend", "openvino")
    plan = json.loads(run(IM, "explain", "demo://shapes", "--json"))
    best = next(package for package in plan["packages"] if package["package_id"] == plan["chosen"])
    assert (best["backend"], best["rank"]) == ("openvino", 1)
    assert best["implementation"].startswith("im-yolo")
    with AutoModel.from_pretrained("demo://shapes") as model:
        assert len(model(picture)[0]) == 12
    assert "weights.bin" in {path.name for path in home.rglob("*")}


@pytest.mark.parametrize(
    ("device", "error", "reason"),
    [
        ("npu", DeviceUnavailableError, "OpenVINO cannot use device 'npu'"),
        ("cuda", NoModelPackagesAvailableError, "device 'cuda' was asked for and OpenVINO runs on"),
    ],
)
def test_another_device_is_never_replaced(shapes: Path, device: str, error: type[Exception], reason: str) -> None:
    if device == "npu" and Path("/dev/accel/accel0").exists():
        pytest.skip("this machine has an NPU")
    with pytest.raises(error, match=reason):
        AutoModel.from_pretrained(shapes, device=device)


def test_threads_share_a_model(shapes: Path, picture) -> None:
    with AutoModel.from_pretrained(shapes, openvino_threads=1) as model:
        views = [picture, picture[:400], picture[:, 300:], cv2.flip(picture, 0)]
        expected = [model(view)[0] for view in views]
        wrong: list[object] = []

        def work(number: int) -> None:
            for turn in range(5):
                which = (number + turn) % len(views)
                try:
                    same_detections(model(views[which])[0], expected[which], pixels=1e-3)
                except Exception as error:
                    wrong.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []


def test_a_network_as_large_as_yolov8n(networks, compiled, tmp_path: Path) -> None:
    network = networks.detector()
    weights = sum(int(np.prod(one.dims)) for one in network.graph.initializer)
    assert 2_500_000 < weights < 4_000_000
    package = networks.write_detector_package(tmp_path / "onnx", network, size=640, classes=80)
    directory, manifest = compiled(package, tmp_path / "openvino")
    config = {"model_architecture": "yolov8", "task_type": "object-detection", "backend_type": "openvino"}
    (directory / "model_config.json").write_text(json.dumps({**config, "manifest": manifest}))
    image = cv2.resize(np.random.default_rng(1).integers(0, 256, (9, 12, 3), np.uint8), (800, 600))
    with AutoModel.from_pretrained(directory) as found, AutoModel.from_pretrained(package) as expected:
        images = found.pre_process(image)[0]
        reference = onnxruntime.InferenceSession(package / "weights.onnx", providers=["CPUExecutionProvider"])
        ours = open_session(directory).run({"images": images})["output0"]
        np.testing.assert_allclose(ours, reference.run(None, {"images": images})[0], rtol=1e-3, atol=0.02)
        same_detections(found(image)[0], expected(image)[0])
