"""A network's input for images, held against what its package says about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from inference_models.errors import CorruptedModelPackageError
from inference_models.vision.geometry import ImageDimensions
from inference_models.vision.inference_config import InferenceConfig

if TYPE_CHECKING:
    from inference_models.sessions import TensorInfo

__all__ = ["agreed_input_size", "find_image_input", "stated_input_size"]


def find_image_input(inputs: Sequence[TensorInfo], config: InferenceConfig) -> TensorInfo:
    """Return the network's only input: (batch, channels, height, width), as far as its backend knows the shape.

    Args:
        inputs: the session's.
        config: the package's inference config, which says how many channels there are.

    Raises:
        CorruptedModelPackageError: there are several, none, or it has another shape.
    """
    channels = config.network_input.input_channels
    shape = inputs[0].shape if len(inputs) == 1 else None
    if shape is None or (shape and (len(shape) != 4 or shape[1] not in (channels, None))):
        found = "; ".join(f"{tensor.name} {tensor.shape}" for tensor in inputs) or "none"
        raise CorruptedModelPackageError(
            f"The network must have one input of shape (batch, {channels}, height, width), found {found}. "
            f"Check network_input in inference_config.json, or export the model again."
        )
    return inputs[0]


def stated_input_size(network_input: TensorInfo) -> tuple[int | None, int | None]:
    """Return height and width as the network states them; None twice when its backend knows nothing about the shape."""
    if not network_input.shape:
        return None, None
    _, _, height, width = network_input.shape
    return height, width


def agreed_input_size(network_input: TensorInfo, config: InferenceConfig) -> ImageDimensions | None:
    """Return the size that only the network states; None where the config states one, or nobody does.

    Raises:
        CorruptedModelPackageError: network and config contradict each other.
    """
    trained = config.network_input.training_input_size
    height, width = stated_input_size(network_input)
    if trained is None:
        return ImageDimensions(height, width) if height is not None and width is not None else None
    if height not in (trained.height, None) or width not in (trained.width, None):
        raise CorruptedModelPackageError(
            f"The network takes {height}x{width} (height x width) but network_input.training_input_size in "
            f"inference_config.json is {trained.height}x{trained.width}. Correct the config."
        )
    return None
