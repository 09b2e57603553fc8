"""Importing the library, and finding out what is installed, loads nothing heavy. Times are in benchmarks/."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from workspace import distributions, examples

HEAVY = [
    "cv2",
    "mediapipe",
    "numpy",
    "onnxruntime",
    "PIL",
    "pynvml",
    "requests",
    "rich",
    "supervision",
    "tensorrt",
    "torch",
    "transformers",
    "urllib3",
]

PROBE = """
import json, os, sys, threading
before = dict(os.environ)
{statement}
print(json.dumps({{
    "loaded": sorted(set({heavy}) & set(sys.modules)),
    "environment changed": dict(os.environ) != before,
    "threads": threading.active_count(),
}}))
"""

PLUGIN_MODULES = [
    module for distribution in [*distributions(), *examples()] for module in distribution.plugin_modules.values()
]


@pytest.mark.parametrize(
    "statement",
    [
        "import inference_models",
        "from inference_models import AutoModel",
        "from inference_models import AutoModel, AutoModelPipeline, BackendType, Quantization, errors",
        "import inference_models; dir(inference_models)",
        "import inference_models.developer_tools; dir(inference_models.developer_tools)",
        "from inference_models.developer_tools import LazyClass, ModelSpec, BackendSpec, hookimpl",
        "from inference_models.catalog import current_catalog; current_catalog()",
        *(f"import {module}" for module in PLUGIN_MODULES),
    ],
)
def test_nothing_heavy_is_loaded(statement: str) -> None:
    probe = PROBE.format(statement=statement, heavy=HEAVY)
    result = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == {"loaded": [], "environment changed": False, "threads": 1}
