"""One package: what it needs, its files, and what is said when there is no such package."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import frozen

from inference_models.describe import model_to_dict, package_to_dict, print_model_package
from inference_models.describe.packages import size_in_words
from inference_models.errors import (
    AmbiguousModelPackageResolutionError,
    InvalidParameterError,
    NoModelPackagesAvailableError,
)
from inference_models.metadata import (
    FileDownloadSpecs,
    ModelMetadata,
    ModelPackageMetadata,
    ONNXPackageDetails,
    RecommendedParameters,
    UnreadablePackage,
)

Printed = Callable[..., str]

FILES = [
    FileDownloadSpecs("https://host/weights.onnx?token=SECRET", "weights.onnx", "a" * 32, size=6_200_000),
    FileDownloadSpecs("https://host/x", "names.txt", sha256_hash="b" * 64, size=42, headers={"X-Key": "SECRET"}),
]
ONNX = ModelPackageMetadata(
    "onnx-1",
    "onnx",
    FILES,
    quantization="fp16",
    dynamic_batch_size_supported=True,
    max_dynamic_batch_size=16,
    trusted_source=True,
    model_features={"nms_fused": {"iou_threshold": 0.7}},
    backend_details=ONNXPackageDetails(17, ["CoreMLExecutionProvider"]),
)


def model(*packages: ModelPackageMetadata, **fields: object) -> ModelMetadata:
    return ModelMetadata("shapes/3", "yolov8", packages or (ONNX,), "object-detection", **fields)


def rows(text: str) -> list[str]:
    return [" ".join(row.split()) for row in text.splitlines()]


def test_an_onnx_package(printed: Printed) -> None:
    text = rows(printed(print_model_package, model(recommended_parameters=RecommendedParameters(0.3)), "onnx-1"))
    assert text[:13] == [
        "package onnx-1",
        "model shapes/3",
        "architecture yolov8",
        "task object-detection",
        "backend onnx",
        "quantization fp16",
        "batch 1-16",
        "trusted yes",
        "confidence 0.3",
        "features nms_fused: iou_threshold: 0.7",
        "size 6.2 MB",
        "opset 17",
        "incompatible providers CoreMLExecutionProvider",
    ]
    assert text[-2:] == [f"weights.onnx 6.2 MB {'a' * 32} -", f"names.txt 42 B - {'b' * 64}"]


def test_the_package_is_returned(printed: Printed) -> None:
    returned: list[ModelPackageMetadata] = []
    printed(lambda **console: returned.append(print_model_package(model(), "onnx-1", **console)))
    assert returned == [ONNX]


def test_a_package_in_a_directory(printed: Printed, tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "weights.bin").write_bytes(b"x" * 1500)
    (tmp_path / "config.json").write_text("{}")
    package = ModelPackageMetadata("here", "acme", directory=tmp_path)
    text = rows(printed(print_model_package, model(package), "here"))
    assert text[-2:] == ["config.json 2 B", "parts/weights.bin 1.5 kB"]
    assert "size 1.5 kB" in text
    assert "trusted no: loading it needs allow_untrusted_packages=True" in text
    assert package_to_dict(package, look_inside=True)["size"] == 1502
    assert package_to_dict(package)["size"] is None


def test_a_directory_that_does_not_exist(printed: Printed, tmp_path: Path) -> None:
    package = ModelPackageMetadata("gone", "acme", directory=tmp_path / "gone")
    assert f"No file can be seen in {tmp_path / 'gone'}." in printed(print_model_package, model(package), "gone")


@frozen
class _AcmeDetails:
    firmware: tuple[int, ...]
    backend: str = "shadows"
    board: str | None = None


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        (_AcmeDetails((3, 1)), "firmware 3, 1"),
        ({"board_name": "[red]x"}, "board name [red]x"),
        ({"devices": {"cuda", "cpu", "mps"}}, "devices cpu, cuda, mps"),
        ("free text", "details free text"),
    ],
)
def test_details_of_any_backend(printed: Printed, details: object, expected: str) -> None:
    package = ModelPackageMetadata("a", "acme", FILES, backend_details=details)
    text = rows(printed(print_model_package, model(package), "a"))
    assert expected in text
    assert "backend acme" in text, "a detail never takes the place of a fact of the core"
    assert not any(row.startswith("board None") for row in text)


def test_unknown_sizes_and_hashes_are_said_to_be_unknown(printed: Printed) -> None:
    package = ModelPackageMetadata("a", "onnx", [FileDownloadSpecs("https://h/w", "w"), FILES[1]])
    text = rows(printed(print_model_package, model(package), "a"))
    assert "w ? - -" in text
    assert not any(row.startswith("size") for row in text)
    assert package_to_dict(package)["size"] is None


def test_addresses_and_headers_never_show(printed: Printed) -> None:
    assert "SECRET" not in printed(print_model_package, model(), "onnx-1")
    assert "SECRET" not in json.dumps(model_to_dict(model()))


def test_plain_values() -> None:
    values = json.loads(json.dumps(package_to_dict(ONNX)))
    assert values["backend_details"] == {"opset": 17, "incompatible_providers": ["CoreMLExecutionProvider"]}
    assert (values["batch_size"], values["max_dynamic_batch_size"], values["size"]) == ("1-16", 16, 6_200_042)
    assert values["files"] == ["weights.onnx", "names.txt"]
    assert values["artefacts"][1] == {"name": "names.txt", "size": 42, "md5": None, "sha256": "b" * 64}
    assert model_to_dict(model())["packages"] == [package_to_dict(ONNX)]


def test_an_unknown_id_names_near_ones() -> None:
    with pytest.raises(NoModelPackagesAvailableError, match=r"has no package 'onnx-2'\. Did you mean 'onnx-1'"):
        print_model_package(model(), "onnx-2")


def test_an_id_is_a_text() -> None:
    with pytest.raises(InvalidParameterError, match=r"package_id= takes the id of a package, not 5\."):
        print_model_package(model(), 5)


def test_an_unreadable_package_says_why() -> None:
    unreadable = [UnreadablePackage("odd", "its manifest has no backendType")]
    with pytest.raises(NoModelPackagesAvailableError, match="'odd' of model 'shapes/3' cannot be read: its manifest"):
        print_model_package(model(unreadable_packages=unreadable), "odd")


def test_two_packages_with_one_id() -> None:
    with pytest.raises(AmbiguousModelPackageResolutionError, match="has 2 packages with the id 'onnx-1'"):
        print_model_package(model(ONNX, ONNX), "onnx-1")


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (6_200_000, "6.2 MB"),
        (3_100_000_000, "3.1 GB"),
        (2_000_000_000_000, "2.0 TB"),
    ],
)
def test_sizes_in_words(size: int, words: str) -> None:
    assert size_in_words(size) == words
