"""Reading `keypoints_metadata.json`: the key points of each class, and which of them are joined."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeGuard

from attrs import frozen

from inference_models.errors import CorruptedModelPackageError
from inference_models.package_files import read_package_json

__all__ = ["KeyPointsMetadata", "parse_key_points_metadata"]


@frozen
class KeyPointsMetadata:
    """The key points of every class.

    Attributes:
        classes: the names of the key points of each class, indexed by class id; () for a class without any.
        skeletons: for each class, which of its key points are joined: pairs of indices into its names.
    """

    classes: tuple[tuple[str, ...], ...]
    skeletons: tuple[tuple[tuple[int, int], ...], ...]

    @property
    def slots(self) -> int:
        """How many key points the class with the most has: as many as a network gives for every instance."""
        return max(map(len, self.classes), default=0)

    def take(self, class_ids: Sequence[int]) -> KeyPointsMetadata:
        """Return what is known about some of the classes, in the order of `class_ids`."""
        return KeyPointsMetadata(
            tuple(self.classes[class_id] for class_id in class_ids),
            tuple(self.skeletons[class_id] for class_id in class_ids),
        )


def parse_key_points_metadata(path: str | Path, class_count: int) -> KeyPointsMetadata:
    """Read the key points of a package.

    Args:
        path: the file: a list of `{"object_class_id": 0, "keypoints": {"0": "nose", "1": "tail"}, "edges": [{"from":
            0, "to": 1}]}`, one for each class that has key points; "edges" may be left out.
        class_count: how many classes the model has.

    Returns:
        Names and skeletons of `class_count` classes.

    Raises:
        CorruptedModelPackageError: the file is missing, not JSON or says what cannot be. The message names what.
    """
    path = Path(path)
    content = read_package_json(path, "It names the key points of each class and says which are joined.")
    if not isinstance(content, list):
        raise _wrong(path, "must hold a JSON list with an entry for each class", content)
    classes: list[tuple[str, ...]] = [()] * class_count
    skeletons: list[tuple[tuple[int, int], ...]] = [()] * class_count
    seen: set[int] = set()
    for index, entry in enumerate(content):
        where = f"entry {index}"
        if not isinstance(entry, dict):
            raise _wrong(path, f"{where} must be an object", entry)
        class_id = entry.get("object_class_id")
        if not _is_index(class_id, class_count) or class_id in seen:
            expected = f"must be a class id from 0 to {class_count - 1} (as class_names.txt numbers them), used once"
            raise _wrong(path, f"{where}: object_class_id {expected}", class_id)
        seen.add(class_id)
        classes[class_id] = _names(path, where, entry.get("keypoints"))
        skeletons[class_id] = _edges(path, where, entry.get("edges"), len(classes[class_id]))
    return KeyPointsMetadata(tuple(classes), tuple(skeletons))


def _names(path: Path, where: str, keypoints: Any) -> tuple[str, ...]:
    if not isinstance(keypoints, dict) or not all(isinstance(name, str) for name in keypoints.values()):
        raise _wrong(path, f'{where}: keypoints must map "0", "1", ... to names', keypoints)
    indices = [str(index) for index in range(len(keypoints))]
    # A number left out would give every later point the name of its neighbour.
    if set(keypoints) != set(indices):
        raise _wrong(path, f"{where}: keypoints must be numbered from 0 without a gap", sorted(keypoints))
    return tuple(keypoints[index] for index in indices)


def _edges(path: Path, where: str, edges: Any, count: int) -> tuple[tuple[int, int], ...]:
    if edges is None:
        return ()
    if not isinstance(edges, list):
        raise _wrong(path, f'{where}: edges must be a list of {{"from": ..., "to": ...}}', edges)
    pairs = []
    for edge in edges:
        start, end = (edge.get("from"), edge.get("to")) if isinstance(edge, dict) else (None, None)
        if not _is_index(start, count) or not _is_index(end, count):
            raise _wrong(path, f'{where}: edges must join "from" and "to", each the number of one of its {count}', edge)
        pairs.append((start, end))
    return tuple(pairs)


def _is_index(value: object, length: int) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < length


def _wrong(path: Path, expected: str, found: object) -> CorruptedModelPackageError:
    shown = json.dumps(found)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    return CorruptedModelPackageError(
        f"{path} cannot be used: {expected}, found {shown}. Export the package again or correct the file."
    )
