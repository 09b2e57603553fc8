"""What is made of MediaPipe's results, with stand-ins for these: runs where mediapipe is not installed, too."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from im_mediapipe.classification import MediaPipeClassifier, MediaPipeMultiLabelClassifier
from im_mediapipe.face_detection import MediaPipeFaceDetector
from im_mediapipe.object_detection import MediaPipeObjectDetector
from im_mediapipe.package import MediaPipePackage
from inference_models import InvalidParameterError, ModelInputError, ModelRuntimeError
from inference_models.developer_tools import RecommendedParameters

NAMES = ("red", "green", "blue")


class Tasks:
    """Stands in for `ModelTasks`: gives the same detections for every image, and notes how it was asked."""

    def __init__(self, results: Sequence[Any]) -> None:
        self.results, self.options, self.frames = results, {}, []

    def run(self, frames: Any, options: Any) -> list[Any]:
        self.options, self.frames = options, frames
        return [SimpleNamespace(detections=self.results, classifications=self.results)] * len(frames)

    def close(self) -> None:
        pass


def detection(box: tuple[int, int, int, int], score: float, *, name: str = "", index: int | None = None) -> Any:
    points = [SimpleNamespace(x=0.25 + 0.1 * place, y=0.5) for place in range(6)]
    corner = dict(zip(("origin_x", "origin_y", "width", "height"), box, strict=True))
    category = SimpleNamespace(score=score, category_name=name or None, index=index)
    return SimpleNamespace(bounding_box=SimpleNamespace(**corner), categories=[category], keypoints=points)


def scores(*values: float) -> Any:
    return SimpleNamespace(categories=[SimpleNamespace(index=at, score=value) for at, value in enumerate(values)])


def make(cls: Any, *results: Any, names: tuple[str, ...] = NAMES, labels: bool = True, **recommended: Any) -> Any:
    package = MediaPipePackage(Tasks(results), names, labels)
    return cls(package, RecommendedParameters(**recommended) if recommended else None)


PICTURE = np.zeros((40, 60, 3), np.uint8)


def test_faces_come_best_first_with_points_in_pixels() -> None:
    pytest.importorskip("cv2")
    model = make(
        MediaPipeFaceDetector,
        detection((30, 20, 50, 50), 0.6),
        detection((0, 5, 20, 10), 0.9),
        names=("face",),
    )
    (points,), (boxes,) = model(PICTURE)
    np.testing.assert_allclose(boxes.confidence, [0.9, 0.6])
    np.testing.assert_array_equal(boxes.xyxy, [[0, 5, 20, 15], [30, 20, 60, 40]])  # clamped to the picture
    np.testing.assert_allclose(points.xy[0], [[15 + 6 * place, 20] for place in range(6)], rtol=1e-6)
    np.testing.assert_allclose(points.confidence, [[0.9] * 6, [0.6] * 6])
    assert points.key_points_classes == (("right_eye", "left_eye", "nose_tip", "mouth", "right_ear", "left_ear"),)
    assert len(model(PICTURE, max_detections=1)[1][0]) == 1


def test_no_face_gives_empty_predictions_of_the_right_shapes() -> None:
    pytest.importorskip("cv2")
    (points,), (boxes,) = make(MediaPipeFaceDetector, names=("face",))(PICTURE)
    assert points.xy.shape == (0, 6, 2)
    assert boxes.xyxy.shape == (0, 4)


def test_options_reach_mediapipe() -> None:
    model = make(MediaPipeFaceDetector, names=("face",), confidence=0.7)
    frames, _ = model.pre_process(PICTURE, input_color_format="rgb")
    model.forward(frames)
    assert model._tasks.options == {"min_detection_confidence": 0.5, "min_suppression_threshold": 0.3}
    model.forward(frames, confidence="best", iou_threshold=0.1)
    assert model._tasks.options == {"min_detection_confidence": 0.7, "min_suppression_threshold": 0.1}


def test_thresholds_by_class_keep_what_reaches_its_own() -> None:
    model = make(
        MediaPipeObjectDetector,
        detection((0, 0, 9, 9), 0.5, name="red"),
        detection((0, 0, 9, 9), 0.5, name="blue"),
        confidence=0.6,
        per_class_confidence={"blue": 0.3},
    )
    (boxes,) = model(PICTURE, confidence="best", input_color_format="rgb")
    assert boxes.names == ["blue"]
    assert model._tasks.options == {"score_threshold": pytest.approx(0.3)}


def test_a_file_without_labels_gives_ids() -> None:
    model = make(MediaPipeObjectDetector, detection((1, 2, 3, 4), 0.8, index=2), labels=False)
    assert model(PICTURE, input_color_format="rgb")[0].names == ["blue"]
    with pytest.raises(InvalidParameterError, match="need labels in the model file"):
        model(PICTURE, category_allowlist=["red"], input_color_format="rgb")


@pytest.mark.parametrize("unknown", [{"name": "pink"}, {"index": 3}, {"index": -1}, {}])
def test_a_class_without_a_name_is_an_error_and_no_wrong_name(unknown: dict[str, Any]) -> None:
    model = make(MediaPipeObjectDetector, detection((1, 2, 3, 4), 0.8, **unknown))
    with pytest.raises(ModelRuntimeError, match="MediaPipe found the class"):
        model(PICTURE, input_color_format="rgb")


def test_of_labels_that_occur_twice_the_first_counts() -> None:
    model = make(MediaPipeObjectDetector, detection((1, 2, 3, 4), 0.8, name="???"), names=("cat", "???", "???"))
    assert model(PICTURE, input_color_format="rgb")[0].class_id.tolist() == [1]


def test_a_class_of_each_image() -> None:
    model = make(MediaPipeClassifier, scores(0.2, 0.5, 0.3))
    prediction = model([PICTURE, PICTURE], input_color_format="rgb")
    assert prediction.names == ["green", "green"]
    np.testing.assert_allclose(prediction.confidence, [[0.2, 0.5, 0.3]] * 2)
    without = model(PICTURE, category_denylist=["green"], input_color_format="rgb")
    assert without.names == ["blue"]
    np.testing.assert_allclose(without.confidence, [[0.2, 0, 0.3]])


def test_labels_of_each_image() -> None:
    model = make(MediaPipeMultiLabelClassifier, scores(0.4, 0.9, 0.3), confidence=0.35)
    assert [one.names for one in model([PICTURE] * 2, input_color_format="rgb")] == [["red", "green"]] * 2
    assert model(PICTURE, confidence=0.95, input_color_format="rgb")[0].names == []
    assert model(PICTURE, confidence="best", input_color_format="rgb")[0].names == ["red", "green"]
    allowed = model(PICTURE, category_allowlist=["red", "blue"], confidence=0, input_color_format="rgb")[0]
    assert allowed.names == ["red", "blue"]


@pytest.mark.parametrize("torch_first", [True, False])
def test_predictions_are_of_the_kind_of_their_image(torch_first: bool) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("cv2")
    images = [torch.zeros(3, 40, 60), PICTURE] if torch_first else [PICTURE, torch.zeros(3, 40, 60)]
    kinds = [isinstance(image, torch.Tensor) for image in images]
    found = make(MediaPipeObjectDetector, detection((1, 2, 3, 4), 0.8, name="red"))(images)
    assert [isinstance(boxes.xyxy, torch.Tensor) for boxes in found] == kinds
    points, _ = make(MediaPipeFaceDetector, detection((1, 2, 3, 4), 0.8), names=("face",))(images)
    assert [isinstance(one.xy, torch.Tensor) for one in points] == kinds
    classes = make(MediaPipeClassifier, scores(0.2, 0.5, 0.3))(images)
    assert isinstance(classes.confidence, torch.Tensor) == kinds[0]
    assert classes.names == ["green", "green"]
    labels = make(MediaPipeMultiLabelClassifier, scores(0.2, 0.5, 0.3))(images)
    assert isinstance(labels[0].class_ids, torch.Tensor) == kinds[0]


def test_what_reaches_mediapipe_is_contiguous_and_red_green_blue() -> None:
    pytest.importorskip("cv2")
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    model = make(MediaPipeClassifier, scores(1, 0, 0))
    for given, order, expected in (
        (picture, None, picture[..., ::-1]),
        (picture[::-1, ::2], None, picture[::-1, ::2, ::-1]),
        (picture.transpose(1, 0, 2), "rgb", picture.transpose(1, 0, 2)),
    ):
        (frame,) = model.pre_process(given, input_color_format=order)
        np.testing.assert_array_equal(frame.pixels, expected)
        assert frame.pixels.flags.c_contiguous
        assert (frame.height, frame.width) == given.shape[:2]


@pytest.mark.parametrize(
    ("error", "call"),
    [
        (InvalidParameterError, {"confidence": 2}),
        (InvalidParameterError, {"confidence": "high"}),
        (InvalidParameterError, {"iou_threshold": -1}),
        (InvalidParameterError, {"max_detections": 0}),
        (InvalidParameterError, {"input_color_format": "gbr"}),
        (InvalidParameterError, {"threshold": 0.5}),
        (ModelInputError, {"images": PICTURE.astype(np.float32)}),
        (ModelInputError, {"images": PICTURE[..., 0]}),
        (ModelInputError, {"images": []}),
    ],
)
def test_what_cannot_be_used_is_refused(error: type[Exception], call: dict[str, Any]) -> None:
    call = {"images": PICTURE, "input_color_format": "rgb", **call}
    with pytest.raises(error):
        make(MediaPipeFaceDetector, names=("face",))(**call)
