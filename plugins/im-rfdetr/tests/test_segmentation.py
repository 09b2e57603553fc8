"""Instance segmentation: masks at the size of the picture, against torch's interpolation."""

from __future__ import annotations

import numpy as np
import pytest

from inference_models import CorruptedModelPackageError, InstancesRLEMasks, InvalidParameterError

BOXES = np.array([[0.5, 0.5, 0.4, 0.4], [0.3, 0.3, 0.2, 0.2], [0.7, 0.7, 0.2, 0.2]])
SCORES = np.array([[3.0, -9, -9], [-9, 2.0, -9], [-9, -9, 1.0]])


def maps(seed: int = 0):
    return np.random.default_rng(seed).normal(0, 1, (3, 16, 16)).astype(np.float32)


def load(bench, **options):
    outputs = {"dets": BOXES, "labels": SCORES, "masks": maps()}
    return bench.load("instance-segmentation", network=bench.saying(**outputs), **options)


@pytest.mark.parametrize("size", [(64, 64), (100, 200), (33, 47)])
def test_masks_are_where_the_interpolated_logits_are_above_zero(bench, size: tuple[int, int]) -> None:
    torch = pytest.importorskip("torch")
    [found] = load(bench)(bench.picture(*size))
    resized = torch.nn.functional.interpolate(torch.from_numpy(maps())[:, None], size=size, mode="bilinear")
    expected = resized[:, 0].numpy()
    assert found.mask.shape == (3, *size)
    assert found.mask.dtype == np.bool_
    clear = np.abs(expected) > 1e-5
    np.testing.assert_array_equal(found.mask[clear], (expected > 0)[clear])
    assert found.class_id.tolist() == [0, 1, 2]


def test_masks_may_reach_beyond_their_boxes(bench) -> None:
    [found] = load(bench)(bench.picture(100, 100))
    assert found.mask[1, :, 60:].any()


def test_run_lengths_are_the_same_masks(bench) -> None:
    model = load(bench)
    image = bench.picture(100, 200)
    [dense], [encoded] = model(image), model(image, mask_format="rle")
    assert isinstance(encoded.mask, InstancesRLEMasks)
    np.testing.assert_array_equal(encoded.mask.to_dense(), dense.mask)
    assert model.supported_mask_formats == {"dense", "rle"}


@pytest.mark.parametrize("mask_format", ["dense", "rle"])
def test_pictures_without_instances(bench, mask_format: str) -> None:
    [found] = load(bench)(bench.picture(), confidence=1.0, mask_format=mask_format)
    assert len(found) == 0
    masks = found.mask if mask_format == "dense" else found.mask.to_dense()
    assert masks.shape == (0, 90, 140)


def test_boxes_of_nan_are_left_out_with_their_masks(bench) -> None:
    boxes = BOXES.copy()
    boxes[0] = np.nan
    network = bench.saying(dets=boxes, labels=SCORES, masks=maps())
    [found] = bench.load("instance-segmentation", network=network)(bench.picture())
    [whole] = load(bench)(bench.picture())
    assert found.class_id.tolist() == [1, 2]
    np.testing.assert_array_equal(found.mask, whole.mask[1:])


def test_masks_of_letterboxed_data_sets_and_crops(bench) -> None:
    """The mask of the middle covers the middle of what the network saw, whatever lies around it."""
    middle = np.full((3, 16, 16), -9, np.float32)
    middle[:, 4:12, 4:12] = 9
    crop = {"enabled": True, "x_min": 50, "x_max": 100, "y_min": 0, "y_max": 100}
    model = bench.load(
        "instance-segmentation",
        network=bench.saying(dets=BOXES, labels=SCORES, masks=middle),
        network_input={"resize_mode": "letterbox", "dataset_version_resize_dimensions": {"height": 80, "width": 80}},
        image_pre_processing={"static-crop": crop},
    )
    [found] = model(bench.picture(100, 400), max_detections=1)
    rows, columns = np.where(found.mask[0])
    # The crop is 200 x 100; in 80 x 80 it lies at 0.4 of its size with 20 rows above and below it.
    assert found.mask.shape == (1, 100, 400)
    assert (abs(columns.min() - 250) <= 8, abs(columns.max() - 349) <= 8) == (True, True)
    assert (rows.min(), rows.max()) == (0, 99)


def test_tensors_give_tensors(bench) -> None:
    torch = pytest.importorskip("torch")
    model, image = load(bench), bench.picture(100, 200)
    [found] = model(torch.from_numpy(image.transpose(2, 0, 1).copy()), input_color_format="bgr")
    assert isinstance(found.mask, torch.Tensor)
    np.testing.assert_array_equal(found.mask.numpy(), model(image)[0].mask)


def test_options(bench) -> None:
    model = load(bench)
    assert len(model(bench.picture(), max_detections=2)[0].mask) == 2
    for wrong in ("polygons", ["polygons"]):
        with pytest.raises(InvalidParameterError, match="polygons"):
            model(bench.picture(), mask_format=wrong)
        inputs, metadata = model.pre_process(bench.picture())
        with pytest.raises(InvalidParameterError, match="polygons"):
            model.post_process(model.forward(inputs), metadata, mask_format=wrong)


def test_a_detector_is_not_a_segmenter(bench) -> None:
    with pytest.raises(CorruptedModelPackageError, match="for masks"):
        bench.load("instance-segmentation", network=bench.saying(dets=BOXES, labels=SCORES))
