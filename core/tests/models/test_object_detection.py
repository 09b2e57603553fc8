"""The seeds' example class, completed, works as its guide says."""

# mypy: disable-error-code="type-arg"
from __future__ import annotations

from typing import Any, List, Tuple, Union  # noqa: UP035 (as the guide writes it)

import numpy as np
import pytest
import torch

from inference_models.errors import SessionClosedError
from inference_models.models import AnyModel, Model, ObjectDetectionModel
from inference_models.predictions import Detections


class YourObjectDetectionModel(ObjectDetectionModel[torch.Tensor, dict, torch.Tensor]):
    """Your object detection model implementation."""

    @classmethod
    def from_pretrained(cls, model_name_or_path: str, **kwargs) -> YourObjectDetectionModel:
        device = kwargs.get("device", "cuda" if torch.cuda.is_available() else "cpu")
        return cls(model_path=model_name_or_path, device=device)

    def __init__(self, model_path: str, device: str = "cuda"):
        self.device = device
        self._class_names = ["bright", "dark"]

    @property
    def class_names(self) -> List[str]:  # noqa: UP006
        return self._class_names

    def pre_process(
        self,
        images: Union[torch.Tensor, List[torch.Tensor], np.ndarray, List[np.ndarray]],  # noqa: UP006, UP007
        **kwargs,
    ) -> Tuple[torch.Tensor, dict]:  # noqa: UP006
        batch: list[Any] = images if isinstance(images, list) else [images]
        tensors = [image if torch.is_tensor(image) else torch.from_numpy(image).permute(2, 0, 1) for image in batch]
        return torch.stack(tensors).float() / 255, {"sizes": [tensor.shape[1:] for tensor in tensors]}

    def forward(self, pre_processed_images: torch.Tensor, **kwargs) -> torch.Tensor:
        return pre_processed_images.to(self.device).mean(dim=(1, 2, 3))

    def post_process(self, model_results: torch.Tensor, pre_processing_meta: dict, **kwargs) -> List[Detections]:  # noqa: UP006
        results = []
        for brightness, (height, width) in zip(model_results, pre_processing_meta["sizes"], strict=True):
            found = torch.tensor([brightness >= kwargs.get("confidence", 0.0)])
            boxes = torch.tensor([[0.0, 0.0, width, height]])[found]
            results.append(
                Detections(
                    xyxy=boxes,
                    class_id=(brightness < 0.5).int().reshape(1)[found],
                    confidence=brightness.reshape(1)[found],
                    class_names=self.class_names,
                )
            )
        return results


WHITE = np.full((4, 6, 3), 255, np.uint8)
BLACK = np.zeros((4, 6, 3), np.uint8)


@pytest.fixture
def model() -> YourObjectDetectionModel:
    return YourObjectDetectionModel.from_pretrained("/weights", device="cpu")


def test_infer_runs_the_stages(model: YourObjectDetectionModel) -> None:
    white, black = model([WHITE, BLACK])
    assert white.to_dict()["detections"] == [
        {"xyxy": [0, 0, 6, 4], "class_id": 0, "class_name": "bright", "confidence": 1.0}
    ]
    assert black.names == ["dark"]
    assert model.infer(WHITE)[0].to_dict() == white.to_dict()
    assert model.infer(images=WHITE)[0].to_dict() == white.to_dict()
    assert model(torch.full((3, 4, 6), 255, dtype=torch.uint8))[0].names == ["bright"]


def test_stages_can_be_run_one_by_one(model: YourObjectDetectionModel) -> None:
    inputs, metadata = model.pre_process(WHITE)
    assert model.post_process(model.forward(inputs), metadata)[0].names == ["bright"]


def test_keywords_reach_stages_that_take_any(model: YourObjectDetectionModel) -> None:
    assert [len(detections) for detections in model([WHITE, BLACK], confidence=0.5)] == [1, 0]


def test_it_is_one_of_any_model(model: YourObjectDetectionModel) -> None:
    assert isinstance(model, AnyModel)
    assert isinstance(model, Model)


def test_it_closes_although_its_constructor_does_not_call_ours(model: YourObjectDetectionModel) -> None:
    with model as entered:
        assert entered is model
        assert model(WHITE)[0].names == ["bright"]
    with pytest.raises(SessionClosedError, match="YourObjectDetectionModel was closed"):
        model(WHITE)


def test_a_class_without_its_stages_cannot_be_made() -> None:
    class Unfinished(ObjectDetectionModel[object, object, object]):
        pass

    with pytest.raises(TypeError, match=r"class_names.*forward.*from_pretrained.*post_process.*pre_process"):
        Unfinished()  # type: ignore[abstract]


def test_three_type_parameters() -> None:
    with pytest.raises(TypeError, match=r"Too (few|many)"):
        ObjectDetectionModel[int, int]  # type: ignore[misc]
