"""The pictures and the network that the demo reader of digits is trained with."""

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

pictures: Any = importlib.import_module("digits_training.pictures")


@pytest.fixture
def ink() -> Any:
    """Return a cross of 8 x 8 cells, heavier on top."""
    cells = np.zeros((8, 8), np.float32)
    cells[1:7, 3:5] = 1
    cells[2:4, 1:7] = 1
    return cells


def test_a_plain_digit_is_dark_on_light_where_it_was_written(ink: Any) -> None:
    picture = pictures.plain_picture(ink, 160)
    assert (picture.shape, picture.dtype) == ((160, 160, 3), np.uint8)
    cell = 160 * 0.8 / 8
    for row in range(8):
        for column in range(8):
            y, x = (int(16 + cell * (place + 0.5)) for place in (row, column))
            assert (picture[y, x].mean() < 150) == bool(ink[row, column])


@pytest.mark.parametrize("angle", [0, 90])
def test_a_digit_is_put_where_its_pose_says(ink: Any, angle: float) -> None:
    covered = pictures.coverage(ink, pictures.Pose((70, 50), 40, angle), 120, 100)
    assert covered.shape == (100, 120)
    assert 0 <= covered.min() < covered.max() <= 1
    rows, columns = np.nonzero(covered > 0.5)
    assert abs(rows.mean() - 50) < 6
    assert abs(columns.mean() - 70) < 6
    assert rows.max() - rows.min() <= 40
    heavier = rows.mean() < 50 if angle == 0 else columns.mean() < 70
    assert heavier, "its top is turned to the left"


def test_ink_can_be_told_from_what_is_under_it() -> None:
    rng = np.random.default_rng(0)
    shares = np.array([0.114, 0.587, 0.299])
    for _ in range(50):
        beneath = rng.uniform(0, 255, 3).astype(np.float32)
        colour = pictures.contrasting_colour(rng, beneath)
        assert abs(float((colour - beneath) @ shares)) >= pictures.LEAST_CONTRAST - 0.01


def test_a_training_picture_depends_on_its_generator_alone(ink: Any) -> None:
    drawn = [pictures.training_picture(np.random.default_rng(seed), ink, 64) for seed in (1, 1, 2)]
    assert drawn[0].shape == (64, 64, 3)
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])
    assert all(picture.std() > 5 for picture in drawn)


def test_the_shipped_weights_are_those_of_the_network_and_give_what_the_onnx_file_gives(ink: Any) -> None:
    torch = pytest.importorskip("torch")
    safetensors = pytest.importorskip("safetensors.torch")
    pytest.importorskip("onnxruntime")
    network = importlib.import_module("digits_training.network")
    bare = importlib.import_module("digits_training.bare")
    packages = TRAINING.parent / "src" / "im_demo" / "packages" / "digits"
    model = network.DigitReader()
    model.load_state_dict(safetensors.load_file(packages / "torch-fp32" / "weights.safetensors"))
    picture = pictures.plain_picture(ink, 64)
    with torch.no_grad():
        logits = model.eval()(torch.from_numpy(picture[..., ::-1].copy()).permute(2, 0, 1)[None].float() / 255)
    assert bare.BareReader(packages / "onnx-fp32" / "weights.onnx")(picture) == int(logits.argmax())
