"""Which layout each YOLO version's network has for each task, and its default thresholds. One table, no code.

Importing this is cheap, and heads are named, not imported.
"""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen


class Layout(StrEnum):
    """How a network lays out boxes; `layouts.HEADS` holds the code that reads each."""

    ANCHOR_FREE = "anchor-free"
    OBJECTNESS = "objectness"
    END_TO_END = "end-to-end"
    SPLIT = "split"
    FLAT_CLASS_FIRST = "flat, class first"
    FLAT_SCORE_FIRST = "flat, score first"
    COUNTED = "counted"


@frozen(kw_only=True)
class BoxFamily:
    """YOLO versions whose networks find boxes in the same way.

    Attributes:
        layouts: what a plain export may have; where there are several, the shapes of the network's outputs and the
            number of class names decide.
        fused_layouts: likewise of an export with fused NMS.
        confidence: used where neither the caller nor the package's nms_parameters say otherwise, as the following.
        iou_threshold: of two boxes that overlap more, the lower score is dropped.
        max_detections: per image.
        class_agnostic: whether boxes of different classes drop each other too.
        key_points_threshold: key points with a lower confidence are not shown.
    """

    layouts: tuple[Layout, ...]
    fused_layouts: tuple[Layout, ...] = (Layout.END_TO_END,)
    confidence: float = 0.4
    iou_threshold: float = 0.3
    max_detections: int = 300
    class_agnostic: bool = False
    key_points_threshold: float = 0.0


# What exporters write for ONNX Runtime and for TensorRT when they add NMS to a network.
_FUSED = (Layout.END_TO_END, Layout.FLAT_CLASS_FIRST, Layout.COUNTED)

# YOLOv8, v9, v11, v12.
ANCHOR_FREE = BoxFamily(layouts=(Layout.ANCHOR_FREE,), fused_layouts=_FUSED)
# YOLOv5 and v7. The "u" exports of YOLOv5 have no objectness.
OBJECTNESS = BoxFamily(layouts=(Layout.OBJECTNESS, Layout.ANCHOR_FREE), fused_layouts=_FUSED)
YOLOV10 = BoxFamily(layouts=(Layout.END_TO_END,))
YOLO26 = BoxFamily(layouts=(Layout.END_TO_END,), confidence=0.25, key_points_threshold=0.3)
YOLONAS = BoxFamily(layouts=(Layout.SPLIT,), fused_layouts=(Layout.END_TO_END, Layout.FLAT_SCORE_FIRST, Layout.COUNTED))
