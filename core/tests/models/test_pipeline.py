from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import pytest

from inference_models import (
    ClassificationModel,
    InstanceSegmentationModel,
    ModelPipeline,
    ObjectDetectionModel,
    TextOnlyOCRModel,
)
from inference_models.errors import InvalidParameterError


class Reader(ModelPipeline):
    def __init__(self, models: tuple[Any, ...]) -> None:
        self.models = models

    @classmethod
    def with_models(cls, models: Sequence[Any]) -> Self:
        finders = (ObjectDetectionModel, InstanceSegmentationModel)
        return cls(cls.check_models(models, finder=finders, namer=ClassificationModel))

    def infer(self, images: Any, *, loud: bool = False) -> Any:
        self.ensure_open()
        return [str(image).upper() if loud else image for image in images]


def model_of(base: type, name: str) -> Any:
    """Return an instance of a subclass of `base` without what makes it work."""
    made: Any = type(name, (base,), {})
    made.__abstractmethods__ = frozenset()
    return made()


FINDER, NAMER = model_of(ObjectDetectionModel, "Finder"), model_of(ClassificationModel, "Namer")


def test_models_of_the_right_kinds_and_any_function_are_taken() -> None:
    assert Reader.with_models([FINDER, NAMER]).models == (FINDER, NAMER)
    segmenter = model_of(InstanceSegmentationModel, "Segmenter")
    assert Reader.with_models([segmenter, len]).models == (segmenter, len)


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ([FINDER], r"^Reader joins 2 models \(finder, namer\), got 1\."),
        (
            [NAMER, FINDER],
            r"^Reader needs an ObjectDetectionModel or InstanceSegmentationModel as its finder \(model 0\), and Namer "
            r"is a ClassificationModel\. The order is: finder, namer\.$",
        ),
        ([FINDER, FINDER], r"a ClassificationModel as its namer \(model 1\), and Finder is an ObjectDetectionModel\.$"),
        ([FINDER, model_of(TextOnlyOCRModel, "OCR")], r"namer \(model 1\), and OCR is a TextOnlyOCRModel\.$"),
        ([FINDER, "resnet18"], r"and str is no model\.$"),
        ([FINDER, type(NAMER)], r"and ABCMeta is no model\.$"),
    ],
)
def test_a_wrong_number_or_kind_is_named(models: list[Any], message: str) -> None:
    with pytest.raises(InvalidParameterError, match=message):
        Reader.with_models(models)


def test_calling_a_pipeline_is_inferring() -> None:
    pipeline = Reader.with_models([FINDER, NAMER])
    assert pipeline(["a"], loud=True) == pipeline.infer(["a"], loud=True) == ["A"]
