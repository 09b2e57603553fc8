"""Packages that cannot be used, on the real MediaPipe: each error says what is wrong with which file."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from inference_models import CorruptedModelPackageError, DeviceUnavailableError, NoModelPackagesAvailableError

pytest.importorskip("mediapipe", reason="needs mediapipe, in an environment of its own: make test-mediapipe")

NAMES = ("red", "green", "blue")


def refusal(load, *args, **package) -> str:
    with pytest.raises(CorruptedModelPackageError) as caught:
        load(*args, **package)
    return caught.value.message


@pytest.mark.parametrize(
    ("kind", "other", "expected"),
    [
        ("classes", "objects", "a classifier has one output, (1, classes)"),
        ("classes", "face", "cannot be used for image classification: its outputs have the shapes (1, 896, 16)"),
        ("labels", "objects", "a classifier has one output"),
        ("objects", "classes", "cannot be used for object detection: Expected a model with 2 or 4 output tensors"),
        ("objects", "face", "cannot be used for object detection: Expected BoundingBoxProperties"),
        ("face", "classes", "cannot be used for face detection: MediaPipe's face detection failed"),
        ("face", "objects", "cannot be used for face detection"),
    ],
)
def test_a_file_of_another_task(load, network, kind: str, other: str, expected: str) -> None:
    message = refusal(load, kind, network(other))
    assert expected in message
    assert "model_architecture" in message


@pytest.mark.parametrize("kind", ["face", "objects", "classes"])
@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda content: b"", "is not a TensorFlow Lite file (0 bytes"),
        (lambda content: b"<html>not found</html>", "is not a TensorFlow Lite file (22 bytes"),
        (lambda content: content[: len(content) // 2], "not a valid Flatbuffer"),
        (lambda content: content[:8] + bytes(len(content) - 8), "cannot be used for"),
    ],
)
def test_a_damaged_file(load, network, kind: str, damage, expected: str) -> None:
    assert expected in refusal(load, kind, damage(network(kind)))


@pytest.mark.parametrize("kind", ["face", "objects", "classes"])
def test_reading_damaged_tables_ends_in_an_error_or_in_contents(network, kind: str) -> None:
    """Our own reading only: MediaPipe comes first, and some damage ends its process."""
    from im_mediapipe.model_file import ModelContents, parse_contents

    content, rng = network(kind), np.random.default_rng(0)
    whole, refused = parse_contents(Path("model.tflite"), content), 0
    for _ in range(300):
        damaged = bytearray(content)
        for place in rng.integers(8, len(content), 8):
            damaged[place] = rng.integers(256)
        try:
            assert isinstance(parse_contents(Path("model.tflite"), bytes(damaged)), ModelContents)
        except CorruptedModelPackageError:
            refused += 1
    assert refused > 30
    assert whole.labels == (None if kind == "face" else NAMES)


def test_a_bundle_of_several_networks(load, network) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("face_detector.tflite", network("face"))
    assert "is a bundle of several networks" in refusal(load, "face", file.getvalue(), file="face_landmarker.task")


def test_a_missing_file_and_two_files(make_package) -> None:
    from im_mediapipe.model_file import find_model_file

    directory = make_package("face", b"", file="notes.md")
    with pytest.raises(CorruptedModelPackageError, match=r"one model file that ends in \.task or \.tflite, found none"):
        find_model_file(directory)
    for name in ("a.tflite", "b.TASK"):
        (directory / name).touch()
    with pytest.raises(CorruptedModelPackageError, match=r"found a.tflite, b.TASK"):
        find_model_file(directory)


@pytest.mark.parametrize("suffix", [".task", ".tflite"])
def test_either_name_serves(load, suffix: str) -> None:
    assert load("objects", file=f"model{suffix}").class_names == list(NAMES)


def test_names_beside_the_labels_must_be_the_same(load) -> None:
    assert load("objects", names=NAMES).class_names == list(NAMES)
    assert "line 2 is 'lime', the label 'green'" in refusal(load, "objects", names=("red", "lime", "blue"))
    assert "2 names, 3 labels" in refusal(load, "classes", names=("red", "green"))


def test_without_labels_the_names_are_needed(load, make_networks, paint) -> None:
    for kind, make in (
        ("classes", make_networks.color_classifier),
        ("objects", make_networks.square_detector),
    ):
        assert "class_names.txt is missing" in refusal(load, kind, make(labels=()))
        model = load(kind, make(labels=()), names=NAMES)
        found = model(paint(64, 64, blue=(0, 0, 16, 16)))
        assert (found if kind == "classes" else found[0]).names == ["blue"]


def test_too_few_names_for_a_classifier_are_refused_when_it_is_loaded(load, make_networks) -> None:
    message = refusal(load, "classes", make_networks.color_classifier(labels=()), names=("red", "green"))
    assert "tells 3 classes apart, and 2 are named" in message


def test_faces_have_one_name(load) -> None:
    assert load("face").class_names == ["face"]
    assert load("face", names=("head",)).class_names == ["head"]
    assert "must hold one name, found 2" in refusal(load, "face", names=("a", "b"))


def test_a_model_says_where_it_runs(load) -> None:
    model = load("face")
    assert (model.loaded_from.backend, model.loaded_from.device) == ("mediapipe", "cpu")


def test_another_device_is_refused_by_name(make_package) -> None:
    from im_mediapipe.face_detection import MediaPipeFaceDetector
    from inference_models import AutoModel

    directory = make_package("face")
    with pytest.raises(NoModelPackagesAvailableError, match="this plugin runs MediaPipe on the CPU only"):
        AutoModel.from_pretrained(directory, device="cuda")
    with pytest.raises(DeviceUnavailableError, match="Leave device= out"):
        MediaPipeFaceDetector.from_pretrained(directory, device="cuda")
