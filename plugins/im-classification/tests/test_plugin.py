from __future__ import annotations

import subprocess
import sys

from im_classification import plugin

HEAVY = ("torch", "transformers", "numpy", "cv2", "onnxruntime", "safetensors")


def test_every_combination_is_declared_once() -> None:
    rows = [
        (architecture, spec.task_type, backend)
        for spec in plugin.im_models()
        for architecture in spec.architectures
        for backend in spec.backends
    ]
    assert len(rows) == len(set(rows)) == 2 * 2 * 3
    for spec in plugin.im_models():
        assert spec.target.resolve().from_pretrained
        assert spec.requires == (("transformers>=5",) if spec.backends == ("torch",) else ())


def test_the_pipeline_is_declared_with_models_for_each_place() -> None:
    spec = plugin.im_pipelines()
    assert spec.default_models == ("demo://shapes", "demo://digits")
    assert spec.places == ("detector", "classifier")
    assert spec.target.resolve().with_models


def test_declaring_is_cheap() -> None:
    code = (
        "import sys; from im_classification import plugin; plugin.im_models(); plugin.im_pipelines(); "
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.strip() == "[]"
