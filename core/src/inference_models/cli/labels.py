"""Text in pictures: of a size that goes with the picture, on the colour of its class, and not one on the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import frozen

from inference_models.vision.requirements import opencv

_STEPS = 12  # places along a box's left side that are tried before a label covers another


@frozen
class Style:
    """Sizes in pixels that grow with the shorter side of a picture, down to what can still be read.

    Attributes:
        line: thickness of boxes and skeletons.
        text_scale: as OpenCV takes it; at 1, capitals are about 22 pixels high.
        text_line: thickness of letters.
        padding: around a label's text.
    """

    line: int
    text_scale: float
    text_line: int
    padding: int

    @classmethod
    def of(cls, scene: Any) -> Style:
        """Return the sizes for a picture (H, W, 3)."""
        side = min(scene.shape[:2])
        scale = max(side / 1000, 0.35)
        return cls(
            line=max(round(side / 270), 1),
            text_scale=scale,
            text_line=max(round(2 * scale), 1),
            padding=max(round(8 * scale), 2),
        )


@frozen
class Label:
    """A text and the colour behind it, a `supervision.Color`."""

    text: str
    color: Any


def draw_labels(sv: Any, scene: Any, labels: Sequence[Label], boxes: npt.NDArray[np.floating[Any]]) -> Any:
    """Write a label at each box, (n, 4) left, top, right, bottom, the first ones nearest to their boxes."""
    style = Style.of(scene)
    sizes = np.array([_size_of(label, style) for label in labels], np.intp).reshape(-1, 2)
    corners = place_labels(boxes, sizes, (scene.shape[1], scene.shape[0]))
    areas = np.concatenate([corners, sizes], axis=1).tolist()
    for label, area in reversed(list(zip(labels, areas, strict=True))):  # if any is covered, then not the first
        scene = _write(sv, scene, label, area, style)
    return scene


def write_rows(sv: Any, scene: Any, labels: Sequence[Label]) -> Any:
    """Write labels one below the other from the top left corner."""
    style = Style.of(scene)
    top = style.padding
    for label in labels:
        width, height = _size_of(label, style)
        scene = _write(sv, scene, label, (style.padding, top, width, height), style)
        top += height
    return scene


def place_labels(
    boxes: npt.NDArray[np.floating[Any]], sizes: npt.NDArray[np.intp], picture: tuple[int, int]
) -> npt.NDArray[np.intp]:
    """Return where labels go: above their box, else in or below it, else where they cover least of the others.

    Args:
        boxes: (n, 4) left, top, right, bottom.
        sizes: (n, 2) width and height of each label.
        picture: width and height; labels lie inside as far as they fit.

    Returns:
        (n, 2) left and top of each label.
    """
    placed = np.zeros((len(boxes), 4), np.intp)
    for index, (box, size) in enumerate(zip(boxes, sizes, strict=True)):
        corners = _candidates(box, size, picture)
        areas = np.concatenate([corners, corners + size], axis=1)
        others = placed[:index]
        low = np.maximum(areas[:, None, :2], others[:, :2])
        high = np.minimum(areas[:, None, 2:], others[:, 2:])
        covered = np.maximum(high - low, 0).prod(axis=2).sum(axis=1)
        placed[index] = areas[covered.argmin()]  # the first of those that cover least
    return placed[:, :2]


def _candidates(
    box: npt.NDArray[np.floating[Any]], size: npt.NDArray[np.intp], picture: tuple[int, int]
) -> npt.NDArray[np.intp]:
    """Return (k, 2) corners for a label, the best first."""
    left, top, right, bottom = np.nan_to_num(box)
    width, height = size
    steps = top + height * np.arange(_STEPS)
    corners = [
        (left, top - height),
        (left, top),
        (right - width, top - height),
        (left, top + height),
        (left, bottom),
        (right - width, bottom - height),
        *((left, step) for step in steps[steps + height <= bottom]),
    ]
    furthest = np.maximum(np.array(picture) - size, 0)
    return np.clip(np.array(corners), 0, furthest).round().astype(np.intp)


def _size_of(label: Label, style: Style) -> tuple[int, int]:
    """Return width and height of a label, padding and what hangs below the line included."""
    (width, height), below = opencv().getTextSize(
        label.text, opencv().FONT_HERSHEY_SIMPLEX, style.text_scale, style.text_line
    )
    return width + 2 * style.padding, height + below // 2 + 2 * style.padding


def _write(sv: Any, scene: Any, label: Label, area: Sequence[int], style: Style) -> Any:
    left, top, width, height = area
    scene = sv.draw_filled_rectangle(scene=scene, rect=sv.Rect(left, top, width, height), color=label.color)
    red, green, blue = label.color.as_rgb()
    is_light = 0.299 * red + 0.587 * green + 0.114 * blue > 150
    return sv.draw_text(
        scene=scene,
        text=label.text,
        text_anchor=sv.Point(x=left + width / 2, y=top + height / 2),
        text_color=sv.Color.BLACK if is_light else sv.Color.WHITE,
        text_scale=style.text_scale,
        text_thickness=style.text_line,
        text_padding=0,
    )
