"""What is particular to single tasks."""

from __future__ import annotations

import typing
from typing import Any, Self

import numpy as np
import pytest
import torch

import inference_models.models
from inference_models.errors import InvalidParameterError, SessionClosedError
from inference_models.models import (
    AnyModel,
    ClassificationModel,
    InstanceSegmentationModel,
    KeyPointsDetectionModel,
    MultiLabelClassificationModel,
    OpenVocabularyObjectDetectionModel,
    StructuredOCRModel,
    TextImageEmbeddingModel,
    TextOnlyOCRModel,
    VisionLanguageModel,
)
from inference_models.predictions import Detections, InstanceDetections, InstancesRLEMasks

TWO_PARAMETERS = {ClassificationModel, MultiLabelClassificationModel, TextOnlyOCRModel}
TASKS = typing.get_args(AnyModel)


class Loads:
    @classmethod
    def from_pretrained(cls, model_name_or_path: str, **kwargs: Any) -> Self:
        return cls()

    class_names = ("dog", "cat")


def test_twelve_tasks() -> None:
    assert len(TASKS) == 12
    assert {cls.__name__ for cls in TASKS} <= set(inference_models.models.__all__)
    assert inference_models.models.__all__ == sorted(inference_models.models.__all__)


@pytest.mark.parametrize("task", TASKS)
def test_type_parameters_are_those_of_the_contract(task: type) -> None:
    parameters = [parameter.__name__ for parameter in getattr(task, "__parameters__", ())]
    if task in (TextImageEmbeddingModel, VisionLanguageModel):
        assert parameters == []
    elif task in TWO_PARAMETERS:
        assert parameters == ["PreprocessedInputs", "RawPrediction"]
    else:
        assert parameters == ["PreprocessedInputs", "PreprocessingMetadata", "RawPrediction"]


@pytest.mark.parametrize("task", TASKS)
def test_what_each_task_requires(task: Any) -> None:
    required = set(task.__abstractmethods__)
    if task is TextImageEmbeddingModel:
        assert required == {"from_pretrained", "embed_images", "embed_text"}
        return
    if task is VisionLanguageModel:
        assert required == {"from_pretrained", "prompt"}
        return
    nameless = {"DepthEstimationModel", "TextOnlyOCRModel", "OpenVocabularyObjectDetectionModel"}
    expected = {"from_pretrained", "pre_process", "forward", "post_process"}
    expected |= set() if task.__name__ in nameless else {"class_names"}
    expected |= {"supported_mask_formats"} if task is InstanceSegmentationModel else set()
    expected |= {"key_points_classes", "skeletons"} if task is KeyPointsDetectionModel else set()
    assert required == expected


class Segmenter(Loads, InstanceSegmentationModel[Any, Any, Any]):
    supported_mask_formats = frozenset({"rle"})

    def pre_process(self, images: Any) -> tuple[Any, Any]:
        return images, None

    def forward(self, pre_processed_images: Any) -> Any:
        return pre_processed_images

    def post_process(self, model_results: Any, pre_processing_meta: Any, mask_format: str = "rle") -> Any:
        masks = InstancesRLEMasks.from_dense(np.ones((1, *model_results.shape[:2]), bool))
        return [InstanceDetections(np.ones((1, 4)), np.ones(1, int), np.ones(1), masks, class_names=self.class_names)]


def test_instance_segmentation_checks_the_mask_format() -> None:
    image = np.zeros((4, 6, 3), np.uint8)
    assert repr(Segmenter()(image, mask_format="rle")[0]) == "InstanceDetections(1: 1 cat; RLE masks 4x6)"
    with pytest.raises(InvalidParameterError, match=r"Segmenter cannot give masks as 'dense'. Supported: rle\."):
        Segmenter()(image, mask_format="dense")
    for wrong in (["rle"], np.array(["rle", "rle"])):
        with pytest.raises(InvalidParameterError, match=r"Segmenter cannot give masks as .*rle.*\. Supported: rle\."):
            Segmenter()(image, mask_format=wrong)


class OpenDetector(Loads, OpenVocabularyObjectDetectionModel[Any, Any, Any]):
    def pre_process(self, images: Any) -> tuple[Any, Any]:
        return images, "metadata"

    def forward(self, pre_processed_images: Any, classes: list[str], *, scale: int = 1) -> Any:
        return classes * scale

    def post_process(self, model_results: Any, pre_processing_meta: Any) -> list[Detections]:
        n = len(model_results)
        return [Detections(np.zeros((n, 4)), np.arange(n), np.ones(n), class_names=model_results)]


def test_open_vocabulary_takes_classes_at_each_call() -> None:
    model = OpenDetector()
    assert model("image", ["red car", "tree"])[0].names == ["red car", "tree"]
    assert model(images="image", classes=("a",))[0].names == ["a"]
    assert model.infer("image", "one text", scale=2)[0].names == ["one text", "one text"]


@pytest.mark.parametrize("classes", ["", [], [""], ["a", ""]])
def test_open_vocabulary_needs_classes(classes: Any) -> None:
    with pytest.raises(InvalidParameterError, match="must name what to look for"):
        OpenDetector()("image", classes)


def test_open_vocabulary_checks_keywords_and_closing() -> None:
    model = OpenDetector()
    with pytest.raises(InvalidParameterError, match="Did you mean 'scale'"):
        model("image", "a", scal=2)
    model.close()
    with pytest.raises(SessionClosedError, match="OpenDetector"):
        model("image", "a")


VECTORS = {"x": [3.0, 4.0, 0.0], "y": [0.0, 2.0, 0.0], "zero": [0.0, 0.0, 0.0]}


class Embedder(Loads, TextImageEmbeddingModel):
    def __init__(self, kind: str = "numpy") -> None:
        self.kind = kind

    def _embed(self, keys: Any) -> Any:
        vectors = np.array([VECTORS[key] for key in ([keys] if isinstance(keys, str) else keys)], np.float32)
        return torch.from_numpy(vectors) if self.kind == "torch" else vectors

    def embed_images(self, images: Any, *, flip: bool = False) -> Any:
        return -self._embed(images) if flip else self._embed(images)

    def embed_text(self, texts: Any, *, prompt: str = "") -> Any:
        return self._embed(texts)


@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_embeddings_compare_by_the_cosine(kind: str) -> None:
    model = Embedder(kind)
    result = model.compare_embeddings(["x", "zero"], ["x", "y"])
    assert torch.is_tensor(result) == (kind == "torch")
    assert np.allclose(result, [[1.0, 0.8], [0.0, 0.0]])
    vectors = torch.from_numpy(np.array([VECTORS["x"]], np.float32))
    reference = torch.nn.functional.normalize(vectors) @ torch.nn.functional.normalize(torch.tensor([VECTORS["y"]])).T
    assert np.allclose(model.compare_embeddings("x", "y", x_type="text", y_type="image"), reference)


def test_embeddings_made_before_can_be_compared() -> None:
    model = Embedder()
    gallery = model.embed_images(["x", "y"])
    assert np.allclose(model.compare_embeddings("y", gallery, "text", "embedding"), [[0.8, 1.0]])


def test_embedding_options_go_where_they_are_named() -> None:
    model = Embedder()
    assert np.allclose(model.compare_embeddings("x", "x", flip=True, prompt="a {}"), [[-1.0]])
    with pytest.raises(InvalidParameterError, match="Did you mean 'prompt'"):
        model.compare_embeddings("x", "x", promt="a {}")
    with pytest.raises(InvalidParameterError, match='"image", "text" or "embedding", got \'audio\''):
        model.compare_embeddings("x", "x", x_type="audio")  # type: ignore[arg-type]
    model.close()
    with pytest.raises(SessionClosedError):
        model.compare_embeddings("x", "x")


def test_structured_ocr_returns_text_and_places() -> None:
    class Reader(Loads, StructuredOCRModel[Any, Any, Any]):
        def pre_process(self, images: Any) -> tuple[Any, Any]:
            return images, None

        def forward(self, pre_processed_images: Any) -> Any:
            return pre_processed_images

        def post_process(self, model_results: Any, pre_processing_meta: Any) -> tuple[list[str], list[Detections]]:
            line = Detections(np.ones((1, 4)), np.zeros(1, int), np.ones(1), bboxes_metadata=[{"class_name": "hi"}])
            return [model_results], [line]

    text, places = Reader()("hi")
    assert text == ["hi"]
    assert places[0].names == ["hi"]
