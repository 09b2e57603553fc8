"""Detection over ONNX Runtime, with networks that say what they are told to."""

from __future__ import annotations

import json

import numpy as np
import pytest

from inference_models import AutoModel, CorruptedModelPackageError, InvalidParameterError, ModelLoadingError


def logit(probability):
    return np.log(probability / (1 - probability))


BOXES = np.array([[0.5, 0.5, 0.2, 0.4], [0.1, 0.2, 0.4, 0.2], [0.9, 0.9, 0.4, 0.4], *[[0.5, 0.5, 0.1, 0.1]] * 2])
SCORES = logit(np.array([[0.9, 0.1, 0.6, 0.01], [0.2, 0.8, 0.3, 0.01], [0.45, 0.02, 0.39, 0.99], *[[0.01] * 4] * 2]))


def test_the_best_pairs_are_found_and_clamped(bench) -> None:
    model = bench.load(network=bench.saying(dets=BOXES, labels=SCORES))
    [found] = model(bench.picture(100, 200))
    # Query 0 with two classes, query 2 clamped to the picture; column 3, the background, is not shown.
    np.testing.assert_allclose(
        found.xyxy, [[80, 30, 120, 70], [0, 10, 60, 30], [80, 30, 120, 70], [140, 70, 200, 100]], atol=1e-3
    )
    np.testing.assert_allclose(found.confidence, [0.9, 0.8, 0.6, 0.45], atol=1e-6)
    assert found.class_id.tolist() == [0, 1, 2, 0]
    assert (found.names, model.class_names) == (["cat", "dog", "owl", "cat"], ["cat", "dog", "owl"])
    assert found.xyxy.dtype == np.float32


def test_the_background_takes_its_place_among_the_best(bench) -> None:
    """Three queries: the three best pairs are taken, and one of them is the background's."""
    model = bench.load(network=bench.saying(dets=BOXES[:3], labels=SCORES[:3]))
    [found] = model(bench.picture(), confidence=0.0)
    assert len(found) == 2


@pytest.mark.parametrize("names", [("", "dog", "owl"), ("cat", "", "owl")])
def test_classes_without_a_name_are_not_shown_and_keep_their_number(bench, names: tuple[str, ...]) -> None:
    model = bench.load(network=bench.saying(dets=BOXES, labels=SCORES[:, :3]), names=names)
    [found] = model(bench.picture())
    expected = [1, 2] if names[0] == "" else [0, 2, 0]
    assert found.class_id.tolist() == expected
    assert model.class_names == list(names)


def test_classes_that_the_package_removes(bench) -> None:
    operations = [{"type": "class_name_removal", "class_name": "cat"}]
    model = bench.load(network=bench.saying(dets=BOXES, labels=SCORES), class_names_operations=operations)
    [found] = model(bench.picture())
    assert (found.class_id.tolist(), found.names, model.class_names) == ([0, 1], ["dog", "owl"], ["dog", "owl"])


def test_options(bench) -> None:
    model = bench.load(network=bench.saying(dets=BOXES, labels=SCORES))
    assert len(model(bench.picture(), confidence=0.7)[0]) == 2
    assert len(model(bench.picture(), max_detections=1)[0]) == 1
    for options in ({"confidence": 2}, {"confidence": "bset"}, {"max_detections": 0}, {"iou_threshold": 0.5}):
        with pytest.raises(InvalidParameterError):
            model(bench.picture(), **options)


def test_best_is_what_is_recommended(bench) -> None:
    directory = bench.package(network=bench.saying(dets=BOXES, labels=SCORES))
    config = json.loads((directory / "model_config.json").read_text())
    config["recommended_parameters"] = {"confidence": 0.5, "perClassConfidence": {"cat": 0.95}}
    (directory / "model_config.json").write_text(json.dumps(config))
    with AutoModel.from_pretrained(directory, device="cpu") as model:
        assert model(bench.picture(), confidence="best")[0].class_id.tolist() == [1, 2]


def test_num_select_of_the_package(bench) -> None:
    network = bench.saying(dets=BOXES[:3], labels=SCORES[:3])
    assert len(bench.load(network=network)(bench.picture())[0]) == 2
    model = bench.load(network=network, features={"num_select": 5, "resolution": 64})
    assert len(model(bench.picture())[0]) == 4


@pytest.mark.parametrize("count", ["300", 2.0, [1], True, 0, -5])
def test_a_num_select_that_is_no_number_of_pairs(bench, count) -> None:
    with pytest.raises(CorruptedModelPackageError, match=r"says num_select=.* whole number of at least 1"):
        bench.load(network=bench.saying(dets=BOXES, labels=SCORES), features={"num_select": count})


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf, 3e38])
def test_boxes_that_are_none_are_left_out_before_the_limit(bench, broken: float) -> None:
    boxes = BOXES.copy()
    boxes[0, 2] = broken
    model = bench.load(network=bench.saying(dets=boxes, labels=SCORES))
    [found] = model(bench.picture(100, 200))
    np.testing.assert_allclose(found.xyxy, [[0, 10, 60, 30], [140, 70, 200, 100]], atol=1e-3)
    assert model(bench.picture(100, 200), max_detections=1)[0].class_id.tolist() == [1]


def test_letterboxed_data_sets(bench) -> None:
    model = bench.load(
        network=bench.saying(dets=BOXES[:1], labels=SCORES[:1]),
        network_input={"resize_mode": "letterbox", "dataset_version_resize_dimensions": {"height": 400, "width": 400}},
    )
    [found] = model(bench.picture(100, 200), max_detections=1)
    # 400 x 400 holds the picture at twice its size, 100 rows from the top.
    np.testing.assert_allclose(found.xyxy, [[80, 10, 120, 90]], atol=1e-3)


def test_static_crop(bench) -> None:
    crop = {"enabled": True, "x_min": 50, "x_max": 100, "y_min": 0, "y_max": 100}
    model = bench.load(
        network=bench.saying(dets=BOXES[:1], labels=SCORES[:1]), image_pre_processing={"static-crop": crop}
    )
    [found] = model(bench.picture(100, 200), max_detections=1)
    np.testing.assert_allclose(found.xyxy, [[140, 30, 160, 70]], atol=1e-3)


def test_tensors_give_tensors(bench) -> None:
    torch = pytest.importorskip("torch")
    model = bench.load(network=bench.saying(dets=BOXES, labels=SCORES))
    image = bench.picture(100, 200)
    expected, tensor = model(image)[0], torch.from_numpy(image.transpose(2, 0, 1).copy())
    [found] = model(tensor, input_color_format="bgr")
    assert isinstance(found.xyxy, torch.Tensor)
    np.testing.assert_array_equal(found.xyxy.numpy(), expected.xyxy)


@pytest.mark.parametrize(
    "outputs",
    [
        {"pred_boxes": BOXES, "logits": SCORES},
        {"labels": SCORES, "dets": BOXES},
        {"a": BOXES, "b": SCORES},
        {"b": SCORES[:, :3], "a": BOXES},
    ],
)
def test_outputs_are_told_apart(bench, outputs) -> None:
    model = bench.load(network=bench.saying(**outputs))
    assert model(bench.picture())[0].class_id.tolist()[:2] == [0, 1]


def test_images_of_any_sizes_and_batches(bench) -> None:
    model = bench.load(network=bench.saying(dets=BOXES, labels=SCORES), forward_pass={"max_dynamic_batch_size": 2})
    pictures = [bench.picture(50, 60), bench.picture(100, 200), bench.picture(64, 64)]
    together = model(pictures)
    for picture, found in zip(pictures, together, strict=True):
        np.testing.assert_array_equal(found.xyxy, model(picture)[0].xyxy)


@pytest.mark.parametrize(
    ("outputs", "options", "message"),
    [
        ({"dets": BOXES}, {}, r"outputs are dets \(\?, 5, 4\); expected \(batch, queries, 4\)"),
        ({"dets": BOXES[:2], "labels": SCORES}, {}, "expected"),
        ({"dets": BOXES[:, :3], "labels": SCORES}, {}, "expected"),
        ({"dets": BOXES, "labels": SCORES}, {"names": ("a",)}, "scores 4 classes, expected 1.*or 2"),
        ({"dets": BOXES, "labels": SCORES}, {"names": tuple("abcde")}, "scores 4 classes, expected 5"),
        (
            {"dets": BOXES, "labels": SCORES},
            {"network_input": {"training_input_size": {"height": 96, "width": 64}}},
            "network takes 64x64.*is 96x64",
        ),
    ],
)
def test_what_contradicts_the_package_is_refused(bench, outputs, options, message: str) -> None:
    with pytest.raises(CorruptedModelPackageError, match=message):
        bench.load(network=bench.saying(**outputs), **options)


def test_post_processing_in_the_network_is_refused(bench) -> None:
    with pytest.raises(ModelLoadingError, match='"fused": false'):
        bench.load(network=bench.saying(dets=BOXES, labels=SCORES), post_processing={"type": "nms", "fused": True})


def test_features_of_others_are_refused_in_the_plan(bench) -> None:
    directory = bench.package(network=bench.saying(dets=BOXES, labels=SCORES), features={"nms_fused": {}})
    [verdict] = AutoModel.explain(directory).verdicts
    assert "does not support its features ['nms_fused']" in (verdict.reason or "")
