from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import numpy as np
import pytest
import torch

from inference_models.errors import InvalidParameterError, MissingDependencyError
from inference_models.predictions import Detections, InstanceDetections

NAMES = ("circle", "square", "star")


def make(kind: str = "numpy", **changes: object) -> Detections:
    values = {
        "xyxy": np.array([[0.25, 1, 10, 20], [5, 6, 7, 8.5], [1, 1, 2, 2]], np.float32),
        "class_id": np.array([0, 2, 0], np.int32),
        "confidence": np.array([0.9, 0.4, 0.7], np.float32),
        "class_names": NAMES,
        "image_metadata": {"camera": 3},
        "bboxes_metadata": [{"n": 0}, {"n": 1, "tracker_id": 7}, {"n": 2}],
    } | changes
    detections = Detections(**values)
    return detections.to_torch() if kind == "torch" else detections


@pytest.fixture(params=["numpy", "torch"])
def detections(request: pytest.FixtureRequest) -> Detections:
    return make(request.param)


def test_first_three_arguments_are_positional_and_the_rest_are_not() -> None:
    given = make()
    assert len(Detections(given.xyxy, given.class_id, given.confidence)) == 3
    with pytest.raises(TypeError):
        Detections(given.xyxy, given.class_id, given.confidence, NAMES)  # type: ignore[misc]


def test_arrays_of_the_right_type_are_not_copied() -> None:
    given = make()
    again = Detections(given.xyxy, given.class_id, given.confidence)
    assert again.xyxy is given.xyxy
    assert again.class_id is given.class_id
    assert again.confidence is given.confidence


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int32, np.int64, ">f4"])
def test_boxes_become_float32_whatever_number_type_they_were(dtype: Any) -> None:
    boxes = Detections(np.array([[1, 2, 3, 4]], dtype), np.zeros(1, int), np.ones(1)).xyxy
    assert boxes.dtype == np.float32
    assert boxes.dtype.isnative
    assert boxes.tolist() == [[1, 2, 3, 4]]


def test_fractions_of_pixels_are_kept(detections: Detections) -> None:
    assert float(detections.xyxy[0, 0]) == 0.25
    assert float(detections.xyxy[1, 3]) == 8.5


def test_tensors_get_the_documented_types() -> None:
    detections = Detections(torch.ones(2, 4, dtype=torch.float16), torch.ones(2).long(), torch.ones(2).double())
    assert (detections.xyxy.dtype, detections.class_id.dtype, detections.confidence.dtype) == (
        torch.float32,
        torch.int32,
        torch.float32,
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"xyxy": np.zeros((3, 5), np.float32)}, r"`xyxy` must have shape \(3, 4\), got \(3, 5\)"),
        ({"xyxy": np.zeros(0, np.float32)}, r"`xyxy` must have shape \(0, 4\), got \(0,\)"),
        ({"xyxy": np.zeros((3, 4), bool)}, "`xyxy` must be .* of real numbers, got a numpy array of bool"),
        ({"xyxy": np.zeros((3, 4), object)}, "got a numpy array of object"),
        ({"xyxy": [[0, 0, 1, 1]]}, "`xyxy` must be a numpy array or torch tensor"),
        ({"xyxy": None}, "`xyxy` must be a numpy array or torch tensor"),
        ({"class_id": np.zeros(2, int)}, r"`class_id` must have shape \(3\), got \(2,\)"),
        ({"class_id": np.zeros(3)}, "`class_id` must be .* of integers, got a numpy array of float64"),
        ({"class_id": [0, 0, 0]}, "of integers, got list"),
        ({"confidence": np.zeros((3, 1))}, r"`confidence` must have shape \(3\)"),
        ({"confidence": torch.zeros(3)}, "Convert|convert one of the two"),
        ({"bboxes_metadata": [{}]}, "`bboxes_metadata` must have one entry for each of the 3 rows, got 1"),
        ({"class_names": "circle"}, "sequence of names"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidParameterError, match=message):
        make(**changes)


def test_names_of_boxes(detections: Detections) -> None:
    assert detections.names == ["circle", "star", "circle"]


def test_names_fall_back_to_the_id() -> None:
    assert make(class_names=None).names == ["0", "2", "0"]
    assert make(class_id=np.array([0, 3, -1])).names == ["circle", "3", "-1"]


def test_name_in_the_metadata_of_a_box_wins() -> None:
    detections = make(bboxes_metadata=[{"class_name": "a phrase"}, {}, {}])
    assert detections.names == ["a phrase", "star", "circle"]
    assert detections.to_dict()["detections"][0]["class_name"] == "a phrase"


def test_repr_is_one_short_line(detections: Detections) -> None:
    assert repr(detections) == "Detections(3: 2 circle, 1 star)"
    assert repr(detections[:0]) == "Detections(0)"
    many = Detections(np.zeros((70, 4)), np.arange(70), np.zeros(70))
    assert repr(many) == "Detections(70: 1 0, 1 1, 1 2, 1 3, 1 4, 65 of other classes)"


def test_iteration_gives_the_tuple_of_seven(detections: Detections) -> None:
    rows = list(detections)
    assert len(rows) == 3
    xyxy, mask, class_id, confidence, tracker_id, data, image_metadata = rows[1]
    assert xyxy.tolist() == [5, 6, 7, 8.5]
    assert mask is None
    assert (class_id.ndim, int(class_id)) == (0, 2)
    assert float(confidence) == pytest.approx(0.4)
    assert tracker_id == 7
    assert data == {"n": 1, "tracker_id": 7}
    assert image_metadata == {"camera": 3}


def test_iteration_without_metadata_gives_empty_mappings() -> None:
    *_, tracker_id, data, image_metadata = next(iter(make(bboxes_metadata=None, image_metadata=None)))
    assert (tracker_id, data, image_metadata) == (None, {}, {})


def test_to_dict_has_the_documented_keys(detections: Detections) -> None:
    result = detections.to_dict()
    assert list(result) == ["detections", "image_metadata"]
    assert result["image_metadata"] == {"camera": 3}
    assert result["detections"][1] == {
        "xyxy": [5.0, 6.0, 7.0, 8.5],
        "class_id": 2,
        "class_name": "star",
        "confidence": float(np.float32(0.4)),
        "metadata": {"n": 1, "tracker_id": 7},
    }
    assert make(class_names=None).to_dict()["detections"][0]["class_name"] is None
    assert "metadata" not in make(bboxes_metadata=None).to_dict()["detections"][0]


def test_json_round_trip(detections: Detections) -> None:
    assert json.loads(detections.to_json()) == detections.to_dict()
    assert json.loads(detections[:0].to_json()) == {"detections": [], "image_metadata": {"camera": 3}}
    assert "\n" in detections.to_json(indent=2)


def test_json_has_no_nan() -> None:
    text = make(confidence=np.array([np.nan, np.inf, 0.5])).to_json()
    assert [row["confidence"] for row in json.loads(text)["detections"]] == [None, None, 0.5]


def test_conversion_there_and_back() -> None:
    given = make()
    tensors = given.to_torch()
    assert given.array_kind == "numpy"
    assert tensors.array_kind == "torch"
    assert tensors.to_torch("cpu").xyxy.device.type == "cpu"
    back = tensors.to_numpy()
    assert back.to_dict() == given.to_dict()
    assert isinstance(back.xyxy, np.ndarray)
    assert given.to_numpy() is given
    assert (back.class_names, back.image_metadata) == (given.class_names, given.image_metadata)


def test_to_numpy_of_tensors_that_require_gradients() -> None:
    boxes = torch.ones(1, 4, requires_grad=True)
    assert Detections(boxes, torch.zeros(1).int(), torch.ones(1)).to_numpy().xyxy.tolist() == [[1, 1, 1, 1]]


def test_to_torch_copies_even_read_only_and_reversed_arrays() -> None:
    boxes = np.arange(8, dtype=np.float32).reshape(2, 4)[::-1]
    boxes.flags.writeable = False
    tensors = Detections(boxes, np.zeros(2, np.int32), np.ones(2, np.float32)).to_torch()
    tensors.xyxy[0, 0] = -1
    assert boxes.tolist() == [[4, 5, 6, 7], [0, 1, 2, 3]]


def test_to_torch_without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    _hide(monkeypatch, "torch")
    with pytest.raises(MissingDependencyError, match="pip install torch"):
        make().to_torch()


def test_to_supervision(detections: Detections) -> None:
    sv = pytest.importorskip("supervision")
    result = detections.to_supervision()
    assert isinstance(result, sv.Detections)
    assert result.xyxy.dtype == np.float32
    assert result.xyxy.tolist() == detections.xyxy.tolist()
    assert result.class_id.tolist() == [0, 2, 0]
    assert result.confidence.tolist() == detections.confidence.tolist()
    assert result.mask is None
    assert result.tracker_id is None  # not every box has one
    assert result.data["class_name"].tolist() == ["circle", "star", "circle"]
    assert result.data["n"] == [0, 1, 2]
    assert result.metadata == {"camera": 3}
    assert result[result.confidence > 0.5].data["class_name"].tolist() == ["circle", "circle"]


def test_to_supervision_hands_tracker_ids_over() -> None:
    pytest.importorskip("supervision")
    result = make(bboxes_metadata=[{"tracker_id": 4}, {"tracker_id": 5}, {"tracker_id": 6}]).to_supervision()
    assert result.tracker_id.tolist() == [4, 5, 6]
    assert "tracker_id" not in result.data


def test_to_supervision_without_names_leaves_them_out() -> None:
    pytest.importorskip("supervision")
    assert "class_name" not in make(class_names=None).to_supervision().data


def test_empty_detections_convert_to_supervision_and_draw(detections: Detections) -> None:
    sv = pytest.importorskip("supervision")
    empty = detections[:0].to_supervision()
    assert len(empty) == 0
    assert sv.Detections.merge([empty, detections.to_supervision()]).class_id.tolist() == [0, 2, 0]
    picture = np.zeros((32, 32, 3), np.uint8)
    assert sv.BoxAnnotator().annotate(picture.copy(), empty).sum() == 0
    assert sv.BoxAnnotator().annotate(picture.copy(), detections.to_supervision()).sum() > 0


def test_to_supervision_without_supervision(monkeypatch: pytest.MonkeyPatch) -> None:
    _hide(monkeypatch, "supervision")
    with pytest.raises(MissingDependencyError, match=r'pip install "im-core\[viz\]"'):
        make().to_supervision()


def test_predictions_are_frozen_but_copy_and_pickle(detections: Detections) -> None:
    with pytest.raises(AttributeError):
        detections.xyxy = detections.xyxy  # type: ignore[misc]
    for other in (copy.deepcopy(detections), pickle.loads(pickle.dumps(detections))):
        assert other.to_dict() == detections.to_dict()


def test_instance_detections_are_detections() -> None:
    assert issubclass(InstanceDetections, Detections)


def _hide(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    from inference_models.predictions import optional

    def import_module(name: str) -> object:
        raise ModuleNotFoundError(f"No module named {name!r}", name=package)

    monkeypatch.setattr(optional, "import_module", import_module)
