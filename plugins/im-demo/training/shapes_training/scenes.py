"""Pictures with drawn shapes and the true boxes of what can be seen of them.

The box of a shape is the tight box around its *visible* pixels: what lies outside the picture or
under a later shape does not count. So every box can be checked by eye. A shape is placed only
where enough of it and of all earlier shapes stays visible (`MIN_VISIBLE`), so each shape that
is drawn is also labelled, and few are cut into another class (half a square is a triangle).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from shapes_training import backgrounds
from shapes_training.outlines import CLASS_NAMES, OUTLINES, Points, place

MIN_VISIBLE = 0.7
MIN_RADIUS, MAX_RADIUS = 0.042, 0.2
"""Radius of a shape as a share of the picture's longest side."""
MIN_CONTRAST = 45.0
"""Least mean absolute difference, per channel, between a shape's colour and what it covers."""
RIM_SHARE, SHADED_SHARE = 0.25, 0.25
SUBPIXEL_BITS = 4
MASK_CUT = 128
PLACEMENT_TRIES = 6
COLOUR_TRIES = 12
NOBODY = -1


@dataclass(frozen=True)
class Scene:
    """A picture and its truth.

    Attributes:
        picture: (height, width, 3) uint8, BGR.
        boxes: (n, 4) float32, x1 y1 x2 y2 in pixels of the picture; x2 and y2 are exclusive edges.
        class_ids: (n,) int64, positions in `CLASS_NAMES`.
    """

    picture: npt.NDArray[np.uint8]
    boxes: npt.NDArray[np.float32]
    class_ids: npt.NDArray[np.int64]


@dataclass
class _Painting:
    """A scene while it is drawn: `owner` (h, w) holds the shape on top of each pixel."""

    canvas: npt.NDArray[np.float32]
    owner: npt.NDArray[np.int16]
    full_areas: list[int] = field(default_factory=list)
    class_ids: list[int] = field(default_factory=list)


Window = tuple[slice, slice]


def _window(points: Points, width: int, height: int) -> Window | None:
    """Return the rows and columns that the polygon can touch, or None if that is nothing."""
    low = np.floor(points.min(axis=0)).astype(int) - 1
    high = np.ceil(points.max(axis=0)).astype(int) + 2
    left, top = max(int(low[0]), 0), max(int(low[1]), 0)
    right, bottom = min(int(high[0]), width), min(int(high[1]), height)
    if right - left < 1 or bottom - top < 1:
        return None
    return slice(top, bottom), slice(left, right)


def _mask(points: Points, window: Window) -> npt.NDArray[np.uint8]:
    """Return the polygon's coverage (0..255, smooth edges) inside the window."""
    rows, columns = window
    mask = np.zeros((rows.stop - rows.start, columns.stop - columns.start), dtype=np.uint8)
    local = (points - (columns.start, rows.start)) * (1 << SUBPIXEL_BITS)
    corners = np.round(local).astype(np.int32)
    cv2.fillPoly(mask, [corners], 255, lineType=cv2.LINE_AA, shift=SUBPIXEL_BITS)
    return mask


def _polygon_area(points: Points) -> float:
    x, y = points[:, 0], points[:, 1]
    return 0.5 * abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))))


def _keeps_others_visible(painting: _Painting, covered: npt.NDArray[np.bool_], window: Window) -> bool:
    """Tell whether every earlier shape still shows `MIN_VISIBLE` of itself."""
    hidden = painting.owner[window][covered]
    for shape in np.unique(hidden[hidden != NOBODY]):
        left = int((painting.owner == shape).sum()) - int((hidden == shape).sum())
        if left < MIN_VISIBLE * painting.full_areas[shape]:
            return False
    return True


def _contrasting_colour(rng: np.random.Generator, beneath: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Pick a colour that differs from the mean of the (n, 3) pixels beneath."""
    mean = beneath.mean(axis=0)
    colour = rng.uniform(0.0, 255.0, 3)
    for _ in range(COLOUR_TRIES):
        if float(np.abs(colour - mean).mean()) >= MIN_CONTRAST:
            break
        colour = rng.uniform(0.0, 255.0, 3)
    return colour.astype(np.float32)


def _blend(
    painting: _Painting,
    window: Window,
    mask: npt.NDArray[np.uint8],
    colour: npt.NDArray[np.float32],
) -> None:
    weight = mask.astype(np.float32)[..., None] / np.float32(255.0)
    area = painting.canvas[window]
    painting.canvas[window] = area + weight * (colour - area)


def _fill(rng: np.random.Generator, painting: _Painting, points: Points, window: Window) -> npt.NDArray[np.bool_]:
    """Draw one shape (plain, shaded or with a rim) and return the pixels of the window it took."""
    mask = _mask(points, window)
    covered = mask >= MASK_CUT
    colour = _contrasting_colour(rng, painting.canvas[window][covered])
    style = rng.random()
    if style < RIM_SHARE:  # a rim of another shade
        _blend(painting, window, mask, colour * np.float32(rng.uniform(0.2, 0.7)))
        centre = points.mean(axis=0)
        inner = centre + (points - centre) * rng.uniform(0.78, 0.92)
        _blend(painting, window, _mask(inner, window), colour)
    elif style < RIM_SHARE + SHADED_SHARE:  # shaded from one side to the other
        ramp = np.linspace(1.0, rng.uniform(0.55, 0.9), mask.shape[1], dtype=np.float32)
        _blend(painting, window, mask, colour * ramp[None, :, None])
    else:
        _blend(painting, window, mask, colour)
    return covered


def _try_to_add(rng: np.random.Generator, painting: _Painting, class_id: int) -> bool:
    """Draw one shape at a random place, or leave the painting alone if it hides too much."""
    height, width = painting.owner.shape
    longest = max(width, height)
    radius = longest * float(np.exp(rng.uniform(np.log(MIN_RADIUS), np.log(MAX_RADIUS))))
    centre = (float(rng.uniform(0.0, width)), float(rng.uniform(0.0, height)))
    angle = float(rng.uniform(0.0, 2.0 * np.pi))
    points = place(OUTLINES[CLASS_NAMES[class_id]], centre, radius, angle)
    window = _window(points, width, height)
    if window is None:
        return False
    covered = _mask(points, window) >= MASK_CUT
    full_area = int(_polygon_area(points))
    if int(covered.sum()) < MIN_VISIBLE * full_area:
        return False
    if not _keeps_others_visible(painting, covered, window):
        return False
    _fill(rng, painting, points, window)
    painting.owner[window][covered] = len(painting.full_areas)
    painting.full_areas.append(full_area)
    painting.class_ids.append(class_id)
    return True


def _visible_box(taken: npt.NDArray[np.bool_]) -> tuple[int, int, int, int]:
    rows = np.flatnonzero(taken.any(axis=1))
    columns = np.flatnonzero(taken.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def make_scene(
    rng: np.random.Generator,
    width: int,
    height: int,
    background: str | None = None,
    shapes: tuple[int, int] = (1, 12),
) -> Scene:
    """Draw a picture with `shapes[0]` to `shapes[1]` shapes (fewer if they find no room)."""
    canvas = backgrounds.paint(rng, width, height, background)
    painting = _Painting(canvas, np.full((height, width), NOBODY, dtype=np.int16))
    for _ in range(int(rng.integers(shapes[0], shapes[1] + 1))):
        class_id = int(rng.integers(0, len(CLASS_NAMES)))
        for _ in range(PLACEMENT_TRIES):
            if _try_to_add(rng, painting, class_id):
                break
    boxes = [_visible_box(painting.owner == shape) for shape in range(len(painting.class_ids))]
    return Scene(
        picture=np.clip(np.round(painting.canvas), 0.0, 255.0).astype(np.uint8),
        boxes=np.array(boxes, dtype=np.float32).reshape(-1, 4),
        class_ids=np.array(painting.class_ids, dtype=np.int64),
    )
