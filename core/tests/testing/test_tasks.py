"""The contract on models of tasks that no plugin of this repository has, or that return something of their own."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
from attrs import frozen

from inference_models import (
    Model,
    OpenVocabularyObjectDetectionModel,
    StructuredOCRModel,
    TextImageEmbeddingModel,
    TextOnlyOCRModel,
    VisionLanguageModel,
)
from inference_models.developer_tools import NamedTask, as_images, as_kind
from inference_models.testing import ModelContract
from inference_models.testing.checks.subject import subject_of

FINDER = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("color_finder.py"))))
ColorFinder: Any = FINDER.ColorFinder


class FewPicturesContract(ModelContract):
    @pytest.fixture
    def images(self) -> Any:
        return FINDER.PICTURES


class MeanColors(TextImageEmbeddingModel):
    @classmethod
    def from_pretrained(cls, model_name_or_path: str) -> Any:
        return cls()

    def embed_images(self, images: Any) -> Any:
        self.ensure_open()
        given = as_images(images)
        colors = [one.pixels[..., :: 1 if one.color_format == "rgb" else -1].mean(axis=(0, 1)) for one in given]
        return as_kind(np.stack(colors).astype(np.float32), given[0].array_kind, given[0].device)

    def embed_text(self, texts: Any) -> Any:
        return np.zeros((len(texts), 3), np.float32)


class TestEmbedding(FewPicturesContract):
    method = "embed_images"
    scales_with_input = False

    @pytest.fixture
    def model(self) -> Any:
        return MeanColors()


class NamedColors(OpenVocabularyObjectDetectionModel[Any, Any, Any]):
    """Finds the colours that it is asked for."""

    finder = ColorFinder()

    @classmethod
    def from_pretrained(cls, model_name_or_path: str) -> Any:
        return cls()

    def pre_process(self, images: Any) -> Any:
        return self.finder.pre_process(images)

    def forward(self, planes: Any, classes: list[str]) -> Any:
        known = [FINDER.NAMES.index(name) for name in classes]
        return [rows[np.isin(rows[:, 4], known)] for rows in self.finder.forward(planes)]

    def post_process(self, results: Any, metadata: Any) -> Any:
        return self.finder.post_process(results, metadata)


class TestOpenVocabulary(FewPicturesContract):
    options: ClassVar[dict[str, Any]] = {"classes": ["red", "blue"]}

    @pytest.fixture
    def model(self) -> Any:
        return NamedColors()


class ColorReader(TextOnlyOCRModel[Any, Any]):
    """Says which colours there are."""

    finder = ColorFinder()

    @classmethod
    def from_pretrained(cls, model_name_or_path: str) -> Any:
        return cls()

    def pre_process(self, images: Any) -> Any:
        return self.finder.pre_process(images)[0]

    def forward(self, planes: Any) -> Any:
        return self.finder.forward(planes)

    def post_process(self, results: Any) -> list[str]:
        return [" ".join(FINDER.NAMES[int(color)] for color in rows[:, 4]) for rows in results]


class TestTextOnlyOCR(FewPicturesContract):
    scales_with_input = False

    @pytest.fixture
    def model(self) -> Any:
        return ColorReader()


class PlacedReader(StructuredOCRModel[Any, Any, Any]):
    """Says which colours there are, and where."""

    finder = ColorFinder()
    class_names = property(lambda self: ["colour"])

    @classmethod
    def from_pretrained(cls, model_name_or_path: str) -> Any:
        return cls()

    def pre_process(self, images: Any) -> Any:
        return self.finder.pre_process(images)

    def forward(self, planes: Any) -> Any:
        return self.finder.forward(planes)

    def post_process(self, results: Any, metadata: Any) -> Any:
        return ColorReader.post_process(self, results), self.finder.post_process(results, metadata)


class TestStructuredOCR(FewPicturesContract):
    @pytest.fixture
    def model(self) -> Any:
        return PlacedReader()


@frozen
class Brightness:
    """What a task of somebody else returns."""

    value: float

    def to_dict(self) -> dict[str, float]:
        return {"value": self.value}


class LightMeter(Model):
    @classmethod
    def from_pretrained(cls, model_name_or_path: str) -> Any:
        return cls()

    def measure(self, images: Any) -> list[Brightness]:
        self.ensure_open()
        return [Brightness(float(one.pixels.mean())) for one in as_images(images)]


class TestATaskOfOnesOwn(FewPicturesContract):
    method = "measure"
    scales_with_input = False

    @pytest.fixture
    def model(self) -> Any:
        return LightMeter()


class Narrator(VisionLanguageModel):
    @classmethod
    def from_pretrained(cls, model_name_or_path: str) -> Any:
        return cls()

    def prompt(self, images: Any, prompt: str) -> list[str]:
        return [prompt for _ in as_images(images)]


class Teller(Narrator):
    tasks: ClassVar[Any] = {
        "ground": NamedTask("ground", text="phrase"),
        "tell": NamedTask("tell", options={"words": 3}),
    }


@pytest.mark.parametrize(
    ("model", "method", "options"),
    [
        (ColorFinder(), "infer", {}),
        (MeanColors(), "embed_images", {}),
        (NamedColors(), "infer", {"classes": ["object"]}),
        (Narrator(), "prompt", {"prompt": "Describe the image."}),
        (Teller(), "tell", {"words": 3}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_how_a_model_is_called_when_nobody_says(model: Any, method: str, options: Any) -> None:
    subject = subject_of(model)
    assert (subject.method, subject.options) == (method, options)
