"""What a model says about one image, for JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inference_models.predictions.arrays import is_array, to_numpy


def describe_prediction(prediction: Any, values: Path | None = None) -> tuple[str, Any]:
    """Return the prediction's type and its values.

    Several predictions for one image (key points and boxes) are one object with the keys of all, under the type of
    the first. A map is described, not listed: a number for each pixel of a photo is 100 megabytes of JSON.

    Args:
        prediction: of one image, of any kind.
        values: the file that holds a map's numbers, if there is one.
    """
    if isinstance(prediction, tuple):
        parts = [part for part in prediction if part is not None]
        if parts and all(hasattr(part, "to_dict") for part in parts):
            merged: dict[str, Any] = {}
            for part in reversed(parts):  # of keys that all have, the first part's
                merged = {**merged, **part.to_dict()}
            return type(parts[0]).__name__, merged
        return "tuple", [describe_prediction(part)[1] for part in prediction]
    if hasattr(prediction, "to_dict"):
        return type(prediction).__name__, prediction.to_dict()
    if is_array(prediction) and prediction.ndim > 1:
        return type(prediction).__name__, _describe_map(to_numpy(prediction), values)
    return type(prediction).__name__, prediction


def _describe_map(array: Any, values: Path | None) -> dict[str, Any]:
    import numpy as np

    known = array[np.isfinite(array)]
    return {
        "shape": list(array.shape),
        "dtype": str(array.dtype),
        "min": known.min() if known.size else None,
        "max": known.max() if known.size else None,
        "mean": known.mean(dtype=np.float64) if known.size else None,
        "file": None if values is None else str(values),
    }
