"""What the model says: numbers about each picture, and whether they are within limits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import frozen

from inference_models import InvalidParameterError
from inference_models.developer_tools import Array, Prediction, as_like, as_numpy

_GOOD, _BAD, _BEHIND = (0, 160, 0), (0, 0, 200), (255, 255, 255)


@frozen
class Measure:
    """One thing that is measured.

    Attributes:
        name: for example "blur".
        lowest: the smallest value that passes.
        highest: the largest value that passes.
    """

    name: str
    lowest: float = -math.inf
    highest: float = math.inf


@frozen(eq=False, repr=False)
class ImageQuality(Prediction):
    """How fit one picture is: what was measured, and whether it is within the limits.

    Attributes:
        values: (m,) float32; numpy or torch, as the picture was.
        measures: the m measures, with their limits.

    Raises:
        InvalidParameterError: `values` has another shape.
    """

    values: Array
    measures: tuple[Measure, ...]

    def __attrs_post_init__(self) -> None:
        if tuple(self.values.shape) != (len(self.measures),):
            raise InvalidParameterError(
                f"`values` must have shape ({len(self.measures)},), one for each measure, got "
                f"{tuple(self.values.shape)}."
            )

    @property
    def within(self) -> Array:
        """(m,) bool, in kind: which values are within their limits. NaN is not."""
        lowest = as_like(np.array([measure.lowest for measure in self.measures], np.float32), self.values)
        highest = as_like(np.array([measure.highest for measure in self.measures], np.float32), self.values)
        return (self.values >= lowest) & (self.values <= highest)

    @property
    def failures(self) -> list[str]:
        """The names of the measures that are out of their limits."""
        within = as_numpy(self.within).tolist()
        return [measure.name for measure, passes in zip(self.measures, within, strict=True) if not passes]

    @property
    def passed(self) -> bool:
        """Whether all values are within their limits."""
        return not self.failures

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values.

        Keys: "passed", and "measures", a list of "name", "value", "passed" and the limits "lowest" and "highest", None
        where there is none.
        """
        rows = zip(self.measures, as_numpy(self.values).tolist(), as_numpy(self.within).tolist(), strict=True)
        measures = [
            {
                "name": measure.name,
                "value": _if_finite(value),
                "passed": passes,
                "lowest": _if_finite(measure.lowest),
                "highest": _if_finite(measure.highest),
            }
            for measure, value, passes in rows
        ]
        return {"passed": self.passed, "measures": measures}

    def annotate(self, picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Return the picture, (H, W, 3) blue-green-red, with a frame in green or red and the values written in.

        `im predict --output` calls this.
        """
        import cv2

        drawn = picture.copy()
        height, width = picture.shape[:2]
        scale = max(min(height, width) / 600, 0.4)
        line, step = max(round(2 * scale), 1), round(32 * scale)
        rows = self.to_dict()["measures"]
        texts = [f"{row['name']} {float('nan') if row['value'] is None else row['value']:.2f}" for row in rows]
        widest = max(cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, line)[0][0] for text in texts)
        cv2.rectangle(drawn, (0, 0), (widest + step, step * len(rows) + step // 2), _BEHIND, cv2.FILLED)
        for number, (row, text) in enumerate(zip(rows, texts, strict=True), start=1):
            color = _GOOD if row["passed"] else _BAD
            place = (step // 2, step * number)
            cv2.putText(drawn, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, color, line, cv2.LINE_AA)
        cv2.rectangle(drawn, (0, 0), (width - 1, height - 1), _GOOD if self.passed else _BAD, 4 * line)
        return drawn

    def __repr__(self) -> str:
        return f"{type(self).__name__}({'passed' if self.passed else 'failed: ' + ', '.join(self.failures)})"


def _if_finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
