from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference_models.cli.drawing import Drawings, choose_targets, draw_prediction
from inference_models.errors import InvalidParameterError
from inference_models.predictions import (
    ClassificationPrediction,
    Detections,
    InstanceDetections,
    KeyPoints,
    MultiLabelClassificationPrediction,
    SemanticSegmentationResult,
)

sv = pytest.importorskip("supervision")

BOX = np.array([[40, 50, 120, 130]], np.float32)
ID = np.array([0])
SURE = np.array([0.9], np.float32)


def changed_by(prediction: Any) -> np.ndarray[Any, np.dtype[np.bool_]]:
    scene = np.full((200, 200, 3), 128, np.uint8)
    drawn = draw_prediction(sv, scene.copy(), prediction)
    assert drawn.shape == scene.shape
    result: np.ndarray[Any, np.dtype[np.bool_]] = (drawn != scene).any(axis=2)
    return result


def test_targets_differ_from_each_other_and_from_the_images(tmp_path: Path) -> None:
    images = [tmp_path / "x.png", tmp_path / "X.jpg", tmp_path / "x-annotated.png", Path("elsewhere/x.png")]
    targets = choose_targets(tmp_path, images)
    names = [targets[image].name for image in images]
    assert names == ["x-annotated-2.png", "X-annotated-3.png", "x-annotated-annotated.png", "x-annotated-4.png"]


def test_an_image_given_twice_has_one_target(tmp_path: Path) -> None:
    image = tmp_path / "x.png"
    assert choose_targets(tmp_path, [image, image]) == {image: tmp_path / "x-annotated.png"}


def test_a_depth_map_is_written_beside_its_picture(tmp_path: Path) -> None:
    scene, depth = np.zeros((20, 30, 3), np.uint8), np.arange(600, dtype=np.float32).reshape(20, 30)
    drawings = Drawings.prepare(tmp_path / "out", [tmp_path / "x.jpg", tmp_path / "x.png"])
    written = drawings.write(tmp_path / "x.png", scene, depth)
    assert (written.drawn.name, written.values and written.values.name) == ("x-annotated-2.png", "x-annotated-2.npy")
    assert written.values is not None
    np.testing.assert_array_equal(np.load(written.values, allow_pickle=False), depth)
    boxes = drawings.write(tmp_path / "x.jpg", scene, Detections(BOX, ID, SURE))
    assert boxes.values is None
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "x-annotated-2.npy", "x-annotated-2.png", "x-annotated.png"
    ]  # fmt: skip


def test_boxes() -> None:
    changed = changed_by(Detections(BOX, ID, SURE))
    assert changed[90, 40]
    assert changed[130, 80]
    assert not changed[90, 80]


def test_masks() -> None:
    mask = np.zeros((1, 200, 200), bool)
    mask[0, 80:100, 60:90] = True
    changed = changed_by(InstanceDetections(BOX, ID, SURE, mask=mask))
    assert changed[80:100, 60:90].all()
    assert not changed[110, 100]


def test_key_points() -> None:
    points = KeyPoints(np.array([[[50, 60], [0, 0]]], np.float32), ID, np.array([[0.9, 0]], np.float32))
    changed = changed_by(points)
    assert changed[60, 50]
    assert not changed[:30, :30].any(), "padding is not drawn"


def test_every_pixel_but_those_of_the_background_is_coloured() -> None:
    classes = np.zeros((200, 200), np.int64)
    classes[150:] = 1
    sure = np.ones((200, 200), np.float32)
    assert changed_by(SemanticSegmentationResult(classes, sure)).mean() > 0.9
    changed = changed_by(SemanticSegmentationResult(classes, sure, class_names=("Background", "lawn")))
    assert changed[150:].all()
    assert changed[:30, :100].any(), "the name of the class"
    assert not changed[30:150].any()
    nothing = SemanticSegmentationResult(classes * 0, sure, class_names=("background", "lawn"))
    assert not changed_by(nothing).any()


def test_lines_and_text_grow_with_the_picture() -> None:
    shares = []
    for side in (400, 4000):
        scene = np.full((side, side, 3), 128, np.uint8)
        box = np.array([[0.3, 0.3, 0.7, 0.7]], np.float32) * side
        drawn = draw_prediction(sv, scene.copy(), Detections(box, ID, SURE, class_names=["box"]))
        shares.append((drawn != scene).any(axis=2).mean())
    assert 0.5 < shares[1] / shares[0] < 1.5


@pytest.mark.parametrize(
    "prediction",
    [Detections(BOX[:0], ID[:0], SURE[:0]), KeyPoints(np.zeros((0, 3, 2), np.float32), ID[:0], np.zeros((0, 3)))],
)
def test_nothing_found_nothing_drawn(prediction: Any) -> None:
    assert not changed_by(prediction).any()


def test_boxes_outside_the_picture_and_tiny_pictures() -> None:
    far = Detections(np.array([[-50, -50, 900, 900]], np.float32), ID, SURE, class_names=["a" * 100])
    changed_by(far)
    assert draw_prediction(sv, np.zeros((1, 1, 3), np.uint8), far).shape == (1, 1, 3)


def test_skeletons_join_visible_points_of_their_class() -> None:
    xy = np.array([[[20, 20], [20, 100], [180, 20]], [[100, 180], [180, 180], [0, 0]]], np.float32)
    sure = np.array([[0.9, 0.8, 0], [0.7, 0.6, 0]], np.float32)
    skeletons = (((0, 1), (0, 2)), ((0, 1),), ())
    changed = changed_by(KeyPoints(xy, np.array([0, 1]), sure, skeletons=skeletons))
    assert changed[60, 20], "points 0 and 1 of the first are joined"
    assert changed[180, 140], "and those of the second"
    assert not changed[20, 100], "point 2 of the first is not there"
    assert not changed_by(KeyPoints(xy, np.array([0, 1]), sure))[60, 20], "no skeleton is known"


def test_a_tuple_is_drawn_part_by_part() -> None:
    points = KeyPoints(np.array([[[80, 90]]], np.float32), ID, np.array([[0.9]], np.float32))
    changed = changed_by((points, Detections(BOX, ID, SURE)))
    assert changed[90, 80]
    assert changed[90, 40]
    assert changed_by((points, None))[90, 80]
    assert not changed_by((points, None))[90, 40]


def test_classes_are_written_into_the_corner() -> None:
    scores = np.array([[0.1, 0.9]], np.float32)
    best = changed_by(ClassificationPrediction(np.array([1]), scores, class_names=("circle", "star")))
    assert best[:60, :100].any()
    assert not best[120:].any()
    labels = MultiLabelClassificationPrediction(np.array([1]), scores[0])
    assert changed_by(labels)[:30].any()
    assert changed_by(labels).sum() < best.sum(), "one line, not two"
    assert not changed_by(MultiLabelClassificationPrediction(np.array([], int), scores[0])).any()


@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_depth_is_drawn_in_colours(kind: str) -> None:
    depth: Any = np.linspace(1, 5, 200 * 200, dtype=np.float32).reshape(200, 200)
    depth[0, 0] = np.nan
    if kind == "torch":
        depth = pytest.importorskip("torch").from_numpy(depth)
    drawn = draw_prediction(sv, np.zeros((200, 200, 3), np.uint8), depth)
    assert drawn.shape == (200, 200, 3)
    brightness = drawn.astype(int).sum(axis=2).mean(axis=1)
    assert (np.diff(brightness[::20]) > 0).all(), "the larger the brighter"
    assert not drawn[0, 0].any()


def test_flat_depth_is_one_colour() -> None:
    drawn = draw_prediction(sv, np.zeros((20, 30, 3), np.uint8), np.full((20, 30), 3.0, np.float32))
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) == 1


@pytest.mark.parametrize(
    ("prediction", "kind"), [("text", "str"), (np.zeros((3, 4)), "ndarray"), ((BOX, "text"), "str")]
)
def test_what_cannot_be_drawn(prediction: Any, kind: str) -> None:
    with pytest.raises(InvalidParameterError, match=f"this model gives '{kind}'"):
        changed_by(prediction)


class Codes:
    """A prediction of a type that only its plugin knows, which draws itself."""

    def __init__(self, drawn: Any) -> None:
        self.drawn = drawn

    def annotate(self, picture: Any) -> Any:
        picture[:5] = 0
        return picture if self.drawn is None else self.drawn


def test_what_the_core_does_not_know_draws_itself() -> None:
    changed = changed_by((Codes(None), Detections(BOX, ID, SURE)))
    assert changed[:5].all()
    assert changed[50:130, 40:120].any(), "the other parts are drawn, too"


@pytest.mark.parametrize("drawn", ["text", np.zeros((20, 30), np.uint8), np.zeros((20, 30, 3))])
def test_what_draws_itself_wrongly_is_named(drawn: Any) -> None:
    with pytest.raises(InvalidParameterError, match=r"Codes\.annotate did not return a picture"):
        changed_by(Codes(drawn))
