"""From ONNX packages to OpenVINO's: numbers, sizes, files, and what cannot be done."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest

from custom_backend.opening import open_session
from inference_models import CorruptedModelPackageError, DeviceUnavailableError, ModelCompilationError
from inference_models.developer_tools import Quantization, installed_version

SIZE, WIDTHS, CLASSES = 64, (8, 16, 24, 32, 40), 5


@pytest.fixture(scope="module")
def small(networks, tmp_path_factory):
    """A detector of YOLOv8's layout with few weights."""
    network = networks.detector(SIZE, WIDTHS, CLASSES)
    directory = tmp_path_factory.mktemp("small") / "onnx"
    return networks.write_detector_package(directory, network, size=SIZE, classes=CLASSES)


def answers(package, *, batch: int, seed: int = 0):
    images = np.random.default_rng(seed).random((batch, 3, SIZE, SIZE), np.float32)
    reference = onnxruntime.InferenceSession(package / "weights.onnx", providers=["CPUExecutionProvider"])
    return images, reference.run(None, {"images": images})[0]


@pytest.mark.parametrize("batch", [1, 3])
def test_it_says_what_onnx_runtime_says(small, compiled, tmp_path, batch: int) -> None:
    directory, _ = compiled(small, tmp_path / "ir")
    images, expected = answers(small, batch=batch)
    found = open_session(directory).run({"images": images})["output0"]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)


def test_the_manifest_and_the_files(small, compiled, tmp_path) -> None:
    directory, manifest = compiled(small, tmp_path / "ir")
    assert manifest == {
        "type": "openvino-ir-package-v1",
        "backendType": "openvino",
        "openvinoVersion": installed_version("openvino"),
        "quantization": "fp32",
        "minBatchSize": None,
        "maxBatchSize": None,
    }
    names = ["class_names.txt", "inference_config.json", "weights.bin", "weights.xml"]
    assert sorted(file.name for file in directory.iterdir()) == names


def test_half_precision_halves_the_weights(small, compiled, tmp_path) -> None:
    full, _ = compiled(small, tmp_path / "full")
    half, manifest = compiled(small, tmp_path / "half", quantization=Quantization.FP16)
    assert manifest["quantization"] == "fp16"
    assert (half / "weights.bin").stat().st_size < 0.55 * (full / "weights.bin").stat().st_size
    session = open_session(half)
    assert session.inputs[0].dtype == "float32", "only weights are kept in half precision"
    images, expected = answers(small, batch=1)
    np.testing.assert_allclose(session.run({"images": images})["output0"], expected, rtol=0.05, atol=1.0)


def test_batch_sizes(small, compiled, tmp_path) -> None:
    for number, (batch, expected) in enumerate({(1, 2, 4): (1, 4), (3, 3, 3): (3, 3)}.items()):
        directory, manifest = compiled(small, tmp_path / str(number), batch_size=batch)
        assert (manifest["minBatchSize"], manifest["maxBatchSize"]) == expected
        images, answer = answers(small, batch=expected[1])
        np.testing.assert_allclose(
            open_session(directory).run({"images": images})["output0"], answer, rtol=1e-4, atol=1e-3
        )


def test_a_fixed_batch_stays_unless_another_is_asked_for(networks, compiled, tmp_path) -> None:
    package = networks.write_onnx_package(tmp_path / "onnx", networks.linear(batch=2))
    _, manifest = compiled(package, tmp_path / "same")
    assert (manifest["minBatchSize"], manifest["maxBatchSize"]) == (2, 2)
    _, manifest = compiled(package, tmp_path / "other", batch_size=(5, 5, 5))
    assert (manifest["minBatchSize"], manifest["maxBatchSize"]) == (5, 5)


def test_weights_beside_the_network_are_taken_in(networks, compiled, tmp_path) -> None:
    package = networks.write_onnx_package(tmp_path / "onnx", networks.linear())
    onnx.save(
        networks.linear(), package / "weights.onnx", save_as_external_data=True, location="more", size_threshold=0
    )
    assert (package / "more").is_file()
    directory, _ = compiled(package, tmp_path / "ir")
    assert not (directory / "more").exists()
    np.testing.assert_allclose(
        open_session(directory).run({"x": np.zeros((1, 3), np.float32)})["y"], [networks.BIAS], rtol=1e-6
    )


@pytest.mark.parametrize("where", ["../secret", "absolute", "link"])
def test_weights_outside_of_the_package_are_refused(networks, compiled, tmp_path, where: str) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(networks.WEIGHTS.tobytes())
    network = networks.move_weights_to(networks.linear(), str(secret) if where == "absolute" else where)
    package = networks.write_onnx_package(tmp_path / "onnx", network)
    if where == "link":
        (package / "link").symlink_to(secret)
    with pytest.raises(ModelCompilationError, match="outside the base directory"):
        compiled(package, tmp_path / "ir")


def test_what_cannot_be_done(small, networks, compiled, tmp_path) -> None:
    with pytest.raises(ModelCompilationError, match="cannot be made one in int8, only in fp16"):
        compiled(small, tmp_path / "int8", quantization=Quantization.INT8)
    with pytest.raises(DeviceUnavailableError, match="cuda"):
        compiled(small, tmp_path / "cuda", device="cuda")
    unknown = networks.make([onnx.helper.make_node("Mystery", ["x"], ["y"])], {"x": [1]}, {"y": [1]}, {})
    with pytest.raises(ModelCompilationError, match=r"cannot use weights\.onnx: .*Mystery"):
        compiled(networks.write_onnx_package(tmp_path / "mystery", unknown), tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorruptedModelPackageError, match=r"neither weights\.onnx nor model\.onnx"):
        compiled(tmp_path / "empty", tmp_path / "out2")
