"""What `inference_config.json` says: how a package's network is fed and how its output is read.

The classes mirror the file key by key (a dash in the file is an underscore here). They hold values that are possible;
whether an implementation can do what they ask for is for the implementation to check. Reading the file is in
`config_parsing`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Literal

from attrs import field, frozen
from attrs.validators import and_, ge, gt, le, optional

from inference_models.entities import ColorFormat

__all__ = [
    "AutoOrient",
    "ClassNameOperation",
    "Contrast",
    "ContrastType",
    "DynamicSpatialSizeMode",
    "ForwardPass",
    "Grayscale",
    "ImagePreProcessing",
    "InferenceConfig",
    "NMSParameters",
    "NetworkInput",
    "PostProcessing",
    "ResizeMode",
    "StaticCrop",
    "TrainingInputSize",
]

_COUNT = ge(1)
_LENGTH = and_(_COUNT, le(32_767))  # OpenCV resizes to no more
_PERCENT = and_(ge(0), le(100))
_FRACTION = and_(ge(0), le(1))


class ResizeMode(StrEnum):
    """How an image becomes as large as the network's input."""

    STRETCH = "stretch"
    LETTERBOX = "letterbox"
    CENTER_CROP = "center-crop"
    FIT_LONGER_EDGE = "fit-longer-edge"
    LETTERBOX_REFLECT_EDGES = "letterbox-reflect-edges"


class ContrastType(StrEnum):
    """How contrast is enhanced."""

    ADAPTIVE_EQUALIZATION = "Adaptive Equalization"
    CONTRAST_STRETCHING = "Contrast Stretching"
    HISTOGRAM_EQUALIZATION = "Histogram Equalization"


@frozen
class AutoOrient:
    """Whether the training images were turned upright by their EXIF tag.

    Nothing is left to do at inference: an array has no EXIF tag, and `load_image` has turned the image already.
    """

    enabled: bool


@frozen
class StaticCrop:
    """The part of every image that the network sees, in percent of its width (x) and height (y)."""

    enabled: bool
    x_min: int = field(validator=_PERCENT)
    x_max: int = field(validator=_PERCENT)
    y_min: int = field(validator=_PERCENT)
    y_max: int = field(validator=_PERCENT)

    def __attrs_post_init__(self) -> None:
        for axis, low, high in (("x", self.x_min, self.x_max), ("y", self.y_min, self.y_max)):
            if low >= high:
                raise ValueError(f"expected {axis}_min below {axis}_max, found {low} and {high}")


@frozen
class Contrast:
    """Whether and how contrast is enhanced."""

    enabled: bool
    type: ContrastType


@frozen
class Grayscale:
    """Whether colour is removed."""

    enabled: bool


@frozen
class ImagePreProcessing:
    """Steps that come before resizing, in this order: static crop, grayscale, contrast."""

    auto_orient: AutoOrient | None = None
    static_crop: StaticCrop | None = None
    contrast: Contrast | None = None
    grayscale: Grayscale | None = None


@frozen
class TrainingInputSize:
    """A size in pixels."""

    height: int = field(validator=_LENGTH)
    width: int = field(validator=_LENGTH)


@frozen
class DynamicSpatialSizeMode:
    """Which input sizes a network with free height and width takes.

    Attributes:
        type: any size at all, or only multiples of `value`.
        value: the divisor in pixels.
    """

    type: Literal["any-size", "pad-to-be-divisible"]
    value: int | None = field(default=None, validator=optional(_LENGTH))

    def __attrs_post_init__(self) -> None:
        if self.type == "pad-to-be-divisible" and self.value is None:
            raise ValueError("expected a 'value' to divide by, found none")


@frozen
class NetworkInput:
    """What the network's input tensor holds.

    Attributes:
        dynamic_spatial_size_supported: whether height and width are free.
        color_mode: the order of the colour planes.
        resize_mode: how an image becomes as large as the input.
        input_channels: the number of colour planes.
        training_input_size: height and width; None only for networks that take any size.
        dataset_version_resize_dimensions: the size that the training images were stored at.
        dynamic_spatial_size_mode: which sizes a network with free height and width takes.
        padding_value: 0 to 255, fills what a letterbox leaves free; None is 0.
        scaling_factor: pixel values are divided by it; None is 1.
        normalization: mean and standard deviation per plane in the network's colour order, applied after scaling.
    """

    dynamic_spatial_size_supported: bool
    color_mode: ColorFormat
    resize_mode: ResizeMode
    input_channels: int = field(validator=_COUNT)
    training_input_size: TrainingInputSize | None = None
    dataset_version_resize_dimensions: TrainingInputSize | None = None
    dynamic_spatial_size_mode: DynamicSpatialSizeMode | None = None
    padding_value: int | None = field(default=None, validator=optional(and_(ge(0), le(255))))
    scaling_factor: float | None = field(default=None, validator=optional(gt(0)))
    normalization: tuple[tuple[float, ...], tuple[float, ...]] | None = None

    def __attrs_post_init__(self) -> None:
        mode = self.dynamic_spatial_size_mode
        any_size = self.dynamic_spatial_size_supported and mode is not None and mode.type == "any-size"
        if self.training_input_size is None and not any_size:
            raise ValueError("expected training_input_size, found none; only a network of any size does without")
        if self.normalization is None:
            return
        mean, std = self.normalization
        if not len(mean) == len(std) == self.input_channels:
            raise ValueError(
                f"expected normalization with {self.input_channels} means and deviations, one per input channel, "
                f"found {len(mean)} and {len(std)}"
            )
        if 0 in std:
            raise ValueError("expected standard deviations other than 0 in normalization, found 0")


@frozen
class ForwardPass:
    """How many images the network takes at once.

    Attributes:
        static_batch_size: exactly this many.
        max_dynamic_batch_size: up to this many.
    """

    static_batch_size: int | None = field(default=None, validator=optional(_COUNT))
    max_dynamic_batch_size: int | None = field(default=None, validator=optional(_COUNT))


@frozen
class NMSParameters:
    """Thresholds of non-maximum suppression that the package was made for."""

    max_detections: int = field(validator=_COUNT)
    confidence_threshold: float = field(validator=_FRACTION)
    iou_threshold: float = field(validator=_FRACTION)
    class_agnostic: bool


@frozen
class PostProcessing:
    """What remains to be done with the network's output.

    Attributes:
        type: the operation.
        fused: whether the network does it itself.
        nms_parameters: thresholds of type "nms".
    """

    type: Literal["nms", "sigmoid", "softmax"]
    fused: bool
    nms_parameters: NMSParameters | None = None


@frozen
class ClassNameOperation:
    """A change to the list of class names before they are shown."""

    type: Literal["class_name_removal"]
    class_name: str


@frozen
class InferenceConfig:
    """The whole file.

    Attributes:
        network_input: what the network's input tensor holds.
        image_pre_processing: steps before resizing.
        forward_pass: how many images go in at once.
        post_processing: what remains to be done; None when the file does not say.
        model_initialization: arguments for families that build the network themselves.
        class_names_operations: changes to the list of class names.
    """

    network_input: NetworkInput
    image_pre_processing: ImagePreProcessing = ImagePreProcessing()
    forward_pass: ForwardPass = ForwardPass()
    post_processing: PostProcessing | None = None
    model_initialization: Mapping[str, Any] | None = None
    class_names_operations: tuple[ClassNameOperation, ...] = ()
