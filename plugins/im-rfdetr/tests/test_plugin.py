"""What the plugin declares, and what it costs to ask."""

from __future__ import annotations

import subprocess
import sys

import pytest

from im_rfdetr.plugin import im_models
from inference_models.developer_tools import current_catalog

TASKS = ("object-detection", "instance-segmentation", "keypoint-detection")


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("backend", ["onnx", "trt", "torch-script"])
def test_every_task_has_a_class_over_sessions(task: str, backend: str) -> None:
    row = current_catalog().model("rfdetr", task, backend)
    assert row is not None
    assert row.plugin.distribution == "im-rfdetr"
    assert row.spec.requires == ()
    assert callable(row.spec.target.resolve().from_pretrained)


@pytest.mark.parametrize("task", TASKS[:2])
def test_two_tasks_have_one_on_torch(task: str) -> None:
    row = current_catalog().model("rfdetr", task, "torch")
    assert row is not None
    assert row.spec.requires == ("transformers>=5.5",)
    assert callable(row.spec.target.resolve().from_pretrained)


def test_what_sessions_need_imports_neither_torch_nor_transformers() -> None:
    modules = [spec.target.module_name for spec in im_models() if "torch" not in spec.backends]
    code = f"import {', '.join(modules)}, sys; print([m for m in ('torch', 'transformers') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
