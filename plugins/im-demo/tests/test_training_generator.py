"""The pictures that the demo detector is trained and measured on."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("cv2")

TRAINING = Path(__file__).resolve().parents[1] / "training"
if not TRAINING.is_dir():
    pytest.skip("the training code is not part of the sdist", allow_module_level=True)
if str(TRAINING) not in sys.path:
    sys.path.insert(0, str(TRAINING))

backgrounds: Any = importlib.import_module("shapes_training.backgrounds")
outlines: Any = importlib.import_module("shapes_training.outlines")
samples: Any = importlib.import_module("shapes_training.samples")
scenes: Any = importlib.import_module("shapes_training.scenes")


def _same(first: Any, second: Any) -> bool:
    names = ("picture", "boxes", "class_ids")
    return all(np.array_equal(getattr(first, n), getattr(second, n)) for n in names)


@pytest.mark.parametrize("draw", [samples.training_sample, samples.held_out_scene])
def test_one_index_is_always_the_same_picture(draw: Any) -> None:
    assert _same(draw(3), draw(3))
    assert not _same(draw(3), draw(7))


def test_training_and_held_out_seeds_differ() -> None:
    assert samples.TRAINING_SEED != samples.HELD_OUT_SEED
    assert not _same(samples.held_out_scene(0), samples.held_out_scene(0, samples.TRAINING_SEED))


@pytest.mark.parametrize("index", range(8))
def test_boxes_lie_inside_the_picture(index: int) -> None:
    scene = samples.held_out_scene(index)
    height, width = scene.picture.shape[:2]
    assert (width, height) == samples.HELD_OUT_SIZES[index % len(samples.HELD_OUT_SIZES)]
    assert scene.picture.dtype == np.uint8
    assert scene.boxes.dtype == np.float32
    assert scene.boxes.shape == (len(scene.class_ids), 4)
    assert (scene.boxes[:, :2] >= 0).all()
    assert (scene.boxes[:, 2:] <= (width, height)).all()
    assert (scene.boxes[:, 2:] > scene.boxes[:, :2]).all()
    assert set(scene.class_ids.tolist()) <= set(range(len(outlines.CLASS_NAMES)))


def test_training_samples_have_the_network_size_and_boxes_inside() -> None:
    for index in range(12):
        sample = samples.training_sample(index)
        assert sample.picture.shape == (samples.INPUT_SIZE, samples.INPUT_SIZE, 3)
        assert (sample.boxes >= 0).all()
        assert (sample.boxes <= samples.INPUT_SIZE).all()


def test_all_classes_turn_up() -> None:
    seen = {int(c) for i in range(0, 60, 4) for c in samples.held_out_scene(i).class_ids}
    assert seen == set(range(len(outlines.CLASS_NAMES)))


def test_the_box_of_a_lone_shape_is_where_the_picture_changes() -> None:
    plain = backgrounds.paint(np.random.default_rng(5), 200, 150, "gradient")
    scene = scenes.make_scene(np.random.default_rng(5), 200, 150, "gradient", shapes=(1, 1))
    assert len(scene.boxes) == 1
    changed = np.abs(scene.picture.astype(float) - np.round(plain)).max(axis=2) > 1
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    drawn = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
    # The smooth edge reaches at most one pixel beyond the half-covered ones that count.
    assert np.abs(scene.boxes[0] - drawn).max() <= 1


@pytest.mark.parametrize("name", outlines.CLASS_NAMES)
def test_outlines_touch_the_unit_circle(name: str) -> None:
    reach = np.linalg.norm(outlines.OUTLINES[name], axis=1)
    assert reach.max() == pytest.approx(1.0)


def test_place_scales_turns_and_moves() -> None:
    placed = outlines.place(np.array([[1.0, 0.0]]), (10.0, 20.0), 5.0, np.pi / 2.0)
    assert placed == pytest.approx(np.array([[10.0, 25.0]]))


@pytest.mark.parametrize("kind", list(backgrounds.PAINTERS))
def test_backgrounds_are_of_the_asked_size_and_range(kind: str) -> None:
    canvas = backgrounds.paint(np.random.default_rng(0), 90, 70, kind)
    assert canvas.shape == (70, 90, 3)
    assert canvas.dtype == np.float32
    assert canvas.min() >= 0.0
    assert canvas.max() <= 255.0


def test_letterbox_pads_with_grey_on_both_sides() -> None:
    white = np.full((240, 640, 3), 255, dtype=np.uint8)
    boxed, scale, left, top = samples.letterbox(white)
    assert (scale, left, top) == (0.5, 0, 100)
    assert boxed.shape == (320, 320, 3)
    assert (boxed[:100] == samples.PADDING_VALUE).all()
    assert (boxed[100:220] == 255).all()
    assert (boxed[220:] == samples.PADDING_VALUE).all()
