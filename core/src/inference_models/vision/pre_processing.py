"""From images to the network's input tensor: crop, remove colour, enhance, resize, pad, order the planes, scale."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import numpy.typing as npt
from attrs import evolve, frozen

from inference_models.entities import ColorFormat, PreProcessingOverrides
from inference_models.errors import (
    CorruptedModelPackageError,
    InvalidParameterError,
    ModelInputError,
    ModelLoadingError,
)
from inference_models.vision.geometry import (
    GEOMETRIES,
    ImageDimensions,
    PreProcessingMetadata,
    fit_longer_edge,
    round_up,
)
from inference_models.vision.images import Images, SourceImage, as_images
from inference_models.vision.inference_config import InferenceConfig, NetworkInput, ResizeMode
from inference_models.vision.input_size import InputSize
from inference_models.vision.planes import resized_planes, write_planes
from inference_models.vision.steps import Steps, crop_offset
from inference_models.vision.supported import require_supported

__all__ = ["ImagePreProcessor"]

_INPUT_DTYPES = ("float16", "float32")
_COLOR_FORMATS = get_args(ColorFormat)


@frozen(kw_only=True)
class ImagePreProcessor:
    """Turns images into the input tensor that a package's `inference_config.json` describes.

    It holds values only, so one serves any number of threads. A colour value v becomes `v * gain + bias`, which is
    `(v / scaling_factor - mean) / std` in one step.

    Attributes:
        input_size: height and width of the network's input, and which others it takes.
        resize_mode: how an image becomes that large.
        color_mode: the order of the network's colour planes.
        padding_value: 0 to 255, fills what the image leaves free; None: its edges are reflected.
        gains: one per colour plane.
        biases: one per colour plane.
        steps: what is done before resizing.
        dtype: of the tensor, "float32" or "float16".
        antialias: whether images are resized as Pillow does it (BILINEAR, which looks at every pixel), or as OpenCV
            does (INTER_LINEAR, which looks at two by two). What the network was trained on decides.
    """

    input_size: InputSize
    resize_mode: ResizeMode
    color_mode: ColorFormat
    padding_value: int | None
    gains: tuple[float, ...]
    biases: tuple[float, ...]
    steps: Steps
    dtype: str = "float32"
    antialias: bool = False

    @classmethod
    def from_config(
        cls,
        config: InferenceConfig,
        *,
        size: ImageDimensions | None = None,
        dtype: str = "float32",
        dynamic_size: bool | None = None,
        antialias: bool = False,
    ) -> ImagePreProcessor:
        """Return the pre-processor that `config` describes.

        Args:
            config: the package's inference config.
            size: height and width of the input; default: the config's training_input_size.
            dtype: what the network takes, "float32" or "float16".
            dynamic_size: whether the network itself leaves height and width free. False if it states them, which then
                prevails over the config's dynamic_spatial_size_supported.
            antialias: whether the network was trained on images that Pillow resized.

        Raises:
            ModelLoadingError: the config asks for a resize mode or number of channels that is not supported, or the
                network takes another dtype. The message names what is supported.
            CorruptedModelPackageError: nobody says how large the input is.
        """
        network_input = config.network_input
        require_supported(config)
        if dtype not in _INPUT_DTYPES:
            raise ModelLoadingError(
                f"The network takes {dtype}; supported: {', '.join(_INPUT_DTYPES)}. Use a package exported so."
            )
        gains, biases = _factors(network_input)
        steps = Steps.from_config(config.image_pre_processing)
        return cls(
            input_size=_input_size(network_input, size, dynamic_size),
            resize_mode=network_input.resize_mode,
            color_mode=network_input.color_mode,
            padding_value=_padding_value(network_input),
            gains=gains,
            biases=biases,
            steps=steps,
            dtype=dtype,
            antialias=antialias,
        )

    def __call__(
        self,
        images: Images,
        *,
        input_color_format: ColorFormat | None = None,
        overrides: PreProcessingOverrides | None = None,
        image_size: int | tuple[int, int] | None = None,
        device: str | None = None,
    ) -> tuple[npt.NDArray[np.floating[Any]], list[PreProcessingMetadata]]:
        """Return the network's input for `images`, and how to get back from it.

        Args:
            images: one image, a list of them of any sizes, an array (N, H, W, 3) or a tensor (N, 3, H, W). An image
                is a numpy array (H, W, 3) uint8, or a torch tensor (3, H, W) of uint8 values or floats in 0 to 1.
            input_color_format: the order of the images' colours; default "bgr" for numpy, as OpenCV reads them, and
                "rgb" for torch.
            overrides: single steps to leave out.
            image_size: width and height of the network's input for this call, or one number for both, rounded up to
                what the network takes; only for packages that support it. Default: the package's.
            device: where the input is made, as torch names it, which must have been imported: an array is uploaded
                as it is, a tensor that lies there already stays there. None: on the host, as an array.

        Returns:
            A new array (N, channels, height, width) of the pre-processor's dtype, or a tensor on `device` with the same
            values; and N `PreProcessingMetadata`.

        Raises:
            ModelInputError: an image cannot be used, or images that "fit-longer-edge" makes of different sizes were
                given in one call.
            InvalidParameterError: `input_color_format` or `overrides` is not one of those there are, or `image_size`
                cannot be used.
        """
        check_image_options(input_color_format, overrides)
        size = self.input_size.default if image_size is None else self.input_size.requested(image_size)
        sources = [_with_colors(source, input_color_format) for source in _read(images, device)]
        steps = self._steps(overrides)
        metadata = [self._locate(source, steps, size) for source in sources]
        size = _common_size(metadata)
        if device is not None:
            from inference_models.vision.on_device.inputs import make_input

            return make_input(self, sources, metadata, steps, device), metadata
        tensor = np.empty((len(sources), len(self.gains), size.height, size.width), np.float32)
        for source, target, placement in zip(sources, tensor, metadata, strict=True):
            self._write(source, target, placement, steps)
        return tensor.astype(self.dtype, copy=False), metadata

    def _steps(self, overrides: PreProcessingOverrides | None) -> Steps:
        steps = self.steps.without(overrides)
        # A network of one plane takes grey images, whatever was switched off.
        return evolve(steps, grayscale=True) if len(self.gains) == 1 else steps

    def _locate(self, source: SourceImage, steps: Steps, size: ImageDimensions) -> PreProcessingMetadata:
        whole = ImageDimensions(*source.pixels.shape[:2])
        if steps.static_crop is None:
            placement = self._place(whole, size)
            if source.array_kind == "numpy":
                return placement
            return evolve(placement, array_kind=source.array_kind, device=source.device)
        crop = crop_offset(whole, steps.static_crop)
        return evolve(
            self._place(ImageDimensions(crop.crop_height, crop.crop_width), size),
            original_size=whole,
            static_crop_offset=crop,
            array_kind=source.array_kind,
            device=source.device,
        )

    def _place(self, part: ImageDimensions, size: ImageDimensions) -> PreProcessingMetadata:
        if self.resize_mode is ResizeMode.FIT_LONGER_EDGE:
            return fit_longer_edge(part, size, self.input_size.divisor)
        return GEOMETRIES[self.resize_mode](part, size)

    def _write(
        self, source: SourceImage, target: npt.NDArray[np.float32], placement: PreProcessingMetadata, steps: Steps
    ) -> None:
        """Write one image into its (channels, height, width) part of the tensor."""
        pixels, color_format = source.pixels, source.color_format
        shown = steps(pixels, color_format, placement.static_crop_offset)
        planes = resized_planes(shown, placement, antialias=self.antialias)
        if color_format != self.color_mode:
            planes = planes[::-1]
        if len(planes) == 1:
            planes = planes * len(target)
        write_planes(target, planes, placement, (self.gains, self.biases), self.padding_value)


def _read(images: Images, device: str | None) -> list[SourceImage]:
    if device is None:
        return as_images(images)
    from inference_models.vision.on_device.images import images_on_device

    return images_on_device(images, device)


def _with_colors(source: SourceImage, color_format: ColorFormat | None) -> SourceImage:
    """Return the image with its colours in the order that the caller says, and stored in the order they have."""
    pixels, stated = source.pixels, color_format or source.color_format
    if source.array_kind == "numpy" and pixels.strides[2] < 0:
        # image[..., ::-1]: OpenCV would copy all of it, twenty times the cost of the rest.
        return evolve(source, pixels=pixels[..., ::-1], color_format="rgb" if stated == "bgr" else "bgr")
    return source if stated == source.color_format else evolve(source, color_format=stated)


def _factors(network_input: NetworkInput) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return gains and biases, one of each per plane."""
    scaling, channels = network_input.scaling_factor or 1.0, network_input.input_channels
    mean, std = network_input.normalization or ((0.0,) * channels, (1.0,) * channels)
    gains = tuple(1 / (scaling * deviation) for deviation in std)
    return gains, tuple(-average / deviation for average, deviation in zip(mean, std, strict=True))


def _padding_value(network_input: NetworkInput) -> int | None:
    if network_input.resize_mode is ResizeMode.LETTERBOX_REFLECT_EDGES:
        return None
    # Training cut its centre crops out of black.
    return 0 if network_input.resize_mode is ResizeMode.CENTER_CROP else network_input.padding_value or 0


def _input_size(network_input: NetworkInput, size: ImageDimensions | None, dynamic_size: bool | None) -> InputSize:
    training_size = network_input.training_input_size
    if size is None:
        if training_size is None:
            raise CorruptedModelPackageError(
                "network_input.training_input_size is missing from inference_config.json and the network does not "
                "state the size of its input either, so images cannot be resized for it. Add it to the config."
            )
        size = ImageDimensions(training_size.height, training_size.width)
    mode = network_input.dynamic_spatial_size_mode
    dynamic = network_input.dynamic_spatial_size_supported and dynamic_size is not False
    divisor = (mode.value if mode is not None and mode.type == "pad-to-be-divisible" else None) or 1
    # A network of one size takes that, whatever divides it; a free one nothing but multiples.
    return InputSize(default=round_up(size, divisor) if dynamic else size, dynamic=dynamic, divisor=divisor)


def _common_size(metadata: list[PreProcessingMetadata]) -> ImageDimensions:
    """Return the size of the input that all images share."""
    size = metadata[0].inference_size
    for placement in metadata:
        if placement.inference_size != size:
            raise ModelInputError(
                f"This package resizes by its longer edge, which makes one of these images {size} and another "
                f"{placement.inference_size} (height x width). Pass images of different shapes one by one."
            )
    return size


def check_image_options(input_color_format: object, overrides: object) -> None:
    """Make sure that both are None or something that there is. Raises: InvalidParameterError."""
    if input_color_format is not None and input_color_format not in _COLOR_FORMATS:
        raise InvalidParameterError(
            f'input_color_format must be "rgb" or "bgr", got {input_color_format!r}. '
            f'Images read by OpenCV are "bgr", those read by Pillow or torchvision "rgb".'
        )
    if overrides is not None and not isinstance(overrides, PreProcessingOverrides):
        raise InvalidParameterError(
            f"pre_processing_overrides must be a PreProcessingOverrides, got {type(overrides).__name__}."
        )
