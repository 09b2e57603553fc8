"""Small values that every layer shares: names, literals and per-call options. Nothing else."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, TypeAlias

from attrs import frozen

ColorFormat: TypeAlias = Literal["rgb", "bgr"]
"""Channel order of an image: numpy images are taken as "bgr", torch tensors as "rgb", unless told."""

Confidence: TypeAlias = float | Literal["best", "default"]
"""A confidence threshold in [0, 1]; "best": what the package recommends; "default": the family's."""

InstanceSegmentationMaskFormat: TypeAlias = Literal["dense", "rle"]
"""How masks come back: boolean arrays at source size, or COCO run-length encodings."""

ArrayKind: TypeAlias = Literal["numpy", "torch"]
"""Which library's arrays a session, an input or a prediction holds."""


DEFAULT_PROVIDER = "roboflow"
"""The weights provider that is asked for an id without `name://`."""

LOCAL_PROVIDER = "local"
"""The weights provider of directories on this machine."""

RESERVED_PROVIDERS = frozenset({DEFAULT_PROVIDER, LOCAL_PROVIDER})
"""Only the core itself may declare these: keys and paths are entrusted to them by name."""


PACKAGE_CONFIG_NAME = "model_config.json"
"""The file that says what a package directory holds, for loading it by its path."""


class BackendType(StrEnum):
    """The well-known backends. A plugin may bring its own: everywhere else a backend is a string."""

    TRT = "trt"
    ONNX = "onnx"
    TORCH = "torch"
    HF = "hugging-face"
    TORCH_SCRIPT = "torch-script"
    MEDIAPIPE = "mediapipe"


class Quantization(StrEnum):
    """The numeric type of a package's weights and activations."""

    FP32 = "fp32"
    FP16 = "fp16"
    BF16 = "bf16"
    INT8 = "int8"
    UNKNOWN = "unknown"


@frozen
class PreProcessingOverrides:
    """Switches off single steps of a package's pre-processing for one call.

    For callers who have already applied the step, for example a camera that delivers cropped frames.
    """

    disable_contrast_enhancement: bool = False
    disable_grayscale: bool = False
    disable_static_crop: bool = False
