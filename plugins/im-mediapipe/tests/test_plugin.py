from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from im_mediapipe.compatibility import check
from im_mediapipe.manifest import parse_manifest
from im_mediapipe.plugin import im_backends, im_models
from inference_models import CorruptedModelPackageError
from inference_models.developer_tools import Environment, Quantization, Request


def test_what_is_declared_and_where_it_lies() -> None:
    backend, models = im_backends(), im_models()
    assert (backend.name, backend.priority, backend.open_session) == ("mediapipe", 200, None)
    assert {(*model.architectures, model.task_type, *model.backends) for model in models} == {
        ("mediapipe-face-detector", "keypoint-detection", "mediapipe"),
        ("mediapipe-object-detector", "object-detection", "mediapipe"),
        ("mediapipe-image-classifier", "classification", "mediapipe"),
        ("mediapipe-image-classifier", "multi-label-classification", "mediapipe"),
    }
    for target in (backend.detect, backend.check, *backend.manifest_parsers.values(), *(m.target for m in models)):
        assert callable(target.resolve())


def test_neither_declaring_nor_detecting_nor_importing_models_imports_a_runtime() -> None:
    source = (
        "import sys; from im_mediapipe import plugin, detection\n"
        "for model in plugin.im_models(): model.target.resolve()\n"
        "try: detection.detect()\n"
        "except Exception as error: print(type(error).__name__)\n"
        "print({'mediapipe', 'cv2', 'matplotlib', 'torch', 'flatbuffers'} & set(sys.modules))"
    )
    lines = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True).stdout.split()
    assert lines[-1] == "set()"


@pytest.mark.parametrize(("stated", "expected"), [(None, Quantization.UNKNOWN), ("int8", Quantization.INT8)])
def test_a_manifest(stated: str | None, expected: Quantization) -> None:
    fields = parse_manifest({"type": "mediapipe-model-package-v1", "backendType": "mediapipe", "quantization": stated})
    assert (fields["backend"], fields["quantization"]) == ("mediapipe", expected)
    assert (fields["dynamic_batch_size_supported"], fields["static_batch_size"]) == (True, None)


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        ({}, "field 'backendType': expected 'mediapipe', got nothing"),
        ({"backendType": "onnx"}, "got 'onnx'"),
        ({"backendType": "mediapipe", "quantization": "fp7"}, "field 'quantization': expected one of fp32"),
    ],
)
def test_a_manifest_that_cannot_be_used(manifest: dict[str, str], expected: str) -> None:
    with pytest.raises(CorruptedModelPackageError) as caught:
        parse_manifest(manifest)
    assert expected in caught.value.message


@pytest.mark.parametrize(
    ("device", "reason"),
    [(None, None), ("cpu", None), ("cuda:0", "device 'cuda:0' was asked for, and this plugin runs MediaPipe on the")],
)
def test_only_the_cpu_will_do(device: str | None, reason: str | None) -> None:
    found = check(None, Environment.from_facts(), Request(device=device))
    assert found is None if reason is None else str(found).startswith(reason)


def test_the_readme_names_what_is_declared() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    for model in im_models():
        assert f"`{model.architectures[0]}`" in readme
        assert model.task_type in readme
