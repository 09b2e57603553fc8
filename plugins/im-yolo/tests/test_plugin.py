from __future__ import annotations

import subprocess
import sys

from im_yolo import plugin
from inference_models.developer_tools import SESSION_BACKENDS

DETECTORS = {"yolov5", "yolov7", "yolov8", "yolov9", "yolov10", "yolov11", "yolov12", "yolo26", "yolonas"}


def test_every_version_detects_on_every_backend_with_sessions_and_with_fused_nms() -> None:
    specs = [spec for spec in plugin.im_models() if spec.task_type == "object-detection"]
    names = [name for spec in specs for name in spec.architectures]
    assert sorted(names) == sorted(DETECTORS)
    for spec in specs:
        assert spec.backends == (SESSION_BACKENDS,)
        assert spec.supported_model_features == {"nms_fused"}


def test_what_is_declared_can_be_imported() -> None:
    for spec in plugin.im_models():
        assert spec.target.resolve().from_pretrained  # type: ignore[union-attr]


def test_importing_the_plugin_is_light() -> None:
    program = (
        "import sys, im_yolo.plugin; im_yolo.plugin.im_models()\n"
        "print(sorted({'numpy', 'cv2', 'cattrs', 'torch', 'onnxruntime', 'im_yolo.detection'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
