from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from im_florence2.images import make_pre_processor, prepare_pictures, untouched
from im_florence2.places import boxes_in_source, points_in_source, read_regions
from inference_models import InvalidParameterError, ModelInputError, ModelLoadingError, PreProcessingOverrides
from inference_models.developer_tools import ImageDimensions, InferenceConfig, ResizeMode
from inference_models.vision.inference_config import ImagePreProcessing, NetworkInput, StaticCrop, TrainingInputSize

WIDE = ImageDimensions(height=100, width=400)


def config(mode: ResizeMode, crop: StaticCrop | None = None, **more: Any) -> InferenceConfig:
    given = {"dynamic_spatial_size_supported": False, "color_mode": "bgr", "input_channels": 3, "padding_value": 114}
    size = TrainingInputSize(height=200, width=200)
    network_input = NetworkInput(**{**given, "resize_mode": mode, "training_input_size": size, **more})
    return InferenceConfig(network_input, ImagePreProcessing(static_crop=crop))


def test_a_location_is_the_middle_of_its_thousandth() -> None:
    found = boxes_in_source([(0, 0, 999, 999), (500, 250, 750, 500)], untouched(WIDE))
    np.testing.assert_allclose(found, [[0.2, 0.05, 399.8, 99.95], [200.2, 25.05, 300.2, 50.05]], rtol=1e-6)
    assert found.dtype == np.float32
    np.testing.assert_allclose(
        points_in_source((0, 999, 10, 20), untouched(WIDE)), [[0.2, 99.95], [4.2, 2.05]], rtol=1e-5
    )
    assert boxes_in_source([], untouched(WIDE)).shape == (0, 4)


@pytest.mark.parametrize(
    "mode", sorted(set(ResizeMode) - {ResizeMode.LETTERBOX_REFLECT_EDGES})
)  # that shows the box thrice
@pytest.mark.parametrize("crop", [None, StaticCrop(True, 25, 75, 10, 90)])
def test_what_was_seen_comes_back_to_where_it_was(mode: ResizeMode, crop: StaticCrop | None) -> None:
    """A white box is found again at its place, whatever was cropped, padded or resized before it was seen."""
    picture = np.zeros((100, 400, 3), np.uint8)
    box = (180, 40, 230, 70)
    picture[box[1] : box[3], box[0] : box[2]] = 255
    (seen,), (metadata,) = prepare_pictures(picture, make_pre_processor(config(mode, crop)))

    rows, columns = np.nonzero(np.asarray(seen)[..., 0] > 180)
    shares = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]) / np.array(seen.size * 2)
    given = boxes_in_source([tuple((shares * 1000).astype(int).tolist())], metadata)
    step = 2 * max(1 / metadata.scale_width, 1 / metadata.scale_height)
    np.testing.assert_allclose(given[0], box, atol=step)
    tokens = read_regions(box, [metadata])[0]
    expected = [int(token) for token in tokens.replace("<loc_", " ").replace(">", "").split()]
    np.testing.assert_allclose(expected, shares * 1000, atol=1000 * 2 / min(seen.size))


def test_colours_reach_the_network_in_the_order_red_green_blue() -> None:
    blue = np.zeros((4, 4, 3), np.uint8)
    blue[..., 0] = 200
    tensor = torch.from_numpy(blue[..., ::-1].transpose(2, 0, 1).copy())
    for pre_processor in (None, make_pre_processor(config(ResizeMode.STRETCH, scaling_factor=255.0))):
        for image, order in ((blue, None), (tensor, None), (blue[..., ::-1].copy(), "rgb"), (tensor.flip(0), "bgr")):
            (picture,), (metadata,) = prepare_pictures(image, pre_processor, input_color_format=order)
            assert np.asarray(picture)[0, 0].tolist() == [0, 0, 200]
            assert metadata.array_kind == ("torch" if isinstance(image, torch.Tensor) else "numpy")


def test_values_stay_those_of_an_image() -> None:
    """The checkpoint's own processor scales and normalizes: doing it twice would leave nothing to see."""
    normalized = config(ResizeMode.STRETCH, scaling_factor=255.0, normalization=((0.5,) * 3, (0.2,) * 3))
    picture = np.full((10, 10, 3), 180, np.uint8)
    (seen,), _ = prepare_pictures(picture, make_pre_processor(normalized))
    assert np.asarray(seen).min() == np.asarray(seen).max() == 180


def test_images_of_any_sizes_and_single_steps() -> None:
    crop = StaticCrop(True, 0, 50, 0, 100)
    images = [np.zeros((30, 40, 3), np.uint8), np.zeros((100, 20, 3), np.uint8)]
    pre_processor = make_pre_processor(config(ResizeMode.FIT_LONGER_EDGE, crop))
    pictures, _ = prepare_pictures(images, pre_processor)
    assert [picture.size for picture in pictures] == [(133, 200), (20, 200)]
    overrides = PreProcessingOverrides(disable_static_crop=True)
    pictures, _ = prepare_pictures(images, pre_processor, overrides=overrides)
    assert [picture.size for picture in pictures] == [(200, 150), (40, 200)]


def test_options_and_configs_that_cannot_be_used() -> None:
    image = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(InvalidParameterError, match='must be "rgb" or "bgr"'):
        prepare_pictures(image, None, input_color_format="hsv")
    with pytest.raises(InvalidParameterError, match="must be a PreProcessingOverrides"):
        prepare_pictures(image, None, overrides={"disable_static_crop": True})
    with pytest.raises(ModelInputError):
        prepare_pictures([], None)
    with pytest.raises(ModelLoadingError, match="Florence-2 takes 3"):
        make_pre_processor(config(ResizeMode.STRETCH, input_channels=1))


@pytest.mark.parametrize(
    "region", [(40, 10, 200, 50), [40.0, 10.0, 200.0, 50.0], np.array([[40, 10, 200, 50]]), (0.1, 0.1, 0.5, 0.5)]
)
def test_a_region_in_pixels_or_shares(region: Any) -> None:
    assert read_regions(region, [untouched(WIDE)] * 2) == ["<loc_100><loc_100><loc_500><loc_500>"] * 2


def test_a_region_for_each_image() -> None:
    whole = "<loc_0><loc_0><loc_999><loc_999>"
    regions = torch.tensor([[0, 0, 400, 100], [40, 10, 200, 50]])
    assert read_regions(regions, [untouched(WIDE)] * 2) == [whole, "<loc_100><loc_100><loc_500><loc_500>"]
    assert read_regions((-0.3, 0, 400.4, 100.2), [untouched(WIDE)]) == [whole]


@pytest.mark.parametrize(
    ("region", "said"),
    [
        (None, "must say which region is meant"),
        ("left", "must say which region is meant"),
        ([], "must say which region is meant"),
        ((1, 2, 3), "must say which region is meant"),
        ([[[1, 2, 3, 4]]], "must say which region is meant"),
        ([(1, 2, 3, 4)] * 3, "holds 3 boxes for 2 images"),
        ((50, 10, 40, 20), "has no area"),
        ((10, 10, 10, 20), "has no area"),
        ((float("nan"), 1, 2, 3), "has no area"),
        ((10, 10, 401, 20), "lies outside the image, which is 400 pixels wide and 100 high. Clip it"),
        ((-5, 10, 40, 20), "lies outside the image"),
        ((500, 500, 600, 600), "lies outside the image"),
    ],
)
def test_regions_that_cannot_be_used(region: Any, said: str) -> None:
    with pytest.raises(InvalidParameterError, match=said):
        read_regions(region, [untouched(WIDE)] * 2)


def test_a_region_that_pre_processing_cuts_off() -> None:
    picture = np.zeros((100, 400, 3), np.uint8)
    crop = StaticCrop(True, 50, 100, 0, 100)
    _, metadata = prepare_pictures(picture, make_pre_processor(config(ResizeMode.STRETCH, crop)))
    with pytest.raises(InvalidParameterError, match="that the package's pre-processing cuts off"):
        read_regions((10, 10, 100, 50), metadata)
