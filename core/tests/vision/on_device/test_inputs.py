"""The network's input made on a device, against the one made on the host: the same values, the same metadata."""

from __future__ import annotations

import platform
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_models.errors import ModelInputError
from inference_models.vision import ImagePreProcessor, InferenceConfig, ResizeMode
from inference_models.vision.inference_config import (
    Contrast,
    ContrastType,
    DynamicSpatialSizeMode,
    Grayscale,
    ImagePreProcessing,
    NetworkInput,
    StaticCrop,
    TrainingInputSize,
)

torch = pytest.importorskip("torch")

# Here OpenCV resizes as its portable code does. Builds for other processors may round one of 256 levels up or down.
PORTABLE = platform.machine() in ("x86_64", "AMD64")

LENGTH = st.integers(1, 160)
MEANS, DEVIATIONS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def make(
    mode: ResizeMode,
    color_mode: Any = "rgb",
    steps: ImagePreProcessing | None = None,
    *,
    size: tuple[int, int] = (64, 96),
    channels: int = 3,
    normalized: bool = True,
    dtype: str = "float32",
    padding: int = 114,
) -> ImagePreProcessor:
    network_input = NetworkInput(
        dynamic_spatial_size_supported=True,
        dynamic_spatial_size_mode=DynamicSpatialSizeMode("pad-to-be-divisible", 8),
        color_mode=color_mode,
        resize_mode=mode,
        input_channels=channels,
        training_input_size=TrainingInputSize(*size),
        padding_value=padding,
        scaling_factor=255,
        normalization=(MEANS[:channels], DEVIATIONS[:channels]) if normalized else None,
    )
    return ImagePreProcessor.from_config(InferenceConfig(network_input, steps or ImagePreProcessing()), dtype=dtype)


def picture(height: int, width: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def given_as(image: npt.NDArray[np.uint8], device: str) -> dict[str, Any]:
    """Return the picture as everything that counts as an image."""
    planes = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
    frozen = image.copy()
    frozen.setflags(write=False)
    there = planes.to(device)
    return {
        "array": image,
        "reversed colours": image[..., ::-1],
        "part of a frame": np.pad(image, ((3, 2), (5, 1), (0, 0)))[3:-2, 5:-1],
        "read-only": frozen,
        "tensor": there,
        "tensor with channels last": there.permute(1, 2, 0).contiguous().permute(2, 0, 1),
        "tensor of the host": planes,
        "floats": there / 255,
        "halves": (there / 255).half(),
        "needs gradients": (there / 255).requires_grad_(),
        "tensors": torch.stack([there, there.flip(2)]),
        "list": [image, image[::-1], there],
    }


def check(pre_processor: ImagePreProcessor, images: Any, device: str, **options: Any) -> None:
    expected, metadata = pre_processor(images, **options)
    made: Any = pre_processor(images, device=device, **options)
    found, found_metadata = made
    assert found_metadata == metadata
    assert found.device.type == torch.device(device).type
    assert str(found.dtype) == f"torch.{expected.dtype}"
    assert found.is_contiguous()
    assert not found.requires_grad
    values = found.cpu().numpy()
    if PORTABLE:
        np.testing.assert_array_equal(values, expected)
    else:
        np.testing.assert_allclose(values, expected, atol=1.01 / 255 / min(DEVIATIONS))


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize(("grayscale", "crop"), list(product((False, True), repeat=2)))
@pytest.mark.parametrize("color_mode", ["rgb", "bgr"])
@pytest.mark.parametrize("mode", list(ResizeMode))
def test_every_mode_and_step_gives_the_hosts_values(
    mode: ResizeMode, color_mode: str, grayscale: bool, crop: bool, dtype: str, device: str
) -> None:
    steps = ImagePreProcessing(grayscale=Grayscale(grayscale), static_crop=StaticCrop(crop, 10, 73, 21, 95))
    pre_processor = make(mode, color_mode, steps, dtype=dtype)
    for images in given_as(picture(150, 171), device).values():
        check(pre_processor, images, device)


@settings(deadline=None, max_examples=80)
@given(
    mode=st.sampled_from(list(ResizeMode)),
    image_size=st.tuples(LENGTH, LENGTH),
    size=st.tuples(LENGTH, LENGTH),
    color_format=st.sampled_from(["rgb", "bgr", None]),
    channels=st.sampled_from([1, 3]),
    normalized=st.booleans(),
    padding=st.integers(0, 255),
    crop=st.booleans(),
    seed=st.integers(0, 9),
)
def test_every_size_gives_the_hosts_values(
    device: str,
    mode: ResizeMode,
    image_size: tuple[int, int],
    size: tuple[int, int],
    color_format: str | None,
    channels: int,
    normalized: bool,
    padding: int,
    crop: bool,
    seed: int,
) -> None:
    steps = ImagePreProcessing(static_crop=StaticCrop(crop, 30, 60, 0, 50))
    pre_processor = make(mode, "bgr", steps, size=size, channels=channels, normalized=normalized, padding=padding)
    image = picture(*image_size, seed)
    for images in (image, torch.from_numpy(image).permute(2, 0, 1).to(device)):
        check(pre_processor, images, device, input_color_format=color_format)


@pytest.mark.parametrize("size", [(1080, 1920), (3024, 4032), (100, 100), (1280, 1280), (1, 3000)])
def test_large_pictures_are_resized_as_opencv_does(size: tuple[int, int], device: str) -> None:
    for mode in (ResizeMode.LETTERBOX, ResizeMode.LETTERBOX_REFLECT_EDGES):
        check(make(mode, size=(640, 640)), picture(*size), device)


@pytest.mark.parametrize("contrast", list(ContrastType))
@pytest.mark.parametrize("mode", [ResizeMode.LETTERBOX, ResizeMode.CENTER_CROP])
def test_contrast_is_enhanced_on_the_host(mode: ResizeMode, contrast: ContrastType, device: str) -> None:
    for grayscale in (False, True):
        steps = ImagePreProcessing(
            static_crop=StaticCrop(True, 0, 80, 20, 100),
            contrast=Contrast(True, contrast),
            grayscale=Grayscale(grayscale),
        )
        images = given_as(picture(90, 131), device)
        for kind in ("array", "tensor", "floats", "list"):
            check(make(mode, "bgr", steps), images[kind], device)


def test_different_images_go_in_together(device: str) -> None:
    tensor = torch.from_numpy(picture(40, 50, 1)).permute(2, 0, 1)
    images = [picture(40, 50), tensor.to(device), tensor, picture(77, 20)[..., ::-1], picture(40, 50, 2), tensor / 255]
    for mode in (ResizeMode.STRETCH, ResizeMode.LETTERBOX_REFLECT_EDGES):
        check(make(mode), images, device)
        check(make(mode), images, device, input_color_format="bgr")


def test_floats_out_of_range_are_refused_by_name(device: str) -> None:
    image = torch.rand(3, 8, 9, device=device)
    for wrong, words in ((image * 255, "divide it by 255"), (image - 3, "undo the norm"), (image / 0, "NaN|undo")):
        with pytest.raises(ModelInputError, match=f"element 1 of the list.*({words})"):
            make(ResizeMode.STRETCH)([image, wrong], device=device)
    with pytest.raises(ModelInputError, match="dtype int64"):
        make(ResizeMode.STRETCH)(image.long(), device=device)
    with pytest.raises(ModelInputError, match="channels come last"):
        make(ResizeMode.STRETCH)(image.permute(1, 2, 0), device=device)


@pytest.mark.parametrize("mode", list(ResizeMode))
def test_the_pixels_of_a_tensor_stay_on_the_device(mode: ResizeMode, watch: Callable[[Any], Any]) -> None:
    steps = ImagePreProcessing(grayscale=Grayscale(True), static_crop=StaticCrop(True, 10, 73, 21, 95))
    image = watch(torch.from_numpy(picture(60, 80)).permute(2, 0, 1))
    make(mode, steps=steps)(image, device="cpu:0")
    assert image.fetched == []
    make(mode, steps=steps)([image / 255, image / 255], device="cpu:0")
    assert image.fetched == [4]  # the lowest and highest value of both


@pytest.mark.gpu
@pytest.mark.parametrize("mode", list(ResizeMode))
def test_nothing_waits_for_the_gpu(mode: ResizeMode) -> None:
    if not torch.cuda.is_available():
        pytest.skip("torch sees no CUDA device")
    image = picture(480, 640)
    tensor = torch.from_numpy(image).permute(2, 0, 1).cuda()
    torch.cuda.synchronize()
    before = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for images in (image, tensor, [image, image], [image, tensor]):
            make(mode)(images, device="cuda")
    finally:
        torch.cuda.set_sync_debug_mode(before)
