"""The public names: complete, lazy, visible to `dir()`, and the same for type checkers and at run time."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import inference_models
from inference_models import developer_tools, errors

PACKAGE = Path(inference_models.__file__).parent
STUBS = {inference_models: PACKAGE / "__init__.pyi", developer_tools: PACKAGE / "developer_tools.pyi"}

PROMISED = [
    "AutoModel",
    "AutoModelPipeline",
    "BackendType",
    "Quantization",
    "ColorFormat",
    "Confidence",
    "PreProcessingOverrides",
    "InstanceSegmentationMaskFormat",
    "AnyModel",
    "ObjectDetectionModel",
    "OpenVocabularyObjectDetectionModel",
    "InstanceSegmentationModel",
    "KeyPointsDetectionModel",
    "ClassificationModel",
    "MultiLabelClassificationModel",
    "SemanticSegmentationModel",
    "DepthEstimationModel",
    "StructuredOCRModel",
    "TextOnlyOCRModel",
    "TextImageEmbeddingModel",
    "VisionLanguageModel",
    "Detections",
    "InstanceDetections",
    "InstancesRLEMasks",
    "KeyPoints",
    "ClassificationPrediction",
    "MultiLabelClassificationPrediction",
    "SemanticSegmentationResult",
    "__version__",
]

PROMISED_TO_DEVELOPERS = [
    "get_model_package_contents",
    "register_model_provider",
    "get_model_from_provider",
    "read_package_directory",
    "ModelMetadata",
    "ModelPackageMetadata",
    "ModelDependency",
    "FileDownloadSpecs",
    "ONNXPackageDetails",
    "Quantization",
    "LazyClass",
    "RegistryEntry",
    "x_ray_runtime_environment",
    "hookimpl",
    "WeightsProviderSpec",
    "BackendSpec",
    "ModelSpec",
    "PipelineSpec",
    "Session",
    "TensorInfo",
    "run_batched",
]


@pytest.mark.parametrize("module", STUBS, ids=lambda module: module.__name__)
def test_every_name_of_the_stub_exists_and_is_visible(module) -> None:
    for node in ast.parse(STUBS[module].read_text("utf-8")).body:
        assert isinstance(node, ast.ImportFrom)
        assert node.level == 1
        for alias in node.names:
            assert alias.asname == alias.name, "the loader does not rename"
            source = importlib.import_module(f"inference_models.{node.module}")
            assert getattr(module, alias.name) is getattr(source, alias.name)
            assert alias.name in dir(module)
            assert alias.name in module.__all__


@pytest.mark.parametrize("name", PROMISED)
def test_what_users_were_promised_is_there(name: str) -> None:
    assert getattr(inference_models, name) is not None


@pytest.mark.parametrize("name", PROMISED_TO_DEVELOPERS)
def test_what_developers_were_promised_is_there(name: str) -> None:
    assert getattr(developer_tools, name) is not None


def test_every_error_is_public() -> None:
    kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}
    assert kinds <= set(vars(inference_models)["__all__"])


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="NoSuchName"):
        getattr(inference_models, "NoSuchName")  # noqa: B009 (the stub does not know it)


def test_a_plugin_module_imports_little() -> None:
    code = (
        "import sys\n"
        "from inference_models.developer_tools import LazyClass, ModelSpec, hookimpl\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    heavy = {"numpy", "torch", "cv2", "onnxruntime", "requests", "supervision", "rich", "transformers", "cattrs"}
    assert not heavy & set(run.stdout.split())
