"""The pipeline against a plain loop: cut out a box, classify it, go on."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pytest

from im_classification.detect_and_classify import DetectAndClassify
from inference_models import (
    AutoModelPipeline,
    Detections,
    InstanceDetections,
    InstanceSegmentationModel,
    InstancesRLEMasks,
    InvalidParameterError,
    ObjectDetectionModel,
    SessionClosedError,
)

WEIGHTS = np.array([[3, 0, 1], [0, 3, 1], [-1, 0, 3]], np.float32)
BOXES = np.array([[3.5, 2, 40, 30.2], [50, 20, 90, 70], [-9, -9, 12, 12], [119, 89, 300, 300]], np.float32)
NAMES = ("thing", "other")


class Finder(ObjectDetectionModel[Any, Any, Any]):
    """Finds the first `counts[i]` of `BOXES` in image i."""

    class_names = NAMES

    def __init__(self, *counts: int, rows: list[dict[str, Any]] | None = None) -> None:
        self.counts, self.rows, self.options = counts, rows, []

    @classmethod
    def from_pretrained(cls, model_name_or_path: str) -> Self:
        return cls()

    def pre_process(self, images: Any, *, input_color_format: str | None = None) -> tuple[Any, Any]:
        self.options.append(input_color_format)
        return images, None

    def forward(self, pre_processed_images: Any) -> Any:
        return pre_processed_images

    def post_process(self, model_results: Any, pre_processing_meta: Any, *, confidence: float = 0.5) -> Any:
        images = model_results if isinstance(model_results, (list, tuple)) else [model_results]
        return [self._found(image, count, confidence) for image, count in zip(images, self.counts, strict=True)]

    def _found(self, image: Any, count: int, confidence: float) -> Detections:
        found = Detections(
            BOXES[:count],
            np.arange(count, dtype=np.int32) % 2,
            np.linspace(confidence, 1, count, dtype=np.float32),
            class_names=NAMES,
            bboxes_metadata=self.rows,
        )
        return found if isinstance(image, np.ndarray) else found.to_torch()


class Counting:
    """A classifier that notes how many images it is given at a time."""

    def __init__(self, model: Any) -> None:
        self.model, self.sizes, self.class_names = model, [], model.class_names

    def __call__(self, images: Any, **options: Any) -> Any:
        self.sizes.append(len(images))
        return self.model(images, **options)


@pytest.fixture
def classifier(workbench: Any) -> Any:
    return workbench.open(workbench.package(files={"weights.onnx": workbench.averaging(WEIGHTS)}))


def by_hand(image: np.ndarray, classifier: Any, count: int) -> list[tuple[int, float]]:
    """Return class and confidence of each box, one at a time."""
    found = []
    height, width = image.shape[:2]
    for left, top, right, bottom in BOXES[:count]:
        x, y = max(int(left), 0), max(int(top), 0)
        crop = image[y : min(int(np.ceil(bottom)), height), x : min(int(np.ceil(right)), width)].copy()
        said = classifier(crop)
        found.append((int(said.class_id[0]), float(said.confidence[0, said.class_id[0]])))
    return found


@pytest.mark.parametrize("kind", ["numpy", "torch"])
@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_it_says_what_a_plain_loop_says(
    workbench: Any, classifier: Any, as_tensor: Any, kind: str, batch_size: int
) -> None:
    images = [workbench.picture(seed=seed) for seed in range(4)]
    counts = (2, 0, 4, 1)
    counting = Counting(classifier)
    pipeline = DetectAndClassify.with_models([Finder(*counts), counting], batch_size=batch_size)
    refined = pipeline([as_tensor(image) for image in images] if kind == "torch" else images, confidence=0.6)
    assert counting.sizes == {1: [1] * 7, 3: [3, 3, 1], 100: [7]}[batch_size]
    assert [len(one) for one in refined] == list(counts)
    for image, count, found in zip(images, counts, refined, strict=True):
        assert type(found) is Detections
        assert found.array_kind == kind
        assert found.class_names == ("cat", "dog", "fish") == tuple(pipeline.class_names)
        expected, scores = by_hand(image, classifier, count), np.linspace(0.6, 1, count)
        plain = found.to_numpy()
        np.testing.assert_array_equal(plain.xyxy, BOXES[:count])
        assert plain.class_id.tolist() == [class_id for class_id, _ in expected]
        np.testing.assert_allclose(
            plain.confidence, [s * p for s, (_, p) in zip(scores, expected, strict=True)], rtol=1e-5
        )
        for place, row in enumerate(found.bboxes_metadata):
            assert (row["detector_class_id"], row["detector_class_name"]) == (place % 2, NAMES[place % 2])
            assert row["detector_confidence"] == pytest.approx(scores[place])
            assert row["classifier_confidence"] == pytest.approx(expected[place][1], rel=1e-5)


def test_nothing_found_is_nothing_classified(workbench: Any, classifier: Any) -> None:
    counting = Counting(classifier)
    (found,) = DetectAndClassify.with_models([Finder(0), counting])(workbench.picture())
    assert counting.sizes == []
    assert (len(found), found.class_names, found.bboxes_metadata) == (0, ("cat", "dog", "fish"), [])


def test_one_image_and_an_array_of_them(workbench: Any, classifier: Any) -> None:
    image = workbench.picture()
    (one,) = DetectAndClassify.with_models([Finder(4), classifier])(image)
    both = DetectAndClassify.with_models([_of_array(Finder(4, 4)), classifier])(np.stack([image, image]))
    assert [found.to_dict() for found in both] == [one.to_dict()] * 2


def _of_array(finder: Finder) -> Any:
    return lambda images, **options: finder(list(images), **options)


def test_masks_stay_with_their_boxes(workbench: Any, classifier: Any) -> None:
    masks = InstancesRLEMasks.from_dense(np.ones((2, 90, 120), bool))

    class Segmenter(InstanceSegmentationModel[Any, Any, Any]):
        class_names, supported_mask_formats = NAMES, frozenset({"rle"})
        from_pretrained = pre_process = forward = post_process = None

        def __init__(self) -> None:
            pass

        def __call__(self, images: Any, **kwargs: Any) -> Any:
            return [InstanceDetections(BOXES[:2], np.zeros(2, np.int32), np.ones(2, np.float32), mask=masks)]

    (found,) = DetectAndClassify.with_models([Segmenter(), classifier])(workbench.picture())
    assert isinstance(found, InstanceDetections)
    assert found.mask is masks
    assert [row["detector_class_name"] for row in found.bboxes_metadata] == ["0", "0"]


def test_what_the_detector_says_of_a_box_is_kept_but_for_its_name(workbench: Any, classifier: Any) -> None:
    finder = Finder(1, rows=[{"class_name": "a thing with legs", "tracker_id": 7}])
    (found,) = DetectAndClassify.with_models([finder, classifier])(workbench.picture())
    (row,) = found.bboxes_metadata
    assert (row["tracker_id"], row["detector_class_name"]) == (7, "a thing with legs")
    assert found.names[0] in ("cat", "dog", "fish")
    assert found.to_dict()["detections"][0]["class_name"] == found.names[0]


def test_colours_are_the_same_for_both_and_other_options_go_where_they_belong(workbench: Any, classifier: Any) -> None:
    image, finder = workbench.picture(), Finder(4)
    pipeline = DetectAndClassify.with_models([finder, classifier])
    (expected,), (found,) = pipeline(image), pipeline(image[..., ::-1], input_color_format="rgb")
    assert finder.options == [None, "rgb"]
    assert found.to_dict() == expected.to_dict()
    (swapped,) = pipeline(image, classifier_options={"input_color_format": "rgb"})
    assert swapped.to_dict() != expected.to_dict()
    with pytest.raises(InvalidParameterError, match="Finder does not know the keyword argument 'iou'"):
        pipeline(image, iou=0.5)
    with pytest.raises(InvalidParameterError, match="SessionClassifier does not know the keyword argument 'confidenc'"):
        pipeline(image, classifier_options={"confidenc": 0.5})


@pytest.mark.parametrize("batch_size", [0, -1, True, 2.0, "4"])
def test_a_batch_size_is_a_whole_number(workbench: Any, classifier: Any, batch_size: Any) -> None:
    told = "batch_size must be a whole number of at least 1"
    with pytest.raises(InvalidParameterError, match=told):
        DetectAndClassify.with_models([Finder(1), classifier], batch_size=batch_size)
    with pytest.raises(InvalidParameterError, match=told):
        DetectAndClassify.with_models([Finder(1), classifier])(workbench.picture(), batch_size=batch_size)


def test_models_of_the_wrong_kind(workbench: Any, classifier: Any) -> None:
    told = (
        r"needs an ObjectDetectionModel or InstanceSegmentationModel as its detector \(model 0\), and "
        r"SessionClassifier is a ClassificationModel\. The order is: detector, classifier\."
    )
    with pytest.raises(InvalidParameterError, match=told):
        AutoModelPipeline.from_pretrained("detect-and-classify", [classifier, Finder(1)])
    directory = workbench.package(files={"weights.onnx": workbench.averaging(WEIGHTS)}, multi=True)
    with pytest.raises(
        InvalidParameterError,
        match=r"a ClassificationModel as its classifier .*, and SessionMultiLabelClassifier is a MultiLabelClassi",
    ):
        AutoModelPipeline.from_pretrained("detect-and-classify", [Finder(1), directory])


def test_it_is_found_by_its_id_and_closes_what_was_loaded_for_it(workbench: Any) -> None:
    directory = workbench.package(files={"weights.onnx": workbench.averaging(WEIGHTS)})
    finder = Finder(2)
    with AutoModelPipeline.from_pretrained(
        "detect-and-classify", [finder, directory], device="cpu", batch_size=1
    ) as pipeline:
        assert len(pipeline(workbench.picture())[0]) == 2
    assert not finder.closed
    assert pipeline.classifier.closed
    with pytest.raises(SessionClosedError):
        pipeline(workbench.picture())
