"""How large the network's input is, and how large it may be for one call."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

from attrs import frozen

from inference_models.errors import InvalidParameterError
from inference_models.vision.geometry import ImageDimensions, round_up

__all__ = ["InputSize"]

_FORMS = "image_size must be one whole number of pixels or (width, height)"


@frozen(kw_only=True)
class InputSize:
    """The size of a network's input.

    Attributes:
        default: what the package was made for.
        dynamic: whether the network takes other sizes too.
        divisor: both edges of those are multiples of it.
    """

    default: ImageDimensions
    dynamic: bool = False
    divisor: int = 1

    def requested(self, image_size: int | tuple[int, int]) -> ImageDimensions:
        """Return the size that a caller asks for, rounded up to the divisor.

        Args:
            image_size: (width, height), or one number for both.

        Raises:
            InvalidParameterError: it is not a size, or the network takes its own size only.
        """
        width, height = _width_height(image_size)
        size = ImageDimensions(height, width)
        if not self.dynamic and size != self.default:
            raise InvalidParameterError(
                f"This model package takes images of {self.default} (height x width) only, so image_size "
                f"{width}x{height} (width x height) is not supported. Leave image_size out, or use a package exported "
                f"with dynamic height and width."
            )
        return round_up(size, self.divisor) if self.dynamic else size


def _width_height(image_size: Any) -> tuple[int, int]:
    if isinstance(image_size, Sequence) and not isinstance(image_size, str):
        edges = list(image_size)
    else:
        edges = [image_size, image_size]
    if len(edges) != len(("width", "height")) or not all(_is_length(edge) for edge in edges):
        raise InvalidParameterError(f"{_FORMS}, at least 1 each, got {image_size!r}.")
    return int(edges[0]), int(edges[1])


def _is_length(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= 1
