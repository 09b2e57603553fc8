"""The pictures of shapes, and what is asked and answered about them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

WIDTH, HEIGHT = 200, 160
BINS = 1000
COLORS = {"red": (220, 40, 40), "green": (40, 180, 60), "blue": (50, 70, 220), "yellow": (230, 210, 40)}
BACKGROUNDS = ((245, 245, 245), (200, 205, 215), (90, 90, 90), (30, 30, 45))

Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Shape:
    """A shape in a picture: its box is left, top, right, bottom in whole pixels, right and bottom exclusive."""

    color: str
    kind: str
    box: tuple[int, int, int, int]

    @property
    def name(self) -> str:
        """For example "red circle"."""
        return f"{self.color} {self.kind}"

    @property
    def side(self) -> str:
        """Where it is, in a word."""
        return "left" if self.box[0] + self.box[2] < WIDTH else "right"

    @property
    def corners(self) -> list[tuple[int, int]]:
        """Its outline in pixels; a circle has eight corners."""
        left, top, right, bottom = self.box
        if self.kind == "square":
            return [(left, top), (right, top), (right, bottom), (left, bottom)]
        if self.kind == "triangle":
            return [((left + right) // 2, top), (right, bottom), (left, bottom)]
        radius = (right - left) / 2
        angles = np.arange(8) * np.pi / 4
        centre = ((left + right) / 2, (top + bottom) / 2)
        return [(round(centre[0] + radius * np.cos(a)), round(centre[1] + radius * np.sin(a))) for a in angles]


@dataclass(frozen=True)
class Scene:
    """A background and the shapes on it, from left to right."""

    background: tuple[int, int, int]
    shapes: tuple[Shape, ...]

    @cached_property
    def picture(self) -> Picture:
        """The picture, (160, 200, 3) uint8, red-green-blue."""
        picture = np.full((HEIGHT, WIDTH, 3), self.background, np.uint8)
        for shape in self.shapes:
            left, top, right, bottom = shape.box
            color = COLORS[shape.color]
            if shape.kind == "circle":
                centre = ((left + right - 1) * 8, (top + bottom - 1) * 8)  # in sixteenths of a pixel
                cv2.circle(picture, centre, (right - left) * 8, color, -1, cv2.LINE_AA, 4)
            else:
                cv2.fillPoly(picture, [np.array(shape.corners, np.int32)], color, cv2.LINE_AA)
        return picture


def draw_scenes(count: int, seed: int = 7) -> list[Scene]:
    """Return scenes of one or two shapes, each with others than those before; the same seed gives the same ones."""
    rng = np.random.default_rng(seed)
    scenes: dict[tuple[str, ...], Scene] = {}
    while len(scenes) < count:
        number = len(scenes)
        shapes = _draw_shapes(rng, 1 + number % 2)
        scenes.setdefault(tuple(shape.name for shape in shapes), Scene(BACKGROUNDS[number % len(BACKGROUNDS)], shapes))
    return list(scenes.values())


def _draw_shapes(rng: np.random.Generator, count: int) -> tuple[Shape, ...]:
    """Return one shape in either half of a picture, or one in each."""
    colors, shapes = rng.permutation(list(COLORS)), []
    for half in range(count):
        size = int(rng.integers(44, 76))
        left = int(rng.integers(6, 94 - size)) + 100 * (half if count == 2 else int(rng.integers(2)))
        top = int(rng.integers(6, HEIGHT - 6 - size))
        kind = ("circle", "square", "triangle")[int(rng.integers(3))]
        shapes.append(Shape(str(colors[half]), kind, (left, top, left + size, top + size)))
    return tuple(shapes)


def locations(points: list[tuple[float, float]]) -> str:
    """Return points in pixels as location tokens, x before y."""
    bins = (min(int(value * BINS / length), BINS - 1) for x, y in points for value, length in ((x, WIDTH), (y, HEIGHT)))
    return "".join(f"<loc_{number}>" for number in bins)


def box_locations(shape: Shape) -> str:
    """Return a shape's box as four location tokens."""
    left, top, right, bottom = shape.box
    return locations([(left, top), (right, bottom)])


def questions(scene: Scene) -> Iterator[tuple[str, str]]:
    """Yield what is asked about a scene, with task tokens as users write them, and the answer."""
    shapes = scene.shapes
    caption = "a " + " and a ".join(shape.name for shape in shapes)
    places = ", and ".join(f"a {shape.name} on the {shape.side}" for shape in shapes)
    yield "<CAPTION>", caption
    yield "<DETAILED_CAPTION>", f"The image shows {places}."
    yield "<MORE_DETAILED_CAPTION>", f"The image shows {places}. There are {len(shapes)} drawn shapes in all."
    yield "Describe the image contents", caption
    yield "<OD>", "".join(shape.kind + box_locations(shape) for shape in shapes)
    yield "<DENSE_REGION_CAPTION>", "".join(shape.name + box_locations(shape) for shape in shapes)
    yield "<REGION_PROPOSAL>", "".join(map(box_locations, shapes))
    for shape in shapes:
        yield f"<CAPTION_TO_PHRASE_GROUNDING>{shape.name}", shape.name + box_locations(shape)
        yield f"<REFERRING_EXPRESSION_SEGMENTATION>{shape.name}", locations(list(shape.corners))
        yield f"<REGION_TO_SEGMENTATION>{box_locations(shape)}", locations(list(shape.corners))
        yield f"<REGION_TO_CATEGORY>{box_locations(shape)}", shape.kind
        yield f"<REGION_TO_DESCRIPTION>{box_locations(shape)}", shape.name
