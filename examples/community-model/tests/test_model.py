"""What the model measures, against scikit-image and plain numpy, on real photos."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage.color import rgb2gray
from skimage.measure import blur_effect

from community_model import package_path
from community_model.model import PhotoQualityModel
from community_model.package import QualityConfig
from community_model.prediction import Measure
from inference_models import AutoModel, CorruptedModelPackageError, ModelInputError
from inference_models.developer_tools import TensorInfo

NAMES = ("astronaut", "camera", "chelsea", "coffee", "rocket")


def by_hand(rgb) -> list[float]:
    grey = rgb2gray(rgb)
    return [blur_effect(rgb, channel_axis=-1), (grey < 16 / 255).mean(), (grey > 250 / 255).mean(), grey.std()]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sigma", [0, 1, 3])
def test_what_is_measured_is_what_others_measure(model, photos, name, sigma) -> None:
    photo = cv2.GaussianBlur(photos[name], (0, 0), sigma) if sigma else photos[name]
    [quality] = model(photo, input_color_format="rgb")
    assert [measure.name for measure in quality.measures] == ["blur", "underexposed", "overexposed", "contrast"]
    assert quality.values == pytest.approx(by_hand(photo), abs=5e-4)


@pytest.mark.parametrize("shape", [(16, 16), (17, 40), (33, 16)])
def test_small_pictures_too(model, photos, shape) -> None:
    part = photos["coffee"][100 : 100 + shape[0], 100 : 100 + shape[1]]
    [quality] = model(part, input_color_format="rgb")
    assert quality.values == pytest.approx(by_hand(part), abs=5e-4)


def test_sharp_photos_pass_and_blurred_ones_do_not(model, photos) -> None:
    sharp = model([photo[..., ::-1] for photo in photos.values()])
    assert [quality.failures for quality in sharp] == [[]] * len(NAMES)
    blurred = model([cv2.GaussianBlur(photo, (0, 0), 4)[..., ::-1] for photo in photos.values()])
    assert [quality.failures for quality in blurred] == [["blur"]] * len(NAMES)


def test_the_wrong_exposure_is_found(model, photos) -> None:
    dark = (photos["coffee"] * 0.05).astype(np.uint8)
    bright = np.clip(photos["coffee"].astype(int) * 4, 0, 255).astype(np.uint8)
    [too_dark, too_bright, even] = model([dark, bright, np.full((64, 64, 3), 128, np.uint8)])
    assert "underexposed" in too_dark.failures
    assert "overexposed" in too_bright.failures
    assert even.failures == ["blur", "contrast"], "where nothing varies, nothing is sharp"
    assert np.isfinite(even.values).all()


def test_large_pictures_are_reduced_first(model, photos) -> None:
    large = cv2.resize(photos["astronaut"], (3000, 2000), interpolation=cv2.INTER_CUBIC)
    [quality] = model(large, input_color_format="rgb")
    reduced = cv2.resize(large, (1024, 683), interpolation=cv2.INTER_AREA)
    assert quality.values == pytest.approx(by_hand(reduced), abs=5e-4)


def test_colours_are_blue_first_unless_said_otherwise(model, photos) -> None:
    red = photos["rocket"]
    [first], [second] = model(red[..., ::-1]), model(red, input_color_format="rgb")
    assert (first.values == second.values).all()
    assert (model(red)[0].values != second.values).any()


def test_a_picture_that_is_too_small(model) -> None:
    with pytest.raises(ModelInputError, match=r"40 x 15 pixels is too small"):
        model(np.zeros((15, 40, 3), np.uint8))


class Opened:
    """A session whose network answers with an array of a given shape."""

    device, array_kind, runtime = "cpu", "numpy", {}

    def __init__(self, shape=(1, 1), inputs=1) -> None:
        self.shape = shape
        self.inputs = tuple(TensorInfo(f"in{index}", (None, 3, None, None), "float32") for index in range(inputs))
        self.outputs = (TensorInfo("out", (None, None), "float32"),)

    def run(self, feeds):
        assert [array.dtype for array in feeds.values()] == [np.float32]
        return {"out": np.zeros(self.shape, np.float32)}

    def close(self) -> None:
        self.is_closed = True


def test_any_session_and_any_measures_do() -> None:
    model = PhotoQualityModel(Opened(), QualityConfig(100, (Measure("noise", highest=0.2),)))
    [quality] = model(np.zeros((300, 200, 3), np.uint8))
    assert quality.to_dict()["measures"][0]["name"] == "noise"


def test_a_network_of_another_kind_is_named_as_the_reason() -> None:
    session = Opened(inputs=2)
    with pytest.raises(CorruptedModelPackageError, match="one input"):
        PhotoQualityModel.from_pretrained(str(package_path()), open_session=lambda _directory: session)
    assert session.is_closed
    config = QualityConfig(100, (Measure("noise"),))
    with pytest.raises(CorruptedModelPackageError, match=r"one output of shape \(1, 1\).*\{'out': \(1, 5\)\}"):
        PhotoQualityModel(Opened((1, 5)), config)(np.zeros((20, 20, 3), np.uint8))


def test_a_task_that_the_core_does_not_know_is_explained(model) -> None:
    from community_model import package_path

    plan = AutoModel.explain(package_path())
    assert plan.metadata.task_type == "image-quality"
    assert [verdict.package.backend for verdict in plan.candidates] == ["onnx"]
