from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from im_yolo.maps import YOLOSemanticSegmenter, find_classes, find_foreground
from inference_models import (
    CorruptedModelPackageError,
    InvalidParameterError,
    ModelLoadingError,
    SemanticSegmentationResult,
)
from inference_models.developer_tools import (
    ImageDimensions,
    PreProcessingMetadata,
    RecommendedParameters,
    StaticCropOffset,
)

Floats = npt.NDArray[np.float64]
NAMES = ("road", "background", "sky")
SEMANTIC: dict[str, Any] = {"architecture": "yolo26", "task": "semantic-segmentation", "names": NAMES}
DEPTH: dict[str, Any] = {"architecture": "yolo26", "task": "depth-estimation", "names": None}
SOFTMAX = {"type": "softmax", "fused": False}


def bands(count: int, size: int = 320) -> npt.NDArray[np.float32]:
    """Return logits (count, size, size) of which each class leads in a band of columns, ramps between."""
    centres = (np.arange(count) + 0.5) * size / count
    distance = np.abs(np.arange(size) + 0.5 - centres[:, None]) / size
    return np.repeat((6 - 30 * distance)[:, None, :], size, axis=1).astype(np.float32)


def unletterboxed(image: npt.NDArray[Any], height: int, width: int, size: int = 320) -> Floats:
    """Return a map over a letterboxed input at the source image's size, with OpenCV alone."""
    ratio = min(size / width, size / height)
    new_width, new_height = int(width * ratio), int(height * ratio)
    left, top = (size - new_width) // 2, (size - new_height) // 2
    full = cv2.resize(image, (size, size)) if image.shape != (size, size) else image
    inside = np.ascontiguousarray(full[top : top + new_height, left : left + new_width], np.float64)
    return cv2.resize(inside, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float64)


def segmented_by_hand(scores: npt.NDArray[Any], confidence: float, background: int, size: tuple[int, int]) -> Any:
    restored = np.stack([unletterboxed(one, *size) for one in scores])
    powers = np.exp(restored - restored.max(axis=0))
    probabilities = powers / powers.sum(axis=0)
    ids = probabilities.argmax(axis=0)
    ids[probabilities.max(axis=0) < confidence] = background
    return ids, np.take_along_axis(probabilities, ids[None], axis=0)[0]


@pytest.mark.parametrize("size", [(240, 400), (500, 300), (320, 320), (7, 9)])
@pytest.mark.parametrize("confidence", [None, 0.7])
def test_classes_agree_with_float64(workbench: Any, size: tuple[int, int], confidence: float | None) -> None:
    logits = bands(3) + np.random.default_rng(0).normal(0, 0.2, (3, 320, 320)).astype(np.float32)
    directory = workbench.package(workbench.saying(logits), post_processing=SOFTMAX, **SEMANTIC)
    options = {} if confidence is None else {"confidence": confidence}
    (found,) = workbench.open(directory)(workbench.picture(*size), **options)
    assert isinstance(found, SemanticSegmentationResult)
    assert found.class_names == NAMES
    assert found.segmentation_map.dtype == np.int64
    assert found.confidence.dtype == np.float32
    ids, probabilities = segmented_by_hand(logits, confidence or 0.25, 1, size)
    assert found.segmentation_map.shape == size
    same = found.segmentation_map == ids
    assert same.mean() > 0.9999, "but for ties of float32"
    np.testing.assert_allclose(found.confidence[same], probabilities[same], atol=1e-4)


def test_a_network_with_a_stride_and_several_images(workbench: Any) -> None:
    directory = workbench.package(workbench.saying(bands(3, 80)), **SEMANTIC)
    first, second = workbench.open(directory)([workbench.picture(), workbench.picture(100, 60)])
    assert first.segmentation_map.shape == (240, 400)
    assert second.segmentation_map.shape == (100, 60)
    assert first.class_ids == [0, 1, 2]
    assert first.segmentation_map[120, [10, 200, 390]].tolist() == [0, 1, 2]


def test_one_logit_is_the_only_class_beside_the_background(workbench: Any) -> None:
    logits = bands(2)[:1] * 2
    names = ("background", "lane")
    model = workbench.open(workbench.package(workbench.saying(logits), **{**SEMANTIC, "names": names}))
    (found,) = model(workbench.picture(), confidence=0.5)
    probability = 1 / (1 + np.exp(-unletterboxed(logits[0], 240, 400)))
    np.testing.assert_array_equal(found.segmentation_map, (probability >= 0.5).astype(int))
    np.testing.assert_allclose(found.confidence, np.maximum(probability, 1 - probability), atol=1e-5)
    (strict,) = model(workbench.picture(), confidence=0.9)
    np.testing.assert_array_equal(strict.mask("lane"), probability >= 0.9)


def test_a_network_that_knows_nothing_but_background(workbench: Any) -> None:
    described = {**SEMANTIC, "names": ("background",)}
    model = workbench.open(workbench.package(workbench.saying(np.full((1, 20, 20), 5, np.float32)), **described))
    (found,) = model(workbench.picture())
    assert (found.class_ids, found.names) == ([0], ["background"])
    np.testing.assert_array_equal(found.confidence, 1)


def test_a_network_that_ends_in_its_softmax_is_taken_at_its_word(workbench: Any) -> None:
    said = np.broadcast_to(np.array([0.5, 0.125, 0.375], np.float32)[:, None, None], (3, 320, 320))
    fused = {"type": "softmax", "fused": True}
    model = workbench.open(workbench.package(workbench.saying(said), post_processing=fused, **SEMANTIC))
    (found,) = model(workbench.picture())
    assert found.class_ids == [0]
    np.testing.assert_allclose(found.confidence, 0.5)
    (unsure,) = model(workbench.picture(), confidence=0.6)
    assert unsure.names == ["background"]
    np.testing.assert_allclose(unsure.confidence, 0.125)


def test_recommended_thresholds_are_by_class(workbench: Any) -> None:
    model = workbench.open(workbench.package(workbench.saying(bands(3)), **SEMANTIC))
    again = YOLOSemanticSegmenter(model._package, RecommendedParameters(per_class_confidence={"road": 1.0}))
    (found,) = again(workbench.picture(), confidence="best")
    assert found.names == ["background", "sky"]
    with pytest.raises(InvalidParameterError, match="confidence must be"):
        model(workbench.picture(), confidence=2)


@pytest.mark.parametrize(
    ("names", "shape", "message"),
    [
        (("road", "sky"), (2, 8, 8), 'must name one class "background".* found 0 among 2'),
        (("background", "Background"), (2, 8, 8), "found 2 among 2"),
        (NAMES, (2, 8, 8), r"\(\?, 2, 8, 8\); expected \(batch, 3, height, width\): a score"),
        (NAMES, (1, 8, 8), r"expected \(batch, 3, height, width\): a score"),
        (("background", "lane"), (3, 8, 8), r"expected \(batch, 2, height, width\) or \(batch, 1, height, width\)"),
        (NAMES, (3, 64), "expected"),
    ],
)
def test_names_that_do_not_fit(workbench: Any, names: tuple[str, ...], shape: tuple[int, ...], message: str) -> None:
    network = workbench.saying(np.zeros(shape, np.float32))
    with pytest.raises(CorruptedModelPackageError, match=message):
        workbench.open(workbench.package(network, **{**SEMANTIC, "names": names}))


@pytest.mark.parametrize("shape", [(1, 320, 320), (320, 320), (1, 80, 80)])
@pytest.mark.parametrize("size", [(240, 400), (500, 300)])
def test_depth_has_the_size_of_the_image(workbench: Any, shape: tuple[int, ...], size: tuple[int, int]) -> None:
    rows = np.linspace(0.5, 80, shape[-1], dtype=np.float32)
    depth = np.broadcast_to(rows[:, None], shape).copy()
    directory = workbench.package(workbench.saying(depth), post_processing=None, **DEPTH)
    assert not (directory / "class_names.txt").exists()
    found, again = workbench.open(directory)([workbench.picture(*size)] * 2)
    assert found.shape == again.shape == size
    assert found.dtype == np.float32
    plane = depth.reshape(depth.shape[-2:])
    np.testing.assert_allclose(found, unletterboxed(plane, *size), rtol=1e-4)


@pytest.mark.parametrize("shape", [(3, 8, 8), (64,)])
def test_an_output_that_is_no_depth(workbench: Any, shape: tuple[int, ...]) -> None:
    directory = workbench.package(workbench.saying(np.zeros(shape, np.float32)), **DEPTH)
    with pytest.raises(CorruptedModelPackageError, match=r"expected \(batch, 1, height, width\) or"):
        workbench.open(directory)


def test_post_processing_that_depth_does_not_have(workbench: Any) -> None:
    network = workbench.saying(np.zeros((1, 8, 8), np.float32))
    directory = workbench.package(network, post_processing={"type": "sigmoid", "fused": False}, **DEPTH)
    with pytest.raises(ModelLoadingError, match='type "sigmoid"; supported for this task: none'):
        workbench.open(directory)


CROPPED = PreProcessingMetadata(
    pad_left=0, pad_top=0, pad_right=0, pad_bottom=0,
    original_size=ImageDimensions(7, 8), size_after_pre_processing=ImageDimensions(3, 4),
    inference_size=ImageDimensions(3, 4), scale_width=1, scale_height=1,
    static_crop_offset=StaticCropOffset(offset_x=2, offset_y=3, crop_width=4, crop_height=3),
)  # fmt: skip
INSIDE = (slice(3, 6), slice(2, 6))


def test_what_was_not_seen_is_background_of_no_probability() -> None:
    ids, probability = find_classes(np.full((2, 3, 4), 9, np.float32), CROPPED, 0.25, 1, False)
    assert (ids[INSIDE] == 0).all()
    np.testing.assert_allclose(probability[INSIDE], 0.5)
    ids[INSIDE], probability[INSIDE] = 1, 0
    assert (ids == 1).all()
    assert not probability.any()
    ids, probability = find_foreground(np.full((3, 4), 9, np.float32), CROPPED, 0.25, 0, False)
    assert ids.sum() == 12
    assert np.count_nonzero(probability) == 12


LOGITS = st.one_of(st.integers(-3, 3).map(float), st.floats(-50, 50, width=32), st.just(float("nan")))


@settings(deadline=None, max_examples=40)
@given(st.data(), st.integers(2, 5), st.floats(0, 1, width=32), st.booleans())
def test_every_pixel_agrees_with_plain_python(data: Any, count: int, threshold: float, fused: bool) -> None:
    numbers = data.draw(st.lists(LOGITS, min_size=12 * count, max_size=12 * count))
    background = data.draw(st.integers(0, count - 1))
    logits = np.array(numbers, np.float32).reshape(count, 3, 4)
    ids, probability = find_classes(logits, CROPPED, threshold, background, fused)
    for row, column in np.ndindex(3, 4):
        values = logits[:, row, column].tolist()
        if any(map(math.isnan, values)):
            expected, chances = background, [0.0] * count
        else:
            powers = [math.exp(value - max(values)) for value in values]
            chances = values if fused else [power / math.fsum(powers) for power in powers]
            if abs(max(chances) - threshold) < 1e-5:
                continue
            expected = background if max(chances) < threshold else values.index(max(values))
        assert ids[INSIDE][row, column] == expected
        assert probability[INSIDE][row, column] == pytest.approx(chances[expected], abs=1e-5)


def test_torch_in_torch_out(workbench: Any) -> None:
    torch = pytest.importorskip("torch")
    image = workbench.picture()
    tensor = torch.from_numpy(np.ascontiguousarray(image[..., ::-1].transpose(2, 0, 1)))
    model = workbench.open(workbench.package(workbench.saying(bands(3)), **SEMANTIC))
    expected, found = model([image, tensor])
    assert (expected.array_kind, found.array_kind) == ("numpy", "torch")
    assert found.to_dict() == expected.to_dict()
    (workbench.directory / "class_names.txt").unlink()
    model = workbench.open(workbench.package(workbench.saying(bands(1)), post_processing=None, **DEPTH))
    depth, tensor_depth = model([image, tensor])
    assert isinstance(depth, np.ndarray)
    assert tensor_depth.dtype is torch.float32
    np.testing.assert_array_equal(tensor_depth.numpy(), depth)


@pytest.mark.parametrize("what", [SEMANTIC, DEPTH])
def test_other_input_sizes_only_where_the_package_supports_them(workbench: Any, what: dict[str, Any]) -> None:
    channels = 3 if what is SEMANTIC else 1
    model = workbench.open(workbench.package(workbench.saying(bands(channels)), post_processing=None, **what))
    with pytest.raises(InvalidParameterError, match="image_size"):
        model(workbench.picture(), image_size=160)


@pytest.mark.parametrize("window", [(0, 50, 0, 50), (25, 75, 50, 100)])
def test_a_static_crop_leaves_maps_at_the_size_of_the_image(workbench: Any, window: tuple[int, ...]) -> None:
    x_min, x_max, y_min, y_max = window
    crop = {"enabled": True, "x_min": x_min, "x_max": x_max, "y_min": y_min, "y_max": y_max}
    steps = {"image_pre_processing": {"static-crop": crop}, "network_input": {"resize_mode": "stretch"}}
    part = np.zeros((200, 400), bool)
    part[2 * y_min : 2 * y_max, 4 * x_min : 4 * x_max] = True
    model = workbench.open(workbench.package(workbench.saying(bands(3)), **SEMANTIC, **steps))
    (found,) = model(workbench.picture(200, 400))
    assert (found.segmentation_map[~part] == 1).all()
    assert not found.confidence[~part].any()
    assert set(np.unique(found.segmentation_map[part])) == {0, 1, 2}
    assert (found.confidence[part] > 0).all()
    (workbench.directory / "class_names.txt").unlink()
    depth = np.full((1, 320, 320), 7, np.float32)
    (found,) = workbench.open(workbench.package(workbench.saying(depth), **DEPTH, **steps))(workbench.picture(200, 400))
    np.testing.assert_array_equal(found, 7 * part)
