"""What models return: arrays in the library of the images, with names and conversions.

Depth maps are plain arrays, one (H, W) float32 per image; text is plain `str`.
"""

from __future__ import annotations

from inference_models.predictions.classification import ClassificationPrediction, ClassScore
from inference_models.predictions.detections import Detections
from inference_models.predictions.instance_detections import InstanceDetections
from inference_models.predictions.key_points import KeyPoints
from inference_models.predictions.multi_label_classification import MultiLabelClassificationPrediction
from inference_models.predictions.rle_masks import InstancesRLEMasks
from inference_models.predictions.semantic_segmentation import SemanticSegmentationResult

__all__ = [
    "ClassScore",
    "ClassificationPrediction",
    "Detections",
    "InstanceDetections",
    "InstancesRLEMasks",
    "KeyPoints",
    "MultiLabelClassificationPrediction",
    "SemanticSegmentationResult",
]
