from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from inference_models.errors import CorruptedModelPackageError
from inference_models.vision import KeyPointsMetadata, parse_key_points_metadata

PERSON = {
    "object_class_id": 1,
    "keypoints": {"0": "nose", "1": "left ear", "2": "right ear"},
    "edges": [{"from": 0, "to": 1}, {"from": 0, "to": 2}],
}


def parse(tmp_path: Path, content: Any, class_count: int = 2) -> Any:
    path = tmp_path / "keypoints_metadata.json"
    path.write_text(json.dumps(content))
    return parse_key_points_metadata(path, class_count)


def test_names_and_skeletons_stand_at_their_class(tmp_path: Path) -> None:
    found = parse(tmp_path, [PERSON, {"object_class_id": 0, "keypoints": {"0": "hub"}}], 3)
    assert found.classes == (("hub",), ("nose", "left ear", "right ear"), ())
    assert found.skeletons == ((), ((0, 1), (0, 2)), ())
    assert found.slots == 3


def test_numbers_order_names_not_text(tmp_path: Path) -> None:
    keypoints = {str(index): f"point {index}" for index in reversed(range(12))}
    found = parse(tmp_path, [{"object_class_id": 0, "keypoints": keypoints, "edges": []}], 1)
    assert found.classes == (tuple(f"point {index}" for index in range(12)),)


def test_no_key_points_at_all(tmp_path: Path) -> None:
    assert parse(tmp_path, [], 2).slots == 0
    assert parse(tmp_path, [], 2).classes == ((), ())


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorruptedModelPackageError, match=r"keypoints_metadata\.json is missing"):
        parse_key_points_metadata(tmp_path / "keypoints_metadata.json", 1)


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe\x00", b"[" * 100_000])
def test_what_is_no_json(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "keypoints_metadata.json"
    path.write_bytes(content)
    with pytest.raises(CorruptedModelPackageError, match="cannot be read as JSON"):
        parse_key_points_metadata(path, 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (PERSON, "must hold a JSON list"),
        ([[]], "entry 0 must be an object"),
        ([PERSON, PERSON], "entry 1: object_class_id must be a class id from 0 to 1 .* used once, found 1"),
        ([{**PERSON, "object_class_id": 2}], "from 0 to 1 .* found 2"),
        ([{**PERSON, "object_class_id": -1}], "found -1"),
        ([{**PERSON, "object_class_id": True}], "found true"),
        ([{"keypoints": {}}], "object_class_id .* found null"),
        ([{**PERSON, "keypoints": ["nose"]}], "entry 0: keypoints must map"),
        ([{**PERSON, "keypoints": {"0": None}}], "entry 0: keypoints must map"),
        ([{**PERSON, "keypoints": {"0": "nose", "2": "ear"}}], r'without a gap, found \["0", "2"\]'),
        ([{**PERSON, "keypoints": {"1": "nose"}}], "without a gap"),
        ([{**PERSON, "edges": {"0": 1}}], "edges must be a list"),
        ([{**PERSON, "edges": [[0, 1]]}], "edges must join"),
        ([{**PERSON, "edges": [{"from": 0, "to": 3}]}], 'one of its 3, found {"from": 0, "to": 3}'),
        ([{**PERSON, "edges": [{"from": 0}]}], "edges must join"),
    ],
)
def test_what_cannot_be_is_refused_by_name(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(CorruptedModelPackageError, match=message):
        parse(tmp_path, content)


def test_some_of_the_classes() -> None:
    metadata = KeyPointsMetadata((("a", "b"), (), ("c",)), (((0, 1),), (), ()))
    chosen = metadata.take([2, 0])
    assert chosen == KeyPointsMetadata((("c",), ("a", "b")), ((), ((0, 1),)))
    assert metadata.take([]).slots == 0
