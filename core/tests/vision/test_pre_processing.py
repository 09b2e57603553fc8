from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from attrs import evolve

from inference_models.errors import (
    CorruptedModelPackageError,
    InvalidParameterError,
    ModelInputError,
    ModelLoadingError,
)
from inference_models.vision import (
    ImageDimensions,
    ImagePreProcessor,
    InferenceConfig,
    ResizeMode,
)
from inference_models.vision.inference_config import (
    AutoOrient,
    DynamicSpatialSizeMode,
    Grayscale,
    ImagePreProcessing,
    NetworkInput,
    TrainingInputSize,
)

NETWORK_INPUT = NetworkInput(
    dynamic_spatial_size_supported=False,
    color_mode="rgb",
    resize_mode=ResizeMode.LETTERBOX,
    input_channels=3,
    training_input_size=TrainingInputSize(height=64, width=96),
    padding_value=114,
    scaling_factor=255,
)
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def make_pre_processor(dtype: str = "float32", **changes: Any) -> ImagePreProcessor:
    return ImagePreProcessor.from_config(InferenceConfig(evolve(NETWORK_INPUT, **changes)), dtype=dtype)


def textured_image(height: int, width: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Return smooth blobs with noise, all three channels different: a mistake in any step shows."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (5, 7, 3), np.uint8)
    smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.int16)
    noisy: npt.NDArray[np.uint8] = np.clip(smooth + rng.integers(-20, 21, smooth.shape), 0, 255).astype(np.uint8)
    return noisy


def by_the_book(image: npt.NDArray[np.uint8], network_input: NetworkInput, swap: bool) -> npt.NDArray[np.float64]:
    """Do each step by itself, in float64: resize, pad, swap colours, divide, subtract, divide."""
    assert network_input.training_input_size is not None
    target_height, target_width = network_input.training_input_size.height, network_input.training_input_size.width
    height, width = image.shape[:2]
    if network_input.resize_mode == "stretch":
        canvas = cv2.resize(image, (target_width, target_height), interpolation=cv2.INTER_LINEAR)
    else:
        ratio = min(target_width / width, target_height / height)
        new_width, new_height = int(width * ratio), int(height * ratio)
        left, top = int((target_width - new_width) / 2), int((target_height - new_height) / 2)
        canvas = np.full((target_height, target_width, 3), network_input.padding_value or 0, np.uint8)
        resized = cv2.resize(image, (new_width, new_height), interpolation=cv2.INTER_LINEAR)
        canvas[top : top + new_height, left : left + new_width] = resized
    if swap:
        canvas = cv2.cvtColor(canvas, cv2.COLOR_BGR2RGB)
    values = canvas.astype(np.float64) / (network_input.scaling_factor or 1)
    if network_input.normalization is not None:
        values = (values - np.array(network_input.normalization[0])) / np.array(network_input.normalization[1])
    return values.transpose(2, 0, 1)


@pytest.mark.parametrize("resize_mode", [ResizeMode.LETTERBOX, ResizeMode.STRETCH])
@pytest.mark.parametrize("color_mode", ["rgb", "bgr"])
@pytest.mark.parametrize("input_color_format", [None, "rgb", "bgr"])
@pytest.mark.parametrize(
    "scaling", [{"normalization": (MEAN, STD)}, {}, {"scaling_factor": None, "padding_value": None}]
)
def test_the_tensor_is_what_the_steps_give_one_by_one(
    resize_mode: ResizeMode, color_mode: Any, input_color_format: Any, scaling: dict[str, Any]
) -> None:
    network_input = evolve(NETWORK_INPUT, resize_mode=resize_mode, color_mode=color_mode, **scaling)
    pre_processor = ImagePreProcessor.from_config(InferenceConfig(network_input))
    images = [textured_image(*size) for size in [(120, 200), (300, 100), (64, 96), (31, 17)]]
    tensor, metadata = pre_processor(images, input_color_format=input_color_format)
    assert tensor.shape == (4, 3, 64, 96)
    assert tensor.dtype == np.float32
    assert len(metadata) == 4
    swap = (input_color_format or "bgr") != color_mode
    for image, found in zip(images, tensor, strict=True):
        np.testing.assert_allclose(found, by_the_book(image, network_input, swap), rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("times", [(3, 3), (5, 5), (7, 3), (1, 9), (2, 2), (3, 2), (6, 6)])
@pytest.mark.parametrize("grayscale", [False, True])
@pytest.mark.parametrize("planar", [False, True])
def test_pixels_of_images_many_times_as_large_are_those_that_opencv_interpolates(
    times: tuple[int, int], grayscale: bool, planar: bool
) -> None:
    image = np.random.default_rng(0).integers(0, 256, (64 * times[0], 96 * times[1], 3), np.uint8)
    steps = ImagePreProcessing(grayscale=Grayscale(enabled=grayscale))
    network_input = evolve(NETWORK_INPUT, resize_mode=ResizeMode.STRETCH, scaling_factor=1)
    pre_processor = ImagePreProcessor.from_config(InferenceConfig(network_input, steps))
    given = np.ascontiguousarray(image.transpose(2, 0, 1)).transpose(1, 2, 0) if planar else image
    tensor, _ = pre_processor(given, input_color_format="rgb")
    if grayscale:
        image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    expected = cv2.resize(image, (96, 64), interpolation=cv2.INTER_LINEAR).transpose(2, 0, 1)
    np.testing.assert_array_equal(tensor[0], expected)


def test_one_image_and_an_array_of_images_are_taken() -> None:
    pre_processor = make_pre_processor()
    image = textured_image(50, 70)
    one, _ = pre_processor(image)
    many, metadata = pre_processor(np.stack([image, image[::-1]]))
    assert one.shape == (1, 3, 64, 96)
    assert many.shape == (2, 3, 64, 96)
    assert len(metadata) == 2
    np.testing.assert_array_equal(many[0], one[0])
    assert not np.array_equal(many[1], one[0])


def test_a_half_precision_network_gets_half_precision() -> None:
    image = textured_image(50, 70)
    half, _ = make_pre_processor(dtype="float16")(image)
    full, _ = make_pre_processor()(image)
    assert half.dtype == np.float16
    np.testing.assert_array_equal(half, full.astype(np.float16))


@pytest.mark.parametrize(
    "view", [lambda i: i[..., ::-1], lambda i: i[::2, ::3], lambda i: i[:, ::-1], np.asfortranarray]
)
@pytest.mark.parametrize("size", [(90, 160), (64, 96)])  # to be resized, and as large as the input already
def test_views_give_what_their_copies_give(view: Any, size: tuple[int, int]) -> None:
    image = view(textured_image(*size))
    pre_processor = make_pre_processor()
    np.testing.assert_array_equal(pre_processor(image)[0], pre_processor(np.ascontiguousarray(image))[0])


def test_the_image_is_not_changed_and_may_be_read_only() -> None:
    image = textured_image(64, 96)
    before = image.copy()
    image.flags.writeable = False
    make_pre_processor()(image)
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (2, 2)])
@pytest.mark.parametrize("resize_mode", [ResizeMode.LETTERBOX, ResizeMode.STRETCH])
def test_extreme_sizes_work(size: tuple[int, int], resize_mode: ResizeMode) -> None:
    tensor, _ = make_pre_processor(resize_mode=resize_mode)(np.full((*size, 3), 255, np.uint8))
    assert tensor.max() == 1.0
    assert set(np.unique(tensor)) <= {np.float32(1), np.float32(114) * np.float32(1 / 255)}


def test_every_call_returns_a_tensor_of_its_own() -> None:
    pre_processor = make_pre_processor()
    first, _ = pre_processor(textured_image(50, 70, seed=1))
    kept = first.copy()
    pre_processor(textured_image(50, 70, seed=2))
    np.testing.assert_array_equal(first, kept)


def test_threads_do_not_disturb_each_other() -> None:
    pre_processor = make_pre_processor()
    images = [textured_image(40 + 10 * n, 70, seed=n) for n in range(8)]
    alone = [pre_processor(image)[0] for image in images]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda n: pre_processor(images[n % 8])[0], range(80)))
    for n, tensor in enumerate(together):
        np.testing.assert_array_equal(tensor, alone[n % 8])


def test_the_size_of_the_network_can_replace_that_of_the_config() -> None:
    free = evolve(
        NETWORK_INPUT,
        training_input_size=None,
        dynamic_spatial_size_supported=True,
        dynamic_spatial_size_mode=DynamicSpatialSizeMode("any-size"),
    )
    pre_processor = ImagePreProcessor.from_config(InferenceConfig(free), size=ImageDimensions(32, 48))
    assert pre_processor(textured_image(50, 70))[0].shape == (1, 3, 32, 48)
    with pytest.raises(CorruptedModelPackageError, match="training_input_size is missing"):
        ImagePreProcessor.from_config(InferenceConfig(free))


@pytest.mark.parametrize(
    "steps", [ImagePreProcessing(auto_orient=AutoOrient(True)), ImagePreProcessing(grayscale=Grayscale(False))]
)
def test_steps_that_change_nothing_are_accepted(steps: ImagePreProcessing) -> None:
    image = textured_image(50, 70)
    plain = make_pre_processor()(image)[0]
    with_steps = ImagePreProcessor.from_config(InferenceConfig(NETWORK_INPUT, steps))(image)[0]
    np.testing.assert_array_equal(with_steps, plain)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"resize_mode": ResizeMode.FIT_LONGER_EDGE},
            "resize_mode is 'fit-longer-edge', which .* Export it with 'letterbox'",
        ),
        ({"input_channels": 4}, "input_channels is 4; supported: 1 or 3"),
        ({"dtype": "int8"}, "The network takes int8; supported: float16, float32"),
    ],
)
def test_what_is_not_supported_is_refused_with_what_is(changes: dict[str, Any], expected: str) -> None:
    with pytest.raises(ModelLoadingError, match=expected):
        make_pre_processor(**changes)


@pytest.mark.parametrize("value", ["RGB", "gray", "", 3])
def test_an_unknown_colour_format_is_refused(value: Any) -> None:
    with pytest.raises(InvalidParameterError, match="input_color_format must be"):
        make_pre_processor()(textured_image(5, 7), input_color_format=value)


def test_overrides_are_taken_as_such_only() -> None:
    with pytest.raises(InvalidParameterError, match="must be a PreProcessingOverrides, got dict"):
        make_pre_processor()(textured_image(5, 7), overrides={"disable_static_crop": True})  # type: ignore[arg-type]


def test_a_bad_image_is_refused_before_anything_is_computed() -> None:
    with pytest.raises(ModelInputError, match="element 1 of the list is None"):
        make_pre_processor()([textured_image(5, 7), None])
