"""Packages that are used where they lie: complete, as promised, and not hashed over and over."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from inference_models.download.integrity import FileDigests, hash_file
from inference_models.errors import CorruptedModelPackageError, FileHashSumMismatch
from inference_models.metadata import FileDownloadSpecs, ModelMetadata, ModelPackageMetadata
from inference_models.store import checking, materialise


def load(metadata: ModelMetadata) -> Path:
    return materialise(metadata, metadata.model_packages[0], "roboflow")


def in_place(directory: Path, *files: FileDownloadSpecs) -> ModelMetadata:
    package = ModelPackageMetadata(package_id="p1", backend="onnx", package_artefacts=files, directory=directory)
    return ModelMetadata(model_id="shapes", model_architecture="yolov8", model_packages=(package,))


class TestInPlace:
    def test_a_directory_is_used_where_it_is(self, tmp_path: Path, home: Path) -> None:
        assert load(in_place(tmp_path)) == tmp_path
        assert not home.exists()

    @pytest.mark.parametrize("name", ["absent", "file"])
    def test_a_package_of_files_must_be_a_directory(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(CorruptedModelPackageError, match="not a directory"):
            load(in_place(tmp_path / name, FileDownloadSpecs("https://host/x", "weights.onnx")))

    def test_a_package_without_listed_files_must_be_there(self, tmp_path: Path) -> None:
        with pytest.raises(CorruptedModelPackageError, match="not a directory"):
            load(in_place(tmp_path / "absent"))

    def test_a_single_file_is_a_package_by_itself(self, tmp_path: Path, home: Path) -> None:
        (tmp_path / "checkpoint.pth").touch()
        assert load(in_place(tmp_path / "checkpoint.pth")) == tmp_path / "checkpoint.pth"
        assert not home.exists()

    def test_listed_files_must_be_there(self, tmp_path: Path) -> None:
        with pytest.raises(CorruptedModelPackageError, match=r"lacks its file 'weights\.onnx'"):
            load(in_place(tmp_path, FileDownloadSpecs("https://host/x", "weights.onnx")))

    def test_listed_hashes_are_verified(self, tmp_path: Path) -> None:
        (tmp_path / "weights.onnx").write_bytes(b"content")
        md5 = hashlib.md5(b"content").hexdigest()

        for right in (md5, md5.upper(), None):
            load(in_place(tmp_path, FileDownloadSpecs("https://host/x", "weights.onnx", right)))
        with pytest.raises(FileHashSumMismatch, match=rf"weights\.onnx is not the file.* {md5} .*Reinstall the plugin"):
            load(in_place(tmp_path, FileDownloadSpecs("https://host/x", "weights.onnx", "0" * 32)))
        with pytest.raises(FileHashSumMismatch):
            load(in_place(tmp_path, FileDownloadSpecs("https://host/x", "weights.onnx", sha256_hash="0" * 64)))

    def test_they_are_hashed_once_and_again_when_the_stamp_changed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        weights = tmp_path / "weights.onnx"
        weights.write_bytes(b"content")
        metadata = in_place(
            tmp_path, FileDownloadSpecs("https://host/x", "weights.onnx", hashlib.md5(b"content").hexdigest())
        )
        hashed: list[Path] = []

        def hash_and_count(path: Path) -> FileDigests:
            hashed.append(path)
            return hash_file(path)

        monkeypatch.setattr(checking, "hash_file", hash_and_count)

        load(metadata)
        load(metadata)
        assert len(hashed) == 1
        os.utime(weights, (1, 1))
        load(metadata)
        assert len(hashed) == 2
        weights.write_bytes(b"changed")
        with pytest.raises(FileHashSumMismatch):
            load(metadata)

    def test_handles_are_checked_here_too(self, tmp_path: Path) -> None:
        with pytest.raises(CorruptedModelPackageError, match="another directory"):
            load(in_place(tmp_path, FileDownloadSpecs("https://host/x", "../x")))
