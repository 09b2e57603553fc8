"""Resizing as Pillow does it: no pixel differs by more than 1, whatever the sizes, kinds of image and threads."""

from __future__ import annotations

import sys
import threading
import tracemalloc
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage

from inference_models.vision import ImagePreProcessor, InferenceConfig, ResizeMode
from inference_models.vision.antialias import resize_antialiased
from inference_models.vision.geometry import ImageDimensions
from inference_models.vision.inference_config import NetworkInput, TrainingInputSize

LENGTH = st.integers(1, 300)
Pixels = npt.NDArray[np.uint8]


def picture(height: int, width: int, seed: int = 0) -> Pixels:
    """Noise of black and white as much as of all values between: no other picture differs more from its mean."""
    values = np.random.default_rng(seed).integers(-200, 456, (height, width, 3))
    return np.clip(values, 0, 255).astype(np.uint8)


def by_pillow(image: Pixels, height: int, width: int) -> Pixels:
    resized = PillowImage.fromarray(image).resize((width, height), PillowImage.Resampling.BILINEAR)
    return np.asarray(resized)


def furthest(first: Pixels, second: Pixels) -> int:
    return int(np.abs(first.astype(int) - second).max())


@settings(max_examples=150, deadline=None)
@given(LENGTH, LENGTH, LENGTH, LENGTH, st.integers(0, 99))
def test_it_is_pillow_s_resize(height: int, width: int, new_height: int, new_width: int, seed: int) -> None:
    image = picture(height, width, seed)
    resized = resize_antialiased(image, ImageDimensions(new_height, new_width))
    assert resized.shape == (new_height, new_width, 3)
    assert furthest(resized, by_pillow(image, new_height, new_width)) <= 1


@pytest.mark.parametrize("source", [(1080, 1920), (2160, 3840), (1083, 1917), (1079, 1913), (480, 640)])
@pytest.mark.parametrize("edge", [384, 560, 312])
def test_sizes_of_cameras_and_networks(source: tuple[int, int], edge: int) -> None:
    image = picture(*source)
    assert furthest(resize_antialiased(image, ImageDimensions(edge, edge)), by_pillow(image, edge, edge)) <= 1


@pytest.mark.parametrize("source", [(8, 3001), (1, 5000), (90, 6000), (3001, 8), (5000, 1)])
def test_strips(source: tuple[int, int]) -> None:
    image = picture(*source)
    assert furthest(resize_antialiased(image, ImageDimensions(112, 96)), by_pillow(image, 112, 96)) <= 1
    np.testing.assert_array_equal(
        resize_antialiased(image[..., 1], ImageDimensions(112, 96)),
        resize_antialiased(image[..., ::-1], ImageDimensions(112, 96))[..., 1],
    )


def test_a_wide_strip_takes_no_more_memory_than_itself_and_the_result() -> None:
    image = np.zeros((64, 30_000, 3), np.uint8)
    tracemalloc.start()
    try:
        resize_antialiased(image, ImageDimensions(560, 560))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 4 * (image.nbytes + 560 * 560 * 3)


def test_a_smooth_picture_is_not_shifted() -> None:
    rows, columns = np.mgrid[0:1080, 0:1920]
    image = np.stack([rows * 255 / 1079, columns * 255 / 1919, (rows + columns) * 255 / 2998], -1).astype(np.uint8)
    resized, expected = resize_antialiased(image, ImageDimensions(560, 560)), by_pillow(image, 560, 560)
    assert abs(resized.mean(axis=(0, 1)) - expected.mean(axis=(0, 1))).max() < 0.1


def test_parts_of_frames_and_single_planes() -> None:
    frame = picture(300, 400)
    part, size = frame[7:211, 13:390], ImageDimensions(96, 64)
    resized = resize_antialiased(part, size)
    np.testing.assert_array_equal(resized, resize_antialiased(part.copy(), size))
    np.testing.assert_array_equal(resize_antialiased(part[..., 1], size), resized[..., 1])


def test_an_image_of_that_size_is_left_alone() -> None:
    image = picture(50, 60)
    assert resize_antialiased(image, ImageDimensions(50, 60)) is image


def test_many_threads_at_once() -> None:
    image, size = picture(2160, 3840), ImageDimensions(384, 384)
    expected, results = resize_antialiased(image, size), []
    threads = [threading.Thread(target=lambda: results.append(resize_antialiased(image, size))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 3
    assert all(np.array_equal(result, expected) for result in results)


def test_a_failure_in_the_second_thread_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = threading.Event()

    def fail(*_: object) -> None:
        if threading.current_thread() is threading.main_thread():
            failed.wait(10)
            return
        failed.set()
        raise MemoryError("no room")

    monkeypatch.setattr(sys.modules["inference_models.vision.antialias"], "_resize_share", fail)
    with pytest.raises(MemoryError, match="no room"):
        resize_antialiased(np.zeros((2160, 3840, 3), np.uint8), ImageDimensions(560, 560))


def pre_processor(color_mode: Any = "rgb", size: tuple[int, int] = (56, 72)) -> ImagePreProcessor:
    network_input = NetworkInput(
        dynamic_spatial_size_supported=False,
        color_mode=color_mode,
        resize_mode=ResizeMode.STRETCH,
        input_channels=3,
        training_input_size=TrainingInputSize(*size),
        scaling_factor=255,
    )
    return ImagePreProcessor.from_config(InferenceConfig(network_input), antialias=True)


@pytest.mark.parametrize("color_mode", ["rgb", "bgr"])
def test_the_pre_processor_resizes_so(color_mode: Any) -> None:
    image = picture(200, 310)
    tensor, [metadata] = pre_processor(color_mode)(image, input_color_format=color_mode)
    values = (tensor[0] * 255).round().astype(np.uint8).transpose(1, 2, 0)
    assert furthest(values, by_pillow(image, 56, 72)) <= 1
    assert metadata.inference_size == ImageDimensions(56, 72)


def test_tensors_give_the_same_as_arrays() -> None:
    torch = pytest.importorskip("torch")
    image = picture(200, 310)
    planes = torch.from_numpy(image.transpose(2, 0, 1).copy())
    expected = pre_processor()(image, input_color_format="rgb")[0]
    for same in (planes, planes.float() / 255, planes[None]):
        np.testing.assert_array_equal(pre_processor()(same)[0], expected)
