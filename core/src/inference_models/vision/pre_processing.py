"""From images to the network's input tensor: resize, pad, order the colour planes, scale.

Steps that come before resizing (static crop, grayscale, contrast) and further resize modes are not written yet;
a package that needs one is refused when it is loaded.
"""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import numpy.typing as npt
from attrs import frozen

from inference_models.entities import ColorFormat, PreProcessingOverrides
from inference_models.errors import CorruptedModelPackageError, InvalidParameterError, ModelLoadingError
from inference_models.vision.geometry import GEOMETRIES, ImageDimensions, PreProcessingMetadata
from inference_models.vision.images import Image, as_images
from inference_models.vision.inference_config import ImagePreProcessing, InferenceConfig, ResizeMode
from inference_models.vision.requirements import opencv

__all__ = ["ImagePreProcessor", "require_supported"]

_CHANNELS = 3
_INPUT_DTYPES = ("float16", "float32")


@frozen(kw_only=True)
class ImagePreProcessor:
    """Turns images into the input tensor that a package's `inference_config.json` describes.

    It holds values only, so one serves any number of threads. A colour value v becomes `v * gain + bias`, which is
    `(v / scaling_factor - mean) / std` in one step.

    Attributes:
        size: height and width of the network's input.
        resize_mode: how an image becomes that large.
        color_mode: the order of the network's colour planes.
        padding_value: 0 to 255, fills what a letterbox leaves free.
        gains: one per colour plane.
        biases: one per colour plane.
        dtype: of the tensor, "float32" or "float16".
    """

    size: ImageDimensions
    resize_mode: ResizeMode
    color_mode: ColorFormat
    padding_value: int
    gains: tuple[float, ...]
    biases: tuple[float, ...]
    dtype: str = "float32"

    @classmethod
    def from_config(
        cls, config: InferenceConfig, *, size: ImageDimensions | None = None, dtype: str = "float32"
    ) -> ImagePreProcessor:
        """Return the pre-processor that `config` describes.

        Args:
            config: the package's inference config.
            size: height and width of the input; default: the config's training_input_size.
            dtype: what the network takes, "float32" or "float16".

        Raises:
            ModelLoadingError: the config asks for a step, resize mode or number of channels that is not supported, or
                the network takes another dtype. The message names what is supported.
        """
        network_input = config.network_input
        require_supported(config)
        if dtype not in _INPUT_DTYPES:
            raise ModelLoadingError(
                f"The network takes {dtype}; supported: {', '.join(_INPUT_DTYPES)}. Use a package exported so."
            )
        training_size = network_input.training_input_size
        if size is None:
            if training_size is None:
                raise CorruptedModelPackageError(
                    "network_input.training_input_size is missing from inference_config.json and the network does not "
                    "state the size of its input either, so images cannot be resized for it. Add it to the config."
                )
            size = ImageDimensions(training_size.height, training_size.width)
        scaling = network_input.scaling_factor or 1.0
        mean, std = network_input.normalization or ((0.0,) * _CHANNELS, (1.0,) * _CHANNELS)
        return cls(
            size=size,
            resize_mode=network_input.resize_mode,
            color_mode=network_input.color_mode,
            padding_value=network_input.padding_value or 0,
            gains=tuple(1 / (scaling * deviation) for deviation in std),
            biases=tuple(-average / deviation for average, deviation in zip(mean, std, strict=True)),
            dtype=dtype,
        )

    def __call__(
        self,
        images: object,
        *,
        input_color_format: ColorFormat | None = None,
        overrides: PreProcessingOverrides | None = None,
    ) -> tuple[npt.NDArray[np.floating[Any]], list[PreProcessingMetadata]]:
        """Return the network's input for `images`, and how to get back from it.

        Args:
            images: one image (H, W, 3) uint8, a list of them of any sizes, or an array (N, H, W, 3).
            input_color_format: the order of the images' colours; default "bgr", as OpenCV reads them.
            overrides: single steps to leave out. None of those it can switch off is in use yet.

        Returns:
            A new array (N, 3, height, width) of the pre-processor's dtype, and N `PreProcessingMetadata`.

        Raises:
            ModelInputError: an image cannot be used.
            InvalidParameterError: `input_color_format` or `overrides` is not one of those there are.
        """
        _check_options(input_color_format, overrides)
        checked = as_images(images)
        swap = (input_color_format or "bgr") != self.color_mode
        locate = GEOMETRIES[self.resize_mode]
        metadata = [locate(ImageDimensions(*image.shape[:2]), self.size) for image in checked]
        tensor = np.empty((len(checked), _CHANNELS, self.size.height, self.size.width), np.float32)
        for image, target, placement in zip(checked, tensor, metadata, strict=True):
            self._write(image, target, placement, swap)
        return tensor.astype(self.dtype, copy=False), metadata

    def _write(
        self, image: Image, target: npt.NDArray[np.float32], placement: PreProcessingMetadata, swap: bool
    ) -> None:
        """Write one image into its (3, height, width) part of the tensor, its colours swapped if need be."""
        cv2 = opencv()
        resized = placement.resized
        if image.strides[2] < 0:  # image[..., ::-1]: OpenCV would copy all of it, twenty times the cost of the rest
            image, swap = image[..., ::-1], not swap
        if (resized.height, resized.width) != image.shape[:2]:
            image = cv2.resize(image, (resized.width, resized.height), interpolation=cv2.INTER_LINEAR)
        # Splitting the small image and swapping planes is much cheaper than swapping colours of the large one.
        channels = cv2.split(image)[::-1] if swap else cv2.split(image)
        rows = slice(placement.pad_top, placement.pad_top + resized.height)
        columns = slice(placement.pad_left, placement.pad_left + resized.width)
        for plane, channel, *factors in zip(target, channels, self.gains, self.biases, strict=True):
            gain, bias = map(np.float32, factors)
            _fill_border(plane, rows, columns, self.padding_value * gain + bias)
            inside = plane[rows, columns]
            # Convert, then scale in place: faster than one multiplication of mixed types, with the same result.
            inside[...] = channel
            inside *= gain
            if bias:
                inside += bias


def _fill_border(plane: npt.NDArray[np.float32], rows: slice, columns: slice, value: np.float32) -> None:
    plane[: rows.start] = value
    plane[rows.stop :] = value
    plane[rows, : columns.start] = value
    plane[rows, columns.stop :] = value


def _check_options(input_color_format: object, overrides: object) -> None:
    known = get_args(ColorFormat)
    if input_color_format is not None and input_color_format not in known:
        raise InvalidParameterError(
            f'input_color_format must be "rgb" or "bgr", got {input_color_format!r}. '
            f'Images read by OpenCV are "bgr", those read by Pillow or torchvision "rgb".'
        )
    if overrides is not None and not isinstance(overrides, PreProcessingOverrides):
        raise InvalidParameterError(
            f"pre_processing_overrides must be a PreProcessingOverrides, got {type(overrides).__name__}."
        )


def require_supported(config: InferenceConfig) -> None:
    """Refuse a package whose images cannot be prepared: a step silently left out would give wrong predictions.

    Raises:
        ModelLoadingError: the config asks for a step, resize mode or number of channels that is not supported. The
            message names what is.
    """
    network_input = config.network_input
    steps = _enabled_steps(config.image_pre_processing)
    problem = None
    if steps:
        problem = f"image_pre_processing enables {', '.join(steps)}; no step before resizing is supported yet"
    elif network_input.resize_mode not in GEOMETRIES:
        problem = (
            f"network_input.resize_mode is {network_input.resize_mode.value!r}; "
            f"supported: {', '.join(sorted(GEOMETRIES))}"
        )
    elif network_input.input_channels != _CHANNELS:
        problem = f"network_input.input_channels is {network_input.input_channels}; supported: {_CHANNELS}"
    if problem:
        raise ModelLoadingError(
            f"This model package cannot be pre-processed by this version: {problem}. "
            f"Upgrade im-core, or use a package exported without it."
        )


def _enabled_steps(steps: ImagePreProcessing) -> list[str]:
    named = {"static-crop": steps.static_crop, "grayscale": steps.grayscale, "contrast": steps.contrast}
    return [name for name, step in named.items() if step is not None and step.enabled]
