"""What a package of this family holds beside its network: `quality_config.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from attrs import frozen

from community_model.prediction import Measure
from inference_models import CorruptedModelPackageError

CONFIG_NAME = "quality_config.json"
SMALLEST_EDGE = 16


@frozen
class QualityConfig:
    """What the network measures, and on which pictures.

    Attributes:
        longer_edge: larger pictures are reduced until their longer edge has this many pixels: how blurred something
            looks depends on its size.
        measures: the columns of the network's output.
    """

    longer_edge: int
    measures: tuple[Measure, ...]

    @classmethod
    def read(cls, directory: Path) -> QualityConfig:
        """Read it from a package directory. Raises: CorruptedModelPackageError."""
        path = directory / CONFIG_NAME
        try:
            document = json.loads(path.read_bytes())
        except FileNotFoundError:
            raise _unusable(path, "it is missing; packages of photo-quality need one") from None
        except (OSError, ValueError, RecursionError) as error:
            raise _unusable(path, f"it cannot be read as JSON: {error}") from error
        longer_edge = document.get("longer_edge") if isinstance(document, dict) else None
        if not isinstance(longer_edge, int) or longer_edge < SMALLEST_EDGE:
            raise _unusable(path, f"longer_edge must be a number of pixels from {SMALLEST_EDGE} on")
        rows = document.get("measures")
        if not isinstance(rows, list) or not rows:
            raise _unusable(path, "measures must be a list with an object for each column of the network's output")
        return cls(longer_edge, tuple(_read_measure(path, row) for row in rows))


def _read_measure(path: Path, row: Any) -> Measure:
    if not isinstance(row, dict) or not isinstance(row.get("name"), str) or not row["name"]:
        raise _unusable(path, f"a measure needs a name, found {row!r}")
    limits = {key: row[key] for key in ("lowest", "highest") if row.get(key) is not None}
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in limits.values()):
        raise _unusable(path, f"the limits of {row['name']!r} must be numbers")
    measure = Measure(row["name"], **limits)
    if measure.lowest > measure.highest:
        raise _unusable(path, f"the limits of {row['name']!r} leave nothing that passes")
    return measure


def _unusable(path: Path, problem: str) -> CorruptedModelPackageError:
    return CorruptedModelPackageError(
        f"{path} cannot be used: {problem}. Fetch the package again, or write one with 'python -m "
        f"community_model.export'."
    )
