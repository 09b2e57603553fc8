"""A detector in plain numpy that keeps to the contract of models, for tests to break in one way at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from inference_models import Detections, ObjectDetectionModel
from inference_models.developer_tools import TensorInfo, as_images, as_kind
from inference_models.testing import FakeSession
from inference_models.testing.checks.images import draw
from inference_models.testing.checks.subject import ModelSubject

NAMES = ("red", "green", "blue")
PICTURES = (draw(40, 60, 0), draw(50, 30, 1))


class ColorFinder(ObjectDetectionModel[Any, Any, Any]):
    """Finds the box around all that is bright red, green or blue."""

    names: Any = NAMES

    @classmethod
    def from_pretrained(cls, model_name_or_path: str | Path = "") -> Any:
        return cls()

    @property
    def class_names(self) -> Any:
        return list(self.names)

    def pre_process(self, images: Any) -> Any:
        given = as_images(images)
        # Red, green, blue.
        planes = [one.pixels[..., :: 1 if one.color_format == "rgb" else -1].copy() for one in given]
        return planes, [(one.array_kind, one.device) for one in given]

    def forward(self, pre_processed_images: Any) -> Any:
        return [self.look(planes) for planes in pre_processed_images]

    def look(self, planes: Any) -> Any:
        rows = []
        for color in range(3):
            y, x = np.nonzero(planes[..., color] > 190)
            if len(x):
                rows.append([x.min(), y.min(), x.max() + 1, y.max() + 1, color, (planes[..., color] / 255).mean()])
        return np.array(rows, np.float64).reshape(-1, 6)

    def post_process(self, model_results: Any, pre_processing_meta: Any, confidence: float = 0.1) -> Any:
        found = []
        for rows, (kind, device) in zip(model_results, pre_processing_meta, strict=True):
            kept = rows[rows[:, 5] >= confidence].astype(np.float32)
            arrays = (kept[:, :4], kept[:, 4].astype(np.int32), kept[:, 5])
            found.append(self.describe(*(as_kind(array, kind, device) for array in arrays)))
        return found

    def describe(self, xyxy: Any, class_id: Any, confidence: Any) -> Any:
        return Detections(xyxy, class_id, confidence, class_names=NAMES)


def open_session() -> FakeSession:
    return FakeSession(dict, [TensorInfo("planes", (None, None, 3), "uint8")])


class OverSession(ColorFinder):
    """The same, with what it looks at out of a session."""

    def __init__(self) -> None:
        self._session = self.owns(open_session())

    def look(self, planes: Any) -> Any:
        return super().look(self._session.run({"planes": planes})["planes"])


class Forgetful(OverSession):
    """It opens a session, and nobody closes it."""

    def __init__(self) -> None:
        self._session = open_session()


def subject(model: Any, **options: Any) -> ModelSubject:
    return ModelSubject(model=model, **{"images": PICTURES, **options})
