"""Image pre- and post-processing, driven by a package's `inference_config.json`.

On the host, with numpy and OpenCV; for tensors, and where a device is asked for, there (`on_device`).

Importing this is cheap: OpenCV and cattrs (the `im-core[vision]` extra) are imported when first needed.
"""

from __future__ import annotations

from inference_models.vision.activations import sigmoid, softmax
from inference_models.vision.arrays import (
    as_float32,
    as_kind,
    as_like,
    as_numpy,
    best_first,
    in_kind,
    indices_where,
    library_of,
    processing_device,
)
from inference_models.vision.batch_sizes import BatchSizes, choose_batch_sizes
from inference_models.vision.boxes import cxcywh_to_xyxy, pairwise_iou
from inference_models.vision.candidates import Candidates, select_candidates
from inference_models.vision.class_mapping import ClassMapping, map_classes
from inference_models.vision.class_names import parse_class_names
from inference_models.vision.classification import predict_class, predict_labels
from inference_models.vision.config_parsing import parse_inference_config
from inference_models.vision.encoded import load_image
from inference_models.vision.geometry import ImageDimensions, PreProcessingMetadata, StaticCropOffset
from inference_models.vision.image_input import agreed_input_size, find_image_input, stated_input_size
from inference_models.vision.images import Image, Images, SourceImage, as_images
from inference_models.vision.inference_config import (
    ForwardPass,
    InferenceConfig,
    NetworkInput,
    NMSParameters,
    ResizeMode,
    TrainingInputSize,
)
from inference_models.vision.keypoints_metadata import KeyPointsMetadata, parse_key_points_metadata
from inference_models.vision.mapping import rescale_boxes, rescale_points, restore_map
from inference_models.vision.masks import dense_masks, rle_masks
from inference_models.vision.nms import non_maximum_suppression
from inference_models.vision.pre_processing import ImagePreProcessor, check_image_options
from inference_models.vision.supported import require_activation, require_supported, substitute_resize_mode
from inference_models.vision.thresholds import check_flag, check_fraction, check_max_detections, resolve_confidence

__all__ = [
    "BatchSizes",
    "Candidates",
    "ClassMapping",
    "ForwardPass",
    "Image",
    "ImageDimensions",
    "ImagePreProcessor",
    "Images",
    "InferenceConfig",
    "KeyPointsMetadata",
    "NMSParameters",
    "NetworkInput",
    "PreProcessingMetadata",
    "ResizeMode",
    "SourceImage",
    "StaticCropOffset",
    "TrainingInputSize",
    "agreed_input_size",
    "as_float32",
    "as_images",
    "as_kind",
    "as_like",
    "as_numpy",
    "best_first",
    "check_flag",
    "check_fraction",
    "check_image_options",
    "check_max_detections",
    "choose_batch_sizes",
    "cxcywh_to_xyxy",
    "dense_masks",
    "find_image_input",
    "in_kind",
    "indices_where",
    "library_of",
    "load_image",
    "map_classes",
    "non_maximum_suppression",
    "pairwise_iou",
    "parse_class_names",
    "parse_inference_config",
    "parse_key_points_metadata",
    "predict_class",
    "predict_labels",
    "processing_device",
    "require_activation",
    "require_supported",
    "rescale_boxes",
    "rescale_points",
    "resolve_confidence",
    "restore_map",
    "rle_masks",
    "select_candidates",
    "sigmoid",
    "softmax",
    "stated_input_size",
    "substitute_resize_mode",
]
