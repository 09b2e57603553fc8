"""What this plugin brings: a row for each YOLO version and task, on any backend with sessions. Imports no model."""

from __future__ import annotations

from inference_models.developer_tools import SESSION_BACKENDS, LazyClass, ModelSpec, hookimpl

_BOXES = ("nms_fused",)

# Versions whose networks have the same output share a class, so adding one is adding its name to a row:
# architectures, task, package features that the class copes with, class.
_ROWS = (
    (("yolov8", "yolov9", "yolov11", "yolov12"), "object-detection", _BOXES, "im_yolo.detection:YOLODetector"),
    (("yolov5", "yolov7"), "object-detection", _BOXES, "im_yolo.detection:YOLOv5Detector"),
    (("yolov10",), "object-detection", _BOXES, "im_yolo.detection:YOLOv10Detector"),
    (("yolo26",), "object-detection", _BOXES, "im_yolo.detection:YOLO26Detector"),
    (("yolonas",), "object-detection", _BOXES, "im_yolo.detection:YOLONASDetector"),
    (("yolov8", "yolov11"), "instance-segmentation", _BOXES, "im_yolo.segmentation:YOLOInstanceSegmenter"),
    (("yolov5", "yolov7"), "instance-segmentation", _BOXES, "im_yolo.segmentation:YOLOv5InstanceSegmenter"),
    (("yolo26",), "instance-segmentation", _BOXES, "im_yolo.segmentation:YOLO26InstanceSegmenter"),
    (("yolov8", "yolov11"), "keypoint-detection", _BOXES, "im_yolo.key_points:YOLOKeyPointsDetector"),
    (("yolo26",), "keypoint-detection", _BOXES, "im_yolo.key_points:YOLO26KeyPointsDetector"),
    (("yolo26",), "semantic-segmentation", (), "im_yolo.maps:YOLOSemanticSegmenter"),
    (("yolo26",), "depth-estimation", (), "im_yolo.maps:YOLODepthEstimator"),
    (("yolov8", "yolov11"), "classification", (), "im_yolo.classification:YOLOClassifier"),
    (("yolov8", "yolov11"), "multi-label-classification", (), "im_yolo.classification:YOLOMultiLabelClassifier"),
)


@hookimpl
def im_models() -> list[ModelSpec]:
    """Declare the YOLO models."""
    return [
        ModelSpec(
            architectures=architectures,
            task_type=task_type,
            backends=SESSION_BACKENDS,
            target=LazyClass(*target.split(":")),
            supported_model_features=features,
        )
        for architectures, task_type, features, target in _ROWS
    ]
