"""What this plugin brings: RF-DETR over sessions, and on PyTorch. Importing it imports no model."""

from __future__ import annotations

from inference_models.developer_tools import SESSION_BACKENDS, LazyClass, ModelSpec, hookimpl

_ARCHITECTURE = "rfdetr"
# What exporters note about a network. Its files say the same, so nothing depends on it but `num_select`.
_FEATURES = ("resolution", "patch_size", "num_windows", "dec_layers", "num_queries", "num_select")
_ON_TORCH = ("transformers>=5.5",)

_OVER_SESSIONS = (
    ("object-detection", "im_rfdetr.detection:RFDETRDetector"),
    ("instance-segmentation", "im_rfdetr.segmentation:RFDETRInstanceSegmenter"),
    ("keypoint-detection", "im_rfdetr.key_points:RFDETRKeyPointsDetector"),
)

DETECTORS = tuple(f"rfdetr-{size}" for size in ("nano", "small", "base", "medium", "large", "xlarge", "2xlarge"))
SEGMENTERS = tuple(
    f"rfdetr-seg-{size}" for size in ("preview", "nano", "small", "medium", "large", "xlarge", "2xlarge", "xxlarge")
)

_WITH_TORCH = (
    ("object-detection", "im_rfdetr.on_torch:RFDETRTorchDetector", DETECTORS),
    ("instance-segmentation", "im_rfdetr.on_torch:RFDETRTorchInstanceSegmenter", SEGMENTERS),
)


@hookimpl
def im_models() -> list[ModelSpec]:
    """Declare the RF-DETR models."""
    over_sessions = [
        ModelSpec(
            architectures=_ARCHITECTURE,
            task_type=task_type,
            backends=SESSION_BACKENDS,
            target=LazyClass(*target.split(":")),
            supported_model_features=_FEATURES,
        )
        for task_type, target in _OVER_SESSIONS
    ]
    with_torch = [
        ModelSpec(
            architectures=_ARCHITECTURE,
            task_type=task_type,
            backends="torch",
            target=LazyClass(*target.split(":")),
            supported_model_features=_FEATURES,
            requires=_ON_TORCH,
            checkpoint_types=checkpoint_types,
        )
        for task_type, target, checkpoint_types in _WITH_TORCH
    ]
    return over_sessions + with_torch
