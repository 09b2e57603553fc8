"""The union of all base classes."""

from __future__ import annotations

from typing import TypeAlias

from inference_models.models.classification import ClassificationModel
from inference_models.models.depth_estimation import DepthEstimationModel
from inference_models.models.instance_segmentation import InstanceSegmentationModel
from inference_models.models.key_points_detection import KeyPointsDetectionModel
from inference_models.models.multi_label_classification import MultiLabelClassificationModel
from inference_models.models.object_detection import ObjectDetectionModel
from inference_models.models.open_vocabulary_object_detection import OpenVocabularyObjectDetectionModel
from inference_models.models.semantic_segmentation import SemanticSegmentationModel
from inference_models.models.structured_ocr import StructuredOCRModel
from inference_models.models.text_image_embedding import TextImageEmbeddingModel
from inference_models.models.text_only_ocr import TextOnlyOCRModel
from inference_models.models.vision_language import VisionLanguageModel

# Without type arguments, so that isinstance(model, AnyModel) works.
AnyModel: TypeAlias = (
    ClassificationModel  # type: ignore[type-arg]
    | DepthEstimationModel  # type: ignore[type-arg]
    | InstanceSegmentationModel  # type: ignore[type-arg]
    | KeyPointsDetectionModel  # type: ignore[type-arg]
    | MultiLabelClassificationModel  # type: ignore[type-arg]
    | ObjectDetectionModel  # type: ignore[type-arg]
    | OpenVocabularyObjectDetectionModel  # type: ignore[type-arg]
    | SemanticSegmentationModel  # type: ignore[type-arg]
    | StructuredOCRModel  # type: ignore[type-arg]
    | TextImageEmbeddingModel
    | TextOnlyOCRModel  # type: ignore[type-arg]
    | VisionLanguageModel
)
"""Any model of a known task. Models of other tasks need not derive from any of these."""
