from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from inference_models.store.layout import MANIFEST_NAME
from inference_models.store.manifest import Manifest, PackageIdentity, StoredFile, read_manifest, write_manifest

FILE = StoredFile(
    handle="sub/weights.onnx",
    sha256="0" * 64,
    md5="1" * 32,
    size=7,
    mtime_ns=1_700_000_000_123_456_789,
    source="https://host/weights",
    fetched_at="2026-01-01T00:00:00+00:00",
)
MANIFEST = Manifest(
    PackageIdentity("roboflow", "a/b/3", "p1"), {FILE.handle: FILE}, {"package": {"backend": "onnx"}}, ("alias",)
)


def document(tmp_path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(write_manifest(tmp_path, MANIFEST).read_text())
    return loaded


def test_what_was_written_is_read(tmp_path: Path) -> None:
    assert write_manifest(tmp_path, MANIFEST) == tmp_path / MANIFEST_NAME
    assert read_manifest(tmp_path) == MANIFEST


@pytest.mark.parametrize("place", [".", "absent", "file"])
def test_no_manifest_is_none(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    assert read_manifest(tmp_path / place) is None


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"null", b"[]", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"format_version": 1}', b'"' + b"x" * 100],
)
def test_a_damaged_manifest_counts_as_absent(tmp_path: Path, text: bytes) -> None:
    (tmp_path / MANIFEST_NAME).write_bytes(text)
    assert read_manifest(tmp_path) is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format_version", 3),
        ("format_version", True),
        ("description", []),
        ("aliases", "a"),
        ("aliases", [1]),
        ("provider", None),
        ("package_id", 3),
        ("files", None),
        ("files", [3]),
    ],
)
def test_another_shape_counts_as_absent(tmp_path: Path, key: str, value: object) -> None:
    (tmp_path / MANIFEST_NAME).write_text(json.dumps({**document(tmp_path), key: value}))
    assert read_manifest(tmp_path) is None


@pytest.mark.parametrize(("key", "value"), [("size", "7"), ("size", True), ("sha256", None), ("mtime_ns", 1.5)])
def test_another_shape_of_a_row_counts_as_absent(tmp_path: Path, key: str, value: object) -> None:
    changed = document(tmp_path)
    changed["files"][0][key] = value
    (tmp_path / MANIFEST_NAME).write_text(json.dumps(changed))
    assert read_manifest(tmp_path) is None


def test_format_1_is_still_read(tmp_path: Path) -> None:
    old = {**document(tmp_path), "format_version": 1}
    del old["description"], old["aliases"]
    (tmp_path / MANIFEST_NAME).write_text(json.dumps(old))
    assert read_manifest(tmp_path) == evolve(MANIFEST, description=None, aliases=())


def test_a_manifest_cannot_name_files_outside_its_directory(tmp_path: Path) -> None:
    write_manifest(tmp_path, evolve(MANIFEST, files={"x": evolve(FILE, handle="../x")}))
    assert read_manifest(tmp_path) is None
