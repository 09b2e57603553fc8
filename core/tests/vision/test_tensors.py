from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from inference_models.errors import ModelInputError
from inference_models.vision import ImagePreProcessor, InferenceConfig, ResizeMode, as_images
from inference_models.vision.inference_config import (
    Contrast,
    ContrastType,
    Grayscale,
    ImagePreProcessing,
    NetworkInput,
    StaticCrop,
    TrainingInputSize,
)

torch = pytest.importorskip("torch")

CHW = torch.arange(60, dtype=torch.uint8).reshape(3, 4, 5)


def picture(height: int = 90, width: int = 70) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)


def as_tensor(bgr: npt.NDArray[np.uint8]) -> Any:
    return torch.from_numpy(np.ascontiguousarray(bgr[..., ::-1].transpose(2, 0, 1)))


def make(resize_mode: ResizeMode = ResizeMode.LETTERBOX, **steps: Any) -> ImagePreProcessor:
    network_input = NetworkInput(
        dynamic_spatial_size_supported=False,
        color_mode="rgb",
        resize_mode=resize_mode,
        input_channels=3,
        training_input_size=TrainingInputSize(height=64, width=96),
        padding_value=114,
        scaling_factor=255,
    )
    return ImagePreProcessor.from_config(InferenceConfig(network_input, ImagePreProcessing(**steps)))


def test_a_uint8_tensor_is_not_copied() -> None:
    [source] = as_images(CHW)
    assert source.pixels.shape == (4, 5, 3)
    assert np.shares_memory(source.pixels, CHW.numpy())
    assert (source.color_format, source.array_kind, source.device) == ("rgb", "torch", "cpu")


@pytest.mark.parametrize("resize_mode", [ResizeMode.LETTERBOX, ResizeMode.STRETCH, ResizeMode.CENTER_CROP])
@pytest.mark.parametrize(
    "steps",
    [
        {},
        {"static_crop": StaticCrop(True, 10, 80, 20, 90)},
        {"grayscale": Grayscale(True)},
        *({"contrast": Contrast(True, kind)} for kind in ContrastType),
    ],
)
def test_a_tensor_gives_what_the_array_gives(resize_mode: ResizeMode, steps: dict[str, Any]) -> None:
    pre_processor = make(resize_mode, **steps)
    expected, _ = pre_processor(picture())
    tensor = as_tensor(picture())
    for same in (
        tensor,
        tensor[None],
        [tensor],
        tensor.float() / 255,
        tensor.double() / 255,
        tensor.float().div(255).requires_grad_(),
    ):
        found, metadata = pre_processor(same)
        np.testing.assert_array_equal(found, expected)
        assert (metadata[0].array_kind, metadata[0].device) == ("torch", "cpu")
    bgr, _ = pre_processor(tensor.flip(0), input_color_format="bgr")
    np.testing.assert_array_equal(bgr, expected)


def test_views_of_tensors_give_what_their_copies_give() -> None:
    tensor = as_tensor(picture())
    last = tensor.permute(1, 2, 0).contiguous().permute(2, 0, 1)  # channels last in memory
    for view in (last, tensor[:, ::2, ::3], tensor.transpose(1, 2), tensor[:1].expand(3, -1, -1)):
        np.testing.assert_array_equal(make()(view)[0], make()(view.contiguous())[0])


def test_half_precision_is_as_precise_as_it_can_be() -> None:
    expected, _ = make()(picture())
    for dtype in (torch.float16, torch.bfloat16):
        found, _ = make()(as_tensor(picture()).to(dtype) / 255)
        np.testing.assert_allclose(found, expected, atol=1.5 / 255)


def test_each_image_of_a_list_knows_its_kind_and_colours() -> None:
    tensor, metadata = make()([picture(), as_tensor(picture()), as_tensor(picture(20, 30))])
    np.testing.assert_array_equal(tensor[0], tensor[1])
    assert [placement.array_kind for placement in metadata] == ["numpy", "torch", "torch"]
    assert metadata[2].original_size.width == 30


WRONG: list[tuple[Any, str]] = [
    (torch.zeros((0, 3, 4, 5)), r"got an empty tensor of images, shape \(0, 3, 4, 5\)"),
    (torch.zeros((3, 0, 5)), r"no pixels: its shape is \(3, 0, 5\)"),
    (torch.zeros((4, 5)), r"shape \(4, 5\). Pass one image"),
    (torch.zeros((1, 4, 5)), r"It is grey: tensor.expand\(3, -1, -1\)"),
    (torch.zeros((4, 4, 5)), r"alpha channel: tensor\[:3\] drops it"),
    (torch.zeros((4, 5, 3)), r"channels come last: tensor.permute\(2, 0, 1\)"),
    (torch.zeros((2, 4, 5, 3)), r"image 0 of the tensor has shape \(4, 5, 3\). Its channels come last"),
    (torch.zeros((3, 4, 5), dtype=torch.int64), r"dtype int64. Scale it to 0 to 255 and call tensor.byte\(\)"),
    (torch.zeros((3, 4, 5), dtype=torch.bool), "dtype bool"),
    (torch.full((3, 4, 5), 200.0), "has values of 200 to 200: divide it by 255"),
    (torch.full((3, 4, 5), -1.5), "has values of -1.5 to -1.5: undo the normalization"),
    (torch.full((3, 4, 5), torch.nan), "holds NaN"),
    ([CHW, torch.zeros((4, 5))], r"element 1 of the list has shape \(4, 5\)"),
]


@pytest.mark.parametrize(("images", "expected"), WRONG, ids=[expected[:40] for _, expected in WRONG])
def test_what_is_no_image_is_named_with_the_way_out(images: Any, expected: str) -> None:
    with pytest.raises(ModelInputError, match=expected):
        as_images(images)
