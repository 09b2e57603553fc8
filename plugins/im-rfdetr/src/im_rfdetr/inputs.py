"""From images to the network's input, as RF-DETR is trained: stretched by Pillow's antialiased filter, normalised."""

from __future__ import annotations

from typing import Any

from attrs import evolve, frozen

from inference_models import ColorFormat, PreProcessingOverrides
from inference_models.developer_tools import (
    ImageDimensions,
    ImagePreProcessor,
    Images,
    InferenceConfig,
    NetworkInput,
    PreProcessingMetadata,
    ResizeMode,
    TrainingInputSize,
    substitute_resize_mode,
)

__all__ = ["RFDETRPreProcessor", "training_config"]

_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet


def training_config(resolution: int) -> InferenceConfig:
    """Return how the rf-detr project prepares images for a network of a resolution."""
    return InferenceConfig(
        NetworkInput(
            dynamic_spatial_size_supported=False,
            color_mode="rgb",
            resize_mode=ResizeMode.STRETCH,
            input_channels=3,
            training_input_size=TrainingInputSize(resolution, resolution),
            scaling_factor=255,
            normalization=(_MEAN, _DEVIATION),
        )
    )


@frozen
class RFDETRPreProcessor:
    """Turns images into the network's input.

    The images of a dataset may have been stored at a size of their own, brought to it by another mode than "stretch";
    training then stretched those. Both steps are repeated here, the first as the platform does it, with OpenCV.

    Attributes:
        stretch: the step that makes the network's input.
        store: the step before it; None where images were stored as they are, or stretched.
    """

    stretch: ImagePreProcessor
    store: ImagePreProcessor | None = None

    @classmethod
    def from_config(
        cls, config: InferenceConfig, *, size: ImageDimensions | None = None, dtype: str = "float32"
    ) -> RFDETRPreProcessor:
        """Return the pre-processor that `config` describes.

        Args:
            config: the package's inference config. "fit-longer-edge" means "stretch" in this family.
            size: height and width of the input; default: the config's training_input_size.
            dtype: what the network takes, "float32" or "float16".

        Raises:
            ModelLoadingError: the config asks for what is not supported. The message names what is.
            CorruptedModelPackageError: nobody says how large the input is.
        """
        config = substitute_resize_mode(config, ResizeMode.FIT_LONGER_EDGE, ResizeMode.STRETCH)
        network_input = config.network_input
        # Training divides by 255 whatever a package forgets to say.
        scaling = network_input.scaling_factor or 255
        stretched = evolve(network_input, resize_mode=ResizeMode.STRETCH, scaling_factor=scaling)
        whole = evolve(config, network_input=stretched)
        if network_input.resize_mode is ResizeMode.STRETCH:
            return cls(ImagePreProcessor.from_config(whole, size=size, dtype=dtype, dynamic_size=False, antialias=True))
        bare = InferenceConfig(stretched)
        stretch = ImagePreProcessor.from_config(bare, size=size, dtype=dtype, dynamic_size=False, antialias=True)
        stored = network_input.dataset_version_resize_dimensions
        as_stored = evolve(
            network_input,
            training_input_size=stored or network_input.training_input_size,
            scaling_factor=None,
            normalization=None,
        )
        return cls(
            stretch,
            ImagePreProcessor.from_config(
                evolve(config, network_input=as_stored), size=None if stored else size, dynamic_size=False
            ),
        )

    def __call__(
        self,
        images: Images,
        *,
        input_color_format: ColorFormat | None = None,
        overrides: PreProcessingOverrides | None = None,
        image_size: int | tuple[int, int] | None = None,
        device: str | None = None,
    ) -> tuple[Any, list[PreProcessingMetadata]]:
        """Return the network's input for `images`, and how to get back from it.

        Args:
            images: as for `ImagePreProcessor`, as the other arguments.
            input_color_format: the order of the images' colours.
            overrides: single steps to leave out.
            image_size: must be the network's own if given: its windows do not fit others.
            device: where the input is made, as torch names it; None: on the host, as an array.

        Returns:
            (N, 3, height, width), a new array or tensor; and N metadata. Their `inference_size` is what the network's
            output, in shares of the picture, is to be multiplied with: that of the stored image where there is one.

        Raises:
            ModelInputError: an image cannot be used.
            InvalidParameterError: an option has a value that does not exist.
        """
        if self.store is None:
            return self.stretch(
                images, input_color_format=input_color_format, overrides=overrides, image_size=image_size, device=device
            )
        if image_size is not None:
            self.stretch.input_size.requested(image_size)
        stored, metadata = self.store(images, input_color_format=input_color_format, overrides=overrides, device=device)
        pixels = _as_images(stored, on_host=device is None)
        inputs, _ = self.stretch(pixels, input_color_format=self.store.color_mode, device=device)
        return inputs, metadata


def _as_images(planes: Any, *, on_host: bool) -> Any:
    """Return (N, 3, h, w) values of 0 to 255 as images, which tensors are already."""
    return planes.astype("uint8").transpose(0, 2, 3, 1) if on_host else planes.byte()
