"""The first things that users write, over both backends that a provider has packages for.

A class is looked up by its id: `confidence[0]` is an array, which a name cannot index.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from inference_models import AutoModel
from inference_models.developer_tools import ModelMetadata, ModelPackageMetadata, register_model_provider

torch: Any = pytest.importorskip("torch")
pytest.importorskip("transformers")

NAMES = tuple(f"class {number}" for number in range(10))
INITIALIZATION = {"num_classes": len(NAMES), "model_name": "resnet18"}


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory, references: Any) -> dict[str, Path]:
    """Return ResNet-18 with seeded weights in two packages, as a weights provider serves it."""
    network = references.seeded_resnet("resnet18", seed=3, classes=len(NAMES))
    root = tmp_path_factory.mktemp("resnet18")
    directories = {backend: root / backend for backend in ("torch", "onnx")}
    for directory in directories.values():
        directory.mkdir()
        (directory / "class_names.txt").write_text("\n".join(NAMES))
        (directory / "inference_config.json").write_text(json.dumps(_config()))
    torch.save(network.state_dict(), directories["torch"] / "weights.pth")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter that writes one file is deprecated
        torch.onnx.export(
            network,
            (torch.zeros(1, 3, 224, 224),),
            str(directories["onnx"] / "weights.onnx"),
            dynamo=False,
            opset_version=17,
            input_names=["images"],
            output_names=["logits"],
            dynamic_axes={"images": {0: "batch"}, "logits": {0: "batch"}},
        )
    return directories


def _config() -> dict[str, Any]:
    return {
        "network_input": {
            "training_input_size": {"height": 224, "width": 224},
            "dynamic_spatial_size_supported": False,
            "color_mode": "rgb",
            "resize_mode": "stretch",
            "input_channels": 3,
            "scaling_factor": 255,
            "normalization": [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]],
        },
        "post_processing": {"type": "softmax", "fused": False},
        "model_initialization": INITIALIZATION,
    }


@pytest.fixture(scope="module")
def _provider(packages: dict[str, Path]) -> None:
    def get_model(model_id: str, api_key: str | None = None) -> ModelMetadata:
        found = [
            ModelPackageMetadata(backend, backend, directory=directory, trusted_source=True, quantization="fp32")
            for backend, directory in packages.items()
        ]
        return ModelMetadata(model_id, "resnet", found, task_type="classification")

    register_model_provider("classifiers", get_model)


@pytest.fixture(params=["onnx", "torch"])
def model(request: pytest.FixtureRequest, _provider: None, tmp_path: Path, monkeypatch: Any) -> Iterator[Any]:
    monkeypatch.setenv("INFERENCE_HOME", str(tmp_path / "home"))
    with AutoModel.from_pretrained("classifiers://resnet18", backend=request.param, device="cpu") as loaded:
        yield loaded


@pytest.fixture
def photos(tmp_path: Path, workbench: Any) -> list[str]:
    paths = [str(tmp_path / f"image{number}.png") for number in (1, 2)]
    for number, path in enumerate(paths):
        assert cv2.imwrite(path, workbench.picture(300, 400, seed=number))
    return paths


def read_image(path: str) -> Any:
    """Return what torchvision.io.read_image does: (3, H, W) uint8, red-green-blue."""
    return torch.from_numpy(cv2.cvtColor(cv2.imread(path), cv2.COLOR_BGR2RGB)).permute(2, 0, 1)


def expected(references: Any, workbench: Any, path: str) -> Any:
    """Return the probabilities in float64, from a file to a float64 network."""
    network = references.seeded_resnet("resnet18", seed=3, classes=len(NAMES)).double()
    return network(torch.from_numpy(workbench.expected_input(cv2.imread(path), 224))).softmax(dim=1)[0].numpy()


def test_numpy(model: Any, photos: list[str], references: Any, workbench: Any) -> None:
    image = cv2.imread(photos[0])

    prediction = model(image)

    top_class_id = prediction.class_id[0]
    top_class = model.class_names[top_class_id]
    confidence = prediction.confidence[0][top_class_id]
    probabilities = expected(references, workbench, photos[0])
    assert top_class == NAMES[probabilities.argmax()]
    assert float(confidence) == pytest.approx(probabilities.max(), abs=1e-5)
    np.testing.assert_allclose(prediction.confidence[0], probabilities, atol=1e-5)


def test_torch_tensor(model: Any, photos: list[str], references: Any, workbench: Any) -> None:
    image = read_image(photos[0])

    prediction = model(image)

    top_class_id = prediction.class_id[0]
    top_class = model.class_names[top_class_id]
    confidence = prediction.confidence[0][top_class_id]
    assert isinstance(confidence, torch.Tensor)
    probabilities = expected(references, workbench, photos[0])
    assert top_class == NAMES[probabilities.argmax()]
    assert float(confidence) == pytest.approx(probabilities.max(), abs=1e-5)


def test_batched(model: Any, photos: list[str], references: Any, workbench: Any) -> None:
    images = [cv2.imread(photos[0]), cv2.imread(photos[1])]

    prediction = model(images)

    for i in range(len(images)):
        top_class_id = prediction.class_id[i]
        top_class = model.class_names[top_class_id]
        confidence = prediction.confidence[i][top_class_id]
        probabilities = expected(references, workbench, photos[i])
        assert top_class == NAMES[probabilities.argmax()] == prediction.names[i]
        assert float(confidence) == pytest.approx(probabilities.max(), abs=1e-5)
        assert prediction.top_k(1)[i][0].class_name == top_class


def test_a_batch_of_tensors_is_one_tensor(model: Any, photos: list[str]) -> None:
    image = read_image(photos[0])
    prediction = model(torch.stack([image, image]))
    assert prediction.class_id.shape == (2,)
    torch.testing.assert_close(prediction.confidence[1], prediction.confidence[0])


@pytest.mark.usefixtures("_provider")
def test_the_plan_prefers_onnx_and_lacks_nothing() -> None:
    plan = AutoModel.explain("classifiers://resnet18", device="cpu")
    assert [verdict.package.package_id for verdict in plan.candidates] == ["onnx", "torch"]
