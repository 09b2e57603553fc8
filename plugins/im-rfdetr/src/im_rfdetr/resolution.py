"""The largest input that a user allows: what a network costs grows with the square of it."""

from __future__ import annotations

from typing import TypeAlias

from inference_models import InvalidParameterError, ModelLoadingError
from inference_models.developer_tools import ImageDimensions

__all__ = ["MaxResolution", "check_resolution"]

MaxResolution: TypeAlias = int | tuple[int, int] | None
"""Pixels of width and height, or one number for both; None: any."""


def check_resolution(size: ImageDimensions | None, limit: MaxResolution) -> None:
    """Refuse a network whose input is larger than a user allows.

    Args:
        size: of the input; None: not known yet.
        limit: what `rf_detr_max_input_resolution=` says.

    Raises:
        ModelLoadingError: it is larger.
        InvalidParameterError: the limit cannot be used.
    """
    if limit is None:
        return
    sides = limit if isinstance(limit, (tuple, list)) else (limit, limit)
    if len(sides) != 2 or any(not isinstance(side, int) or isinstance(side, bool) or side < 1 for side in sides):
        raise InvalidParameterError(
            f"rf_detr_max_input_resolution= takes a whole number of pixels of at least 1, or two (width, height), not "
            f"{limit!r}."
        )
    width, height = sides
    if size is not None and (size.width > width or size.height > height):
        raise ModelLoadingError(
            f"The network takes pictures of {size.width}x{size.height} pixels (width x height), and "
            f"rf_detr_max_input_resolution= allows {width}x{height}. Allow more, or use a smaller model."
        )
