from __future__ import annotations

import subprocess
import sys

from im_yolo import plugin


def test_yolov8_detection_is_declared_for_every_backend_with_sessions() -> None:
    (spec,) = plugin.im_models()
    assert spec.architectures == ("yolov8",)
    assert spec.task_type == "object-detection"
    assert spec.backends == ("onnx", "torch-script", "trt")


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
