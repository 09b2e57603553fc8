"""What this plugin brings: a row for each YOLO version, task and set of backends. Importing it imports no model."""

from __future__ import annotations

from inference_models.developer_tools import LazyClass, ModelSpec, hookimpl

# Versions whose networks have the same output share a class, so adding one is adding its name to a row.
_ROWS = (
    (("yolov8",), "object-detection", ("onnx", "torch-script", "trt"), LazyClass("im_yolo.detection", "YOLODetector")),
)


@hookimpl
def im_models() -> list[ModelSpec]:
    """Declare the YOLO models."""
    return [
        ModelSpec(architectures=architectures, task_type=task_type, backends=backends, target=target)
        for architectures, task_type, backends, target in _ROWS
    ]
