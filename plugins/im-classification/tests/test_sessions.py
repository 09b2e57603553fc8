"""Classifiers over ONNX Runtime, from a package's files to predictions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from attrs import evolve

from im_classification.sessions import SessionMultiLabelClassifier
from inference_models import (
    ClassificationPrediction,
    CorruptedModelPackageError,
    InvalidParameterError,
    ModelInputError,
    ModelLoadingError,
    MultiLabelClassificationPrediction,
    SessionClosedError,
)
from inference_models.developer_tools import RecommendedParameters, sigmoid, softmax

WEIGHTS = np.array([[3, 0, 1], [0, 3, 1], [-1, 0, 3]], np.float32)


def exactly(logits: Any) -> list[float]:
    """Return the softmax of one image's logits in plain Python."""
    powers = [math.exp(float(one) - max(map(float, logits))) for one in logits]
    return [power / math.fsum(powers) for power in powers]


def write(workbench: Any, **options: Any) -> Any:
    return workbench.package(files={"weights.onnx": workbench.averaging(WEIGHTS)}, **options)


@pytest.mark.parametrize("architecture", ["resnet", "vit"])
def test_one_prediction_for_the_whole_batch(workbench: Any, architecture: str) -> None:
    model = workbench.open(write(workbench, architecture=architecture))
    images = [workbench.picture(50 + 30 * seed, 120, seed) for seed in range(4)]
    found = model(images)
    assert isinstance(found, ClassificationPrediction)
    assert found.class_names == tuple(model.class_names) == ("cat", "dog", "fish")
    for row, image in enumerate(images):
        expected = exactly(workbench.expected_input(image).mean(axis=(0, 2, 3)) @ WEIGHTS)
        np.testing.assert_allclose(found.confidence[row], expected, atol=1e-5)
        assert found.class_id[row] == int(np.argmax(expected))
        assert found.top_k(1)[row][0].class_name == model.class_names[int(np.argmax(expected))]
        np.testing.assert_array_equal(model(image).confidence[0], found.confidence[row])


@pytest.mark.parametrize("architecture", ["resnet", "vit"])
def test_labels_do_not_exclude_each_other(workbench: Any, architecture: str) -> None:
    model = workbench.open(write(workbench, architecture=architecture, multi=True))
    image = workbench.picture()
    (found,) = model(image)
    assert isinstance(found, MultiLabelClassificationPrediction)
    logits = workbench.expected_input(image).mean(axis=(0, 2, 3)) @ WEIGHTS
    expected = [1 / (1 + math.exp(-float(one))) for one in logits]
    np.testing.assert_allclose(found.confidence, expected, atol=1e-5)
    assert found.class_ids.tolist() == [place for place, one in enumerate(expected) if one >= 0.4]
    assert len(model(image, confidence=0)[0]) == 3
    with pytest.raises(InvalidParameterError, match="confidence must be"):
        model(image, confidence="bset")


def test_recommended_thresholds_are_by_class(workbench: Any) -> None:
    model = workbench.open(write(workbench, multi=True))
    recommended = RecommendedParameters(per_class_confidence={"cat": 1.0, "dog": 0.0})
    again = SessionMultiLabelClassifier(model._package, recommended)
    (found,) = again(workbench.picture(), confidence="best")
    assert "dog" in found.names
    assert "cat" not in found.names


def test_a_longer_edge_is_fitted_by_stretching(workbench: Any) -> None:
    image = workbench.picture(40, 200)
    plain = workbench.open(write(workbench))(image).confidence
    model = workbench.open(write(workbench, network_input={"resize_mode": "fit-longer-edge"}))
    np.testing.assert_array_equal(model(image).confidence, plain)


def test_a_network_that_ends_in_its_softmax_is_taken_at_its_word(workbench: Any) -> None:
    image = workbench.picture()
    model = workbench.open(write(workbench, post_processing={"fused": True}))
    expected = workbench.expected_input(image).mean(axis=(0, 2, 3)) @ WEIGHTS
    np.testing.assert_allclose(model(image).confidence[0], expected, atol=1e-5)


def test_removed_classes_are_left_out_and_the_others_keep_their_share(workbench: Any) -> None:
    image = workbench.picture()
    whole = workbench.open(write(workbench))(image).confidence[0]
    removal = [{"type": "class_name_removal", "class_name": "dog"}]
    model = workbench.open(write(workbench, class_names_operations=removal))
    assert model.class_names == ["cat", "fish"]
    np.testing.assert_array_equal(model(image).confidence[0], whole[[0, 2]])


def test_batches_are_split_and_padded_to_what_the_network_takes(workbench: Any) -> None:
    images = [workbench.picture(seed=seed) for seed in range(5)]
    expected = workbench.open(write(workbench))(images).confidence
    fixed = workbench.averaging(WEIGHTS, batch=2)
    model = workbench.open(workbench.package(files={"weights.onnx": fixed}, forward_pass={"static_batch_size": 2}))
    np.testing.assert_allclose(model(images).confidence, expected, atol=1e-6)


def test_tensors_give_tensors(workbench: Any, as_tensor: Any) -> None:
    image = workbench.picture()
    tensor = as_tensor(image)
    model = workbench.open(write(workbench))
    expected, found = model(image), model(tensor)
    assert (expected.array_kind, found.array_kind) == ("numpy", "torch")
    assert found.to_dict() == expected.to_dict() == model(tensor.float() / 255).to_dict()
    assert model(tensor.flip(0), input_color_format="bgr").to_dict() == expected.to_dict()


@pytest.mark.parametrize("device", ["cpu:0", pytest.param("cuda:0", marks=pytest.mark.gpu)])
def test_a_tensor_elsewhere_is_prepared_there(
    workbench: Any, as_tensor: Any, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    if device == "cuda:0" and not torch.cuda.is_available():
        pytest.skip("torch sees no CUDA device")
    if device == "cpu:0":  # main memory under the name of a device goes the device's way
        monkeypatch.setattr("im_classification.preparation._other_device", lambda images: "cpu:0")
    image = workbench.picture()
    model = workbench.open(write(workbench))
    there = as_tensor(image).to(device)
    found = model([there])
    assert found.confidence.device == there.device
    np.testing.assert_allclose(found.confidence.cpu().numpy(), model(image).confidence, atol=1e-3)


@pytest.mark.parametrize(
    ("config", "multi", "error", "message"),
    [
        ({"post_processing": None}, False, CorruptedModelPackageError, "has no post_processing.*softmax"),
        ({"post_processing": None}, True, CorruptedModelPackageError, "has no post_processing.*sigmoid"),
        ({"post_processing": {"type": "sigmoid"}}, False, ModelLoadingError, 'type "sigmoid"; supported .* "softmax"'),
        ({"post_processing": {"type": "nms"}}, True, ModelLoadingError, 'type "nms"; supported .* "sigmoid"'),
        ({"names": ("cat", "dog")}, False, CorruptedModelPackageError, r"shape \(\?, 3\); expected \(batch, 2\)"),
        ({"network_input": {"input_channels": 2}}, False, CorruptedModelPackageError, "normalization"),
        (
            {"network_input": {"training_input_size": {"height": 32, "width": 32}}},
            False,
            CorruptedModelPackageError,
            "The network takes 64x64 .* is 32x32",
        ),
    ],
)
def test_a_package_that_contradicts_itself(
    workbench: Any, config: Any, multi: bool, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        workbench.open(write(workbench, multi=multi, **config))


def test_a_network_that_is_no_classifier(workbench: Any) -> None:
    weights = np.zeros((3, 4), np.float32)
    with pytest.raises(CorruptedModelPackageError, match=r"\(\?, 4\); expected \(batch, 3\)"):
        workbench.open(workbench.package(files={"weights.onnx": workbench.averaging(weights)}))


def test_options_that_make_no_sense(workbench: Any) -> None:
    model = workbench.open(write(workbench))
    with pytest.raises(InvalidParameterError, match="does not know the keyword argument 'confidence'"):
        model(workbench.picture(), confidence=0.5)
    with pytest.raises(ModelInputError, match="There is no image"):
        model([])
    with pytest.raises(ModelInputError, match=r"cv2\.imread returns None"):
        model(None)
    model.close()
    with pytest.raises(SessionClosedError):
        model(workbench.picture())


def test_an_input_size_for_one_call(workbench: Any) -> None:
    free = workbench.averaging(WEIGHTS, size=None)
    dynamic = {"dynamic_spatial_size_supported": True, "dynamic_spatial_size_mode": {"type": "any-size"}}
    model = workbench.open(workbench.package(files={"weights.onnx": free}, network_input=dynamic))
    image = workbench.picture()
    expected = exactly(workbench.expected_input(image, 96).mean(axis=(0, 2, 3)) @ WEIGHTS)
    np.testing.assert_allclose(model(image, image_size=96).confidence[0], expected, atol=1e-5)


class _Telling:
    """A session that does not know its shapes before it runs, as TorchScript's."""

    array_kind, device, outputs = "numpy", "cpu", ()

    def __init__(self, session: Any) -> None:
        self.session, self.runtime = session, session.runtime
        self.inputs = (evolve(session.inputs[0], shape=()),)

    def run(self, feeds: Any) -> Any:
        return {"logits": self.session.run(feeds)["logits"][:, :2]}

    def close(self) -> None:
        self.session.close()


def test_an_output_that_shows_when_it_is_run_only(workbench: Any) -> None:
    directory = write(workbench)
    session = workbench.open(directory)._package.network.session
    model = SessionMultiLabelClassifier.from_pretrained(
        write(workbench, multi=True), open_session=lambda _: _Telling(session)
    )
    with pytest.raises(CorruptedModelPackageError, match=r"\(1, 2\); expected \(batch, 3\)"):
        model(workbench.picture())


def test_extreme_logits_do_not_overflow() -> None:
    logits = np.array([[1e4, -1e4, 0], [0, 0, 0]], np.float32)
    np.testing.assert_array_equal(softmax(logits), np.array([[1, 0, 0], [1 / 3] * 3], np.float32))
    np.testing.assert_array_equal(sigmoid(logits), np.array([[1, 0, 0.5], [0.5] * 3], np.float32))
