"""Making the network's input, as the package says: by inference_config.json, or by a checkpoint's own processor."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from attrs import frozen

from inference_models import ColorFormat, InvalidParameterError, ModelInputError, PreProcessingOverrides
from inference_models.developer_tools import (
    Array,
    ImagePreProcessor,
    Images,
    SourceImage,
    as_images,
    as_kind,
    check_image_options,
)


class Preparation(Protocol):
    """Makes the input of a network, in kind. For arguments and errors see `ClassifierStages.pre_process`."""

    def __call__(
        self,
        images: Images,
        *,
        input_color_format: ColorFormat | None,
        image_size: int | tuple[int, int] | None,
        overrides: PreProcessingOverrides | None,
    ) -> Array:
        """Return (N, 3, height, width)."""


@frozen
class ByConfig:
    """As inference_config.json says."""

    pre_processor: ImagePreProcessor

    def __call__(
        self,
        images: Images,
        *,
        input_color_format: ColorFormat | None,
        image_size: int | tuple[int, int] | None,
        overrides: PreProcessingOverrides | None,
    ) -> Array:
        """Return (N, 3, height, width), made where the first image lies."""
        inputs, metadata = self.pre_processor(
            images,
            input_color_format=input_color_format,
            image_size=image_size,
            overrides=overrides,
            device=_other_device(images),
        )
        return as_kind(inputs, metadata[0].array_kind, metadata[0].device)


@frozen
class ByProcessor:
    """As preprocessor_config.json says: by the image processor of transformers, on the host, with Pillow.

    Attributes:
        processor: gives (N, 3, height, width) float32 for a list of red-green-blue pictures.
    """

    processor: Any

    def __call__(
        self,
        images: Images,
        *,
        input_color_format: ColorFormat | None,
        image_size: int | tuple[int, int] | None,
        overrides: PreProcessingOverrides | None,
    ) -> Array:
        """Return (N, 3, height, width)."""
        check_image_options(input_color_format, overrides)
        if image_size is not None:
            raise InvalidParameterError(
                "image_size= goes with packages that have an inference_config.json. How large the input of this one is "
                "stands in its preprocessor_config.json. Leave image_size out."
            )
        sources = as_images(images)
        planes = [self._planes(source, input_color_format) for source in sources]
        sizes = {one.shape[1:] for one in planes}
        if len(sizes) > 1:
            raise ModelInputError(
                f"preprocessor_config.json makes these images of different sizes: "
                f"{', '.join(f'{height}x{width}' for height, width in sorted(sizes))}. Pass them one by one."
            )
        return as_kind(np.stack(planes), sources[0].array_kind, sources[0].device)

    def _planes(self, source: SourceImage, color_format: ColorFormat | None) -> Any:
        from PIL import Image

        in_order = (color_format or source.color_format) == "rgb"
        picture = Image.fromarray(np.ascontiguousarray(source.pixels if in_order else source.pixels[..., ::-1]))
        return self.processor(images=[picture], return_tensors="np")["pixel_values"][0]


def _other_device(images: Images) -> str | None:
    """Return where the first image lies if that is not main memory: it is prepared there."""
    first = images[0] if isinstance(images, (list, tuple)) and images else images
    device = str(getattr(first, "device", "cpu"))
    return None if device == "cpu" else device
