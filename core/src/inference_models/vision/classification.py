"""From what a classifying network says to predictions: one class for each image, or any number of labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from inference_models.predictions import ClassificationPrediction, MultiLabelClassificationPrediction
from inference_models.vision.activations import sigmoid, softmax
from inference_models.vision.arrays import as_float32, as_like, as_numpy, indices_where
from inference_models.vision.class_mapping import ClassMapping

__all__ = ["predict_class", "predict_labels"]


def predict_class(
    output: Any, classes: ClassMapping, *, is_fused: bool, device: str | None = None
) -> ClassificationPrediction:
    """Return the class of each image, by softmax.

    Args:
        output: (N, network classes) logits, or probabilities, in an array or tensor of floats.
        classes: the network's classes, and those of predictions. One that is removed keeps its share of the
            probabilities: those of the others do not sum to 1.
        is_fused: whether the network ends in its softmax, as `require_activation` returns it.
        device: where to work, as `processing_device` returns it. None: on the host, wherever the output is.

    Returns:
        One prediction for all N images, in the library of `output` and on its device, with the (N, classes) float32
        probability of every class. Of equal ones the lower id is best.
    """
    probabilities = _probabilities(output, classes, None if is_fused else softmax, device)
    return ClassificationPrediction(
        class_id=as_like(probabilities.argmax(axis=1), output),
        confidence=as_like(probabilities, output),
        class_names=classes.names,
    )


def predict_labels(
    output: Any,
    classes: ClassMapping,
    threshold: float | npt.NDArray[np.float32],
    *,
    is_fused: bool,
    device: str | None = None,
) -> list[MultiLabelClassificationPrediction]:
    """Return which classes apply to each image, by sigmoid.

    Args:
        output: (N, network classes) logits, or probabilities, in an array or tensor of floats.
        classes: the network's classes, and those of predictions.
        threshold: classes that are at least this probable apply, as `resolve_confidence` returns it: one for all
            classes of predictions, or (classes,) with one for each.
        is_fused: whether the network ends in its sigmoid, as `require_activation` returns it.
        device: where to work, as `processing_device` returns it. None: on the host, wherever the output is.

    Returns:
        A prediction for each image, in the library of `output` and on its device, with the (classes,) float32
        probability of every class, and the ids of those that apply, ascending.
    """
    probabilities = _probabilities(output, classes, None if is_fused else sigmoid, device)
    lowest = as_like(threshold, probabilities)
    return [
        MultiLabelClassificationPrediction(
            class_ids=as_like(indices_where(image >= lowest), output),
            confidence=as_like(image, output),
            class_names=classes.names,
        )
        for image in probabilities
    ]


def _probabilities(
    output: Any, classes: ClassMapping, activation: Callable[[Any], Any] | None, device: str | None
) -> Any:
    """Return (N, classes) float32 of the classes in predictions."""
    scores = as_float32(as_numpy(output) if device is None else output)
    probabilities = scores if activation is None else activation(scores)
    return probabilities[:, as_like(classes.kept, scores)] if classes.removes else probabilities
