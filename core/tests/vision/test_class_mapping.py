from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_models.errors import CorruptedModelPackageError
from inference_models.vision import map_classes, parse_inference_config
from inference_models.vision.inference_config import ClassNameOperation

NAMES = ("background", "cat", "dog", "cat")


def without(*names: str) -> Any:
    return map_classes(NAMES, [ClassNameOperation("class_name_removal", name) for name in names])


def test_without_operations_nothing_changes() -> None:
    mapping = map_classes(NAMES, ())
    assert not mapping.removes
    assert mapping.names == mapping.network_names == NAMES
    ids = np.array([[3, 0], [1, 2]])
    np.testing.assert_array_equal(mapping.shown_ids(ids), ids)
    thresholds = np.array([0.1, 0.2, 0.3, 0.4], np.float32)
    assert mapping.network_thresholds(0.5) == 0.5
    assert mapping.network_thresholds(thresholds) is thresholds


def test_classes_after_a_removed_one_move_up() -> None:
    mapping = without("background")
    assert mapping.removes
    assert mapping.names == ("cat", "dog", "cat")
    assert mapping.network_names == NAMES
    assert mapping.kept.tolist() == [1, 2, 3]
    assert mapping.ids.tolist() == [-1, 0, 1, 2]
    assert mapping.shown_ids(np.array([[3, 1], [0, 2]], np.int32)).tolist() == [[2, 0], [-1, 1]]


def test_every_class_of_the_name_goes_and_twice_is_once() -> None:
    mapping = without("cat", "cat")
    assert mapping.names == ("background", "dog")
    assert mapping.ids.tolist() == [0, -1, 1, -1]


def test_nothing_passes_the_threshold_of_a_removed_class() -> None:
    mapping = without("dog")
    np.testing.assert_array_equal(mapping.network_thresholds(0.5), np.float32([0.5, 0.5, np.inf, 0.5]))
    by_class = mapping.network_thresholds(np.array([0.1, 0.2, 0.3], np.float32))
    np.testing.assert_array_equal(by_class, np.float32([0.1, 0.2, np.inf, 0.3]))
    assert by_class.dtype == np.float32


def test_a_class_that_there_is_not_cannot_be_removed() -> None:
    with pytest.raises(CorruptedModelPackageError, match=r"remove 'bird', 'dgo', expected .*\('background', 'cat'"):
        without("dgo", "cat", "bird")
    with pytest.raises(CorruptedModelPackageError, match=r"class_names.txt has \(none\)"):
        map_classes((), [ClassNameOperation("class_name_removal", "dog")])


def test_a_class_must_be_left() -> None:
    with pytest.raises(CorruptedModelPackageError, match="remove every class"):
        without("dog", "cat", "background")


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        ({"type": "class_name_removal"}, r'class_names_operations\.0: expected an object, found "type"'),
        (["dog"], r'class_names_operations\.0: expected an object, found "dog"'),
        ([{"type": "class_name_removal"}], r"class_names_operations\.0\.class_name: missing"),
        ([{"class_name": "dog"}], r"class_names_operations\.0\.type: missing"),
        ([{"type": "class_name_removal", "class_name": 3}], r"0\.class_name: expected text, found 3"),
        ([{"type": "rename", "class_name": "dog"}], r'0\.type: expected "class_name_removal", found "rename"'),
    ],
)
def test_operations_that_cannot_be_understood_are_refused(tmp_path: Path, operations: Any, expected: str) -> None:
    network_input = {
        "training_input_size": {"height": 480, "width": 640},
        "dynamic_spatial_size_supported": False,
        "color_mode": "rgb",
        "resize_mode": "letterbox",
        "input_channels": 3,
    }
    path = tmp_path / "inference_config.json"
    path.write_text(json.dumps({"network_input": network_input, "class_names_operations": operations}))
    with pytest.raises(CorruptedModelPackageError, match=expected):
        parse_inference_config(path)


@given(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=9), st.sets(st.sampled_from("abcdef")))
def test_names_and_ids_agree(names: list[str], removed: set[str]) -> None:
    removed &= set(names)
    if removed == set(names):
        return
    mapping = map_classes(names, [ClassNameOperation("class_name_removal", name) for name in removed])
    assert mapping.names == tuple(name for name in names if name not in removed)
    for network_id, shown_id in enumerate(mapping.ids.tolist()):
        assert (shown_id == -1) == (names[network_id] in removed)
        if shown_id >= 0:
            assert mapping.names[shown_id] == names[network_id]
            assert mapping.kept[shown_id] == network_id
