"""The code that reads each layout of boxes."""

from __future__ import annotations

from im_yolo.families import Layout
from im_yolo.fused import CountedHead, FlatHead
from im_yolo.heads import AnchorFreeHead, DetectionHead, EndToEndHead, ObjectnessHead, SplitHead

HEADS: dict[Layout, DetectionHead] = {
    Layout.ANCHOR_FREE: AnchorFreeHead(),
    Layout.OBJECTNESS: ObjectnessHead(),
    Layout.END_TO_END: EndToEndHead(),
    Layout.SPLIT: SplitHead(),
    Layout.FLAT_CLASS_FIRST: FlatHead(class_first=True),
    Layout.FLAT_SCORE_FIRST: FlatHead(class_first=False),
    Layout.COUNTED: CountedHead(),
}
