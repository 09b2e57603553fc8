"""The base classes of models, one per task. A model of another kind needs none of them, only `from_pretrained`."""

from __future__ import annotations

from inference_models.models.any_model import AnyModel
from inference_models.models.base import Model, StagedModel, StagedModelWithMetadata
from inference_models.models.classification import ClassificationModel
from inference_models.models.depth_estimation import DepthEstimationModel
from inference_models.models.instance_segmentation import InstanceSegmentationModel
from inference_models.models.key_points_detection import KeyPointsDetectionModel
from inference_models.models.loaded_from import LoadedFrom
from inference_models.models.multi_label_classification import MultiLabelClassificationModel
from inference_models.models.object_detection import ObjectDetectionModel
from inference_models.models.open_vocabulary_object_detection import OpenVocabularyObjectDetectionModel
from inference_models.models.pipeline import ModelPipeline
from inference_models.models.semantic_segmentation import SemanticSegmentationModel
from inference_models.models.structured_ocr import StructuredOCRModel
from inference_models.models.text_image_embedding import TextImageEmbeddingModel
from inference_models.models.text_only_ocr import TextOnlyOCRModel
from inference_models.models.vision_language import NamedTask, VisionLanguageModel

__all__ = [
    "AnyModel",
    "ClassificationModel",
    "DepthEstimationModel",
    "InstanceSegmentationModel",
    "KeyPointsDetectionModel",
    "LoadedFrom",
    "Model",
    "ModelPipeline",
    "MultiLabelClassificationModel",
    "NamedTask",
    "ObjectDetectionModel",
    "OpenVocabularyObjectDetectionModel",
    "SemanticSegmentationModel",
    "StagedModel",
    "StagedModelWithMetadata",
    "StructuredOCRModel",
    "TextImageEmbeddingModel",
    "TextOnlyOCRModel",
    "VisionLanguageModel",
]
