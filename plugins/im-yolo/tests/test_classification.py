from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from onnx import TensorProto, helper

from im_yolo.classification import YOLOClassifier, YOLOMultiLabelClassifier
from inference_models import (
    ClassificationPrediction,
    CorruptedModelPackageError,
    InvalidParameterError,
    ModelLoadingError,
    MultiLabelClassificationPrediction,
)
from inference_models.developer_tools import RecommendedParameters, TensorInfo, sigmoid, softmax

SOFTMAX = {"type": "softmax", "fused": False}
SIGMOID = {"type": "sigmoid", "fused": False}
LOGITS = np.array([0.5, -1.0, 2.0], np.float32)


def write(workbench: Any, network: Any, *, architecture: str = "yolov8", multi: bool = False, **changes: Any) -> Any:
    values = {"post_processing": SIGMOID if multi else SOFTMAX, **changes}
    task = "multi-label-classification" if multi else "classification"
    return workbench.package(network, architecture=architecture, task=task, **values)


def averaging(weights: npt.NDArray[np.float32], size: int = 64) -> Any:
    """Return a network that gives each class a weighted sum of the image's mean colours (red, green, blue)."""
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["means"], axes=[2, 3], keepdims=0),
        helper.make_node("MatMul", ["means", "weights"], ["output0"]),
    ]
    graph = helper.make_graph(
        nodes,
        "classifier",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, size, size])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, ["batch", weights.shape[1]])],
        [helper.make_tensor("weights", TensorProto.FLOAT, weights.shape, weights.ravel())],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def exactly(logits: Any) -> list[float]:
    """Return the softmax of one image's logits in plain Python."""
    powers = [math.exp(float(one) - max(map(float, logits))) for one in logits]
    return [power / math.fsum(powers) for power in powers]


@pytest.mark.parametrize("architecture", ["yolov8", "yolov11"])
def test_one_prediction_for_the_whole_batch(workbench: Any, architecture: str) -> None:
    weights = np.array([[9, 0, 0], [0, 9, 0], [0, 0, 9]], np.float32)
    size = {"training_input_size": {"height": 64, "width": 64}, "resize_mode": "stretch"}
    directory = write(workbench, averaging(weights), architecture=architecture, network_input=size)
    images = [workbench.picture(90 + 10 * seed, 120, seed) for seed in range(3)]
    found = workbench.open(directory)(images)
    assert isinstance(found, ClassificationPrediction)
    assert found.confidence.dtype == np.float32
    assert found.class_names == ("circle", "square", "star")
    for row, image in enumerate(images):
        small = cv2.resize(image, (64, 64))[..., ::-1].astype(np.float64) / 255
        expected = exactly(9 * small.mean(axis=(0, 1)))
        np.testing.assert_allclose(found.confidence[row], expected, atol=1e-4)
        assert found.class_id[row] == int(np.argmax(expected))


def test_an_array_of_images_and_one_image(workbench: Any) -> None:
    model = workbench.open(write(workbench, workbench.saying(LOGITS)))
    assert len(model(workbench.picture())) == 1
    found = model(np.stack([workbench.picture(), workbench.picture(seed=1)]))
    assert found.names == ["star", "star"]
    np.testing.assert_allclose(found.confidence, [exactly(LOGITS)] * 2, rtol=1e-5)


def test_of_equal_probabilities_the_lower_id_is_best(workbench: Any) -> None:
    model = workbench.open(write(workbench, workbench.saying(np.array([1, 3, 3], np.float32))))
    assert model(workbench.picture()).class_id.tolist() == [1]


def test_a_network_that_ends_in_its_softmax_is_taken_at_its_word(workbench: Any) -> None:
    said = np.array([0.25, 0.125, 0.625], np.float32)
    model = workbench.open(write(workbench, workbench.saying(said), post_processing={**SOFTMAX, "fused": True}))
    np.testing.assert_array_equal(model(workbench.picture()).confidence, said[None])


def test_labels_do_not_exclude_each_other(workbench: Any) -> None:
    model = workbench.open(write(workbench, workbench.saying(LOGITS), multi=True))
    (found,) = model(workbench.picture())
    assert isinstance(found, MultiLabelClassificationPrediction)
    assert found.names == ["circle", "star"]
    np.testing.assert_allclose(found.confidence, [1 / (1 + math.exp(-float(one))) for one in LOGITS], rtol=1e-6)
    (fewer,) = model(workbench.picture(), confidence=0.7)
    assert fewer.names == ["star"]
    (everything,) = model(workbench.picture(), confidence=0)
    assert len(everything) == 3


def test_a_label_at_the_threshold_applies(workbench: Any) -> None:
    said = np.array([0.5, 0.25, 0.75], np.float32)
    fused = {**SIGMOID, "fused": True}
    model = workbench.open(write(workbench, workbench.saying(said), multi=True, post_processing=fused))
    assert model(workbench.picture(), confidence=0.5)[0].class_ids.tolist() == [0, 2]
    with pytest.raises(InvalidParameterError, match="confidence must be"):
        model(workbench.picture(), confidence="bset")


def test_recommended_thresholds_are_by_class(workbench: Any) -> None:
    model = workbench.open(write(workbench, workbench.saying(LOGITS), multi=True))
    recommended = RecommendedParameters(per_class_confidence={"circle": 0.99, "square": 0.1})
    again = YOLOMultiLabelClassifier(model._package, recommended)
    assert again(workbench.picture(), confidence="best")[0].names == ["square", "star"]


@pytest.mark.parametrize(
    ("post_processing", "multi", "error", "message"),
    [
        (None, False, CorruptedModelPackageError, "has no post_processing.*softmax"),
        (None, True, CorruptedModelPackageError, "has no post_processing.*sigmoid"),
        ({"type": "sigmoid", "fused": False}, False, ModelLoadingError, 'type "sigmoid"; supported .* "softmax"'),
        ({"type": "nms", "fused": False}, False, ModelLoadingError, 'type "nms"'),
        ({"type": "softmax", "fused": False}, True, ModelLoadingError, 'supported .* "sigmoid"'),
    ],
)
def test_other_post_processing_is_refused(
    workbench: Any, post_processing: Any, multi: bool, error: type[Exception], message: str
) -> None:
    directory = write(workbench, workbench.saying(LOGITS), multi=multi, post_processing=post_processing)
    with pytest.raises(error, match=message):
        workbench.open(directory)


@pytest.mark.parametrize("shape", [(4,), (3, 1), (3, 7, 7)])
def test_an_output_that_is_not_a_score_per_class(workbench: Any, shape: tuple[int, ...]) -> None:
    directory = write(workbench, workbench.saying(np.zeros(shape, np.float32)))
    with pytest.raises(CorruptedModelPackageError, match=r"has the shape \(.*\); expected \(batch, 3\)"):
        workbench.open(directory)


LOGIT_ARRAYS = arrays(
    np.float32, array_shapes(min_dims=2, max_dims=2, max_side=6), elements=st.floats(-1e4, 1e4, width=32)
)


@settings(deadline=None, max_examples=60)
@given(LOGIT_ARRAYS)
def test_softmax_and_sigmoid_agree_with_plain_python(logits: npt.NDArray[np.float32]) -> None:
    np.testing.assert_allclose(softmax(logits), [exactly(row) for row in logits], atol=1e-6)
    expected = [[1 / (1 + math.exp(min(-float(one), 700.0))) for one in row] for row in logits]
    np.testing.assert_allclose(sigmoid(logits), expected, atol=1e-6)
    assert softmax(logits).dtype == sigmoid(logits).dtype == np.float32


@pytest.mark.parametrize("multi", [False, True])
def test_torch_in_torch_out(workbench: Any, multi: bool) -> None:
    torch = pytest.importorskip("torch")
    image = workbench.picture()
    tensor = torch.from_numpy(np.ascontiguousarray(image[..., ::-1].transpose(2, 0, 1)))
    model = workbench.open(write(workbench, workbench.saying(LOGITS), multi=multi))
    expected, found = model(image), model(tensor)
    if multi:
        (expected,), (found,) = expected, found
    assert (expected.array_kind, found.array_kind) == ("numpy", "torch")
    assert found.to_dict() == expected.to_dict()


class TorchSession:
    """A network in torch, which tells nothing of its outputs beforehand."""

    array_kind, device = "torch", "cpu"
    inputs = (TensorInfo("input", (None, 3, None, None), "float32"),)
    outputs: tuple[TensorInfo, ...] = ()

    def __init__(self, torch: Any, logits: npt.NDArray[np.float32]) -> None:
        self._logits = torch.from_numpy(logits)

    def run(self, feeds: dict[str, Any]) -> dict[str, Any]:
        (images,) = feeds.values()
        return {"output": self._logits.expand(len(images), -1)}

    def close(self) -> None:
        self._logits = None


def test_a_session_of_torch_tensors_serves_as_well(workbench: Any) -> None:
    torch = pytest.importorskip("torch")
    directory = write(workbench, workbench.saying(LOGITS))
    session: Any = TorchSession(torch, LOGITS)
    found = YOLOClassifier.from_pretrained(directory, open_session=lambda _: session)(workbench.picture())
    assert isinstance(found.confidence, np.ndarray)
    np.testing.assert_allclose(found.confidence, [exactly(LOGITS)], rtol=1e-5)
    wrong: Any = TorchSession(torch, LOGITS[:2])
    model = YOLOClassifier.from_pretrained(directory, open_session=lambda _: wrong)
    with pytest.raises(CorruptedModelPackageError, match=r"\(1, 2\); expected \(batch, 3\)"):
        model(workbench.picture())
