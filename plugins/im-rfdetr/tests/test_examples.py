"""The first things that users write, by id, over both backends that a provider has packages for."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from inference_models import AutoModel
from inference_models.developer_tools import ModelMetadata, ModelPackageMetadata, register_model_provider

pytest.importorskip("onnxscript")
sv: Any = pytest.importorskip("supervision")

BACKENDS = ("onnx", "torch")


@pytest.fixture
def network(bench: Any, torch_bench: Any, tmp_path: Path) -> Any:
    """Provide a small network as `rfdetr-base`, in a package for each backend, and return it."""
    made = torch_bench.network()
    directories = {}
    for backend in BACKENDS:
        files = {"model_type.json": {"model_type": "rfdetr-nano"}} if backend == "torch" else {}
        directories[backend] = Path(shutil.copytree(bench.package(backend=backend, files=files), tmp_path / backend))
    torch_bench.torch.save({"model": torch_bench.old_weights(made)}, directories["torch"] / "weights.pth")
    torch_bench.export(made, bench.TINY.resolution, ["dets", "labels"], directories["onnx"] / "weights.onnx")

    def get_model(model_id: str, api_key: str | None = None) -> ModelMetadata:
        packages = [
            ModelPackageMetadata(backend, backend, directory=directory, trusted_source=True, quantization="fp32")
            for backend, directory in directories.items()
        ]
        return ModelMetadata(model_id, "rfdetr", packages, task_type="object-detection")

    register_model_provider("detectors", get_model)
    return made


def read_image(torch: Any, path: str) -> Any:
    """Return what torchvision.io.read_image does: (3, H, W) uint8, red-green-blue."""
    return torch.from_numpy(cv2.cvtColor(cv2.imread(path), cv2.COLOR_BGR2RGB)).permute(2, 0, 1)


@pytest.mark.usefixtures("tiny_sizes")
@pytest.mark.filterwarnings("ignore")
def test_numpy_tensor_and_batch(
    bench: Any, torch_bench: Any, network: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFERENCE_HOME", str(tmp_path / "home"))
    paths = [str(tmp_path / f"image{number}.png") for number in (1, 2)]
    for number, path in enumerate(paths):
        assert cv2.imwrite(path, bench.picture(120, 160 + 40 * number, seed=number))
    seen = {}
    for backend in BACKENDS:
        model = AutoModel.from_pretrained("rfdetr-base", weights_provider="detectors", backend=backend, device="cpu")
        image = cv2.imread(paths[0])
        predictions = model(image, confidence=0.3)
        annotated = sv.BoxAnnotator().annotate(image.copy(), predictions[0].to_supervision())
        assert len(predictions[0]) > 2
        assert not np.array_equal(annotated, image)

        of_tensor = model(read_image(torch_bench.torch, paths[0]), confidence=0.3)
        assert of_tensor[0].array_kind == "torch"
        np.testing.assert_array_equal(of_tensor[0].xyxy.numpy(), predictions[0].xyxy)

        images = [cv2.imread(path) for path in paths]
        batch = model(images, confidence=0.3)
        assert len(batch) == 2
        np.testing.assert_allclose(batch[0].xyxy, predictions[0].xyxy, atol=1e-3)
        seen[backend] = batch
    for by_onnx, by_torch in zip(seen["onnx"], seen["torch"], strict=True):
        np.testing.assert_array_equal(by_onnx.class_id, by_torch.class_id)
        np.testing.assert_allclose(by_onnx.confidence, by_torch.confidence, atol=1e-4)
        np.testing.assert_allclose(by_onnx.xyxy, by_torch.xyxy, atol=1e-2)
