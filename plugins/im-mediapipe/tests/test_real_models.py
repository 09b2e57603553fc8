"""The three tasks on the real MediaPipe, with the committed networks, equal to MediaPipe run by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from inference_models import SessionClosedError

pytest.importorskip("mediapipe", reason="needs mediapipe, in an environment of its own: make test-mediapipe")

NAMES = ["red", "green", "blue"]


def boxes_by_hand(result: Any) -> list[list[float]]:
    boxes = [detection.bounding_box for detection in result.detections]
    return [[box.origin_x, box.origin_y, box.origin_x + box.width, box.origin_y + box.height] for box in boxes]


def scores_by_hand(result: Any) -> list[float]:
    return [detection.categories[0].score for detection in result.detections]


def test_the_committed_networks_are_what_the_script_writes(make_networks) -> None:
    for name, make in make_networks.NETWORKS.items():
        assert make() == (make_networks.DIRECTORY / name).read_bytes(), f"run {make_networks.__file__}"


def test_squares_of_colour_are_found_where_they_are(load, paint, by_hand) -> None:
    model = load("objects")
    picture = paint(200, 100, green=(100, 25, 150, 50), red=(0, 75, 50, 100))
    picture[75:, :50] //= 2
    (found,) = model(picture)
    assert model.class_names == NAMES
    assert found.names == ["green", "red"]
    np.testing.assert_array_equal(found.xyxy, [[100, 25, 150, 50], [0, 75, 50, 100]])
    result = by_hand("objects", picture, score_threshold=0.4)
    assert found.xyxy.tolist() == boxes_by_hand(result)
    np.testing.assert_allclose(found.confidence, scores_by_hand(result), rtol=0)


def test_options_of_object_detection_do_what_mediapipes_do(load, paint, by_hand) -> None:
    model = load("objects")
    picture = paint(128, 128, green=(0, 0, 32, 32), red=(64, 64, 96, 96), blue=(96, 0, 128, 32))
    picture[64:96, 64:96] //= 2
    for ours, theirs, names in (
        ({"confidence": 0.1}, {"score_threshold": 0.1}, ["green", "blue", "red"]),
        ({"confidence": 0.6}, {"score_threshold": 0.6}, ["green", "blue"]),
        ({"confidence": 0.1, "max_detections": 1}, {"score_threshold": 0.1, "max_results": 1}, ["green"]),
        ({"category_allowlist": ["red"]}, {"category_allowlist": ["red"]}, ["red"]),
        ({"category_denylist": ["blue", "red"]}, {"category_denylist": ["blue", "red"]}, ["green"]),
    ):
        (found,) = model(picture, **ours)
        result = by_hand("objects", picture, **theirs)
        assert found.names == names
        assert found.names == [one.categories[0].category_name for one in result.detections]
        assert found.xyxy.tolist() == boxes_by_hand(result)


def test_nothing_gives_empty_predictions(load, paint) -> None:
    (objects,) = load("objects")(paint(50, 50))
    (points,), (faces,) = load("face")(paint(50, 50))
    assert len(objects) == len(points) == len(faces) == 0


def test_a_face_with_its_points_in_pixels_of_the_picture(load, paint, by_hand) -> None:
    model = load("face")
    picture = paint(256, 256, white=(128, 64, 160, 96))
    (points,), (boxes,) = model(picture)
    result = by_hand("face", picture)
    assert boxes.names == points.names == ["face"]
    assert boxes.xyxy.tolist() == boxes_by_hand(result)
    np.testing.assert_allclose(boxes.confidence, scores_by_hand(result), rtol=0)
    # What the network says of a square around (144, 80): eyes, nose, mouth and ears in steps of 8 of its 128 pixels.
    expected = [[128, 64], [160, 64], [144, 80], [144, 96], [112, 64], [176, 64]]
    np.testing.assert_allclose(points.xy, [expected], atol=1e-3)
    by_name = dict(zip(model.key_points_classes[0], points.xy[0].tolist(), strict=True))
    assert by_name["right_eye"][0] < by_name["nose_tip"][0] < by_name["left_eye"][0]


@pytest.mark.parametrize(("width", "height"), [(400, 100), (100, 400), (641, 479)])
def test_faces_in_pictures_of_any_shape_lie_where_mediapipe_says(load, paint, by_hand, width, height) -> None:
    side = max(width, height) // 8
    left, top = width // 2, height // 2
    picture = paint(width, height, white=(left, top, left + side, top + side))
    (points,), (boxes,) = load("face")(picture)
    result = by_hand("face", picture)
    assert len(boxes) == len(result.detections) == 1
    np.testing.assert_array_equal(boxes.xyxy, np.clip(boxes_by_hand(result), 0, [width, height] * 2))
    (detection,) = result.detections
    np.testing.assert_allclose(points.xy[0], [(p.x * width, p.y * height) for p in detection.keypoints], rtol=1e-6)
    # and the nose is in the middle of the square, up to the network's own grid
    np.testing.assert_allclose(points.xy[0, 2], [left + side / 2, top + side / 2], atol=side / 2)


def test_options_of_face_detection_do_what_mediapipes_do(load, paint, by_hand) -> None:
    model = load("face")
    picture = paint(256, 256, white=(128, 64, 160, 96))
    picture[160:192, 32:64] = 190
    both = by_hand("face", picture, min_detection_confidence=0.2)
    assert len(both.detections) > len(by_hand("face", picture, min_detection_confidence=0.99).detections)
    for confidence in (0.2, 0.5, 0.99):
        for threshold in (0.05, 0.3, 0.9):
            (_,), (boxes,) = model(picture, confidence=confidence, iou_threshold=threshold)
            options = {"min_detection_confidence": confidence, "min_suppression_threshold": threshold}
            result = by_hand("face", picture, **options)
            assert sorted(boxes.xyxy.tolist()) == sorted(np.clip(boxes_by_hand(result), 0, 256).tolist())


def test_the_colour_of_a_picture(load, paint, by_hand) -> None:
    model = load("classes")
    pictures = [paint(30, 20, blue=(0, 0, 30, 15)), paint(9, 9, red=(0, 0, 9, 4))]
    prediction = model(pictures)
    assert prediction.names == ["blue", "red"]
    for row, picture in zip(prediction.confidence, pictures, strict=True):
        categories = by_hand("classes", picture).classifications[0].categories
        np.testing.assert_allclose(row, [one.score for one in sorted(categories, key=lambda one: one.index)], rtol=0)
        assert row.sum() == pytest.approx(1)


def test_the_order_of_colours_counts(load, paint) -> None:
    model, picture = load("classes"), paint(16, 16, blue=(0, 0, 16, 16))
    assert model(picture).names == ["blue"]
    assert model(picture, input_color_format="rgb").names == ["red"]


def test_tensors_give_the_same_as_arrays(load, paint) -> None:
    torch = pytest.importorskip("torch")
    picture = paint(200, 100, green=(100, 25, 150, 50))
    tensor = torch.from_numpy(picture[..., ::-1].copy()).permute(2, 0, 1)
    model = load("objects")
    (found,) = model(tensor)
    assert isinstance(found.xyxy, torch.Tensor)
    np.testing.assert_array_equal(found.xyxy.numpy(), model(picture)[0].xyxy)


def test_labels_of_a_picture(load, paint) -> None:
    model = load("labels")
    (found,) = model(paint(16, 16, red=(0, 0, 16, 8)), confidence=0.5)
    assert found.names == ["red"]


@pytest.mark.parametrize("kind", ["face", "objects", "classes"])
def test_a_closed_model_says_so(load, paint, kind: str) -> None:
    model = load(kind)
    model.close()
    model.close()
    with pytest.raises(SessionClosedError):
        model(paint(8, 8))
    with pytest.raises(SessionClosedError):
        model._tasks.run(model.pre_process(paint(8, 8))[:1], {})


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (3000, 2)])
def test_odd_sizes_run(load, shape: tuple[int, int]) -> None:
    picture = np.full((*shape, 3), 255, np.uint8)
    for kind in ("face", "objects", "classes"):
        load(kind)(picture)
