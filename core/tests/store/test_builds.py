"""Packages that were made on this machine; `tests/integration/test_compiling.py` has the way to them."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inference_models.catalog import Catalog
from inference_models.errors import InvalidParameterError, ModelRetrievalError
from inference_models.metadata import ModelMetadata, ModelPackageMetadata
from inference_models.plugins import LoadedPlugins
from inference_models.store.builds import (
    builds_stamp,
    is_build,
    publish_build,
    publish_directory,
    staged,
    with_local_builds,
)
from inference_models.store.inventory import list_packages
from inference_models.store.layout import package_directory

NO_PLUGINS = Catalog(LoadedPlugins(plugins=(), problems=()))
Build = Callable[..., Path]


def model(*package_ids: str) -> ModelMetadata:
    packages = [ModelPackageMetadata(name, "onnx", directory=Path("/models")) for name in package_ids]
    return ModelMetadata("shapes", "yolov8", packages, task_type="object-detection")


@pytest.fixture
def build(home: Path) -> Build:
    """Return a function that puts a package into the cache: `build("local-npu-1", b"content")`."""

    def make(package_id: str = "local-npu-1", content: bytes = b"program") -> Path:
        place = package_directory(home, "roboflow", "shapes", package_id)
        with staged(place) as staging:
            (staging / "engine.bin").write_bytes(content)
            package = ModelPackageMetadata(package_id, "npu", directory=place, trusted_source=True)
            publish_build(staging, place, "roboflow", model(), package=package, origin="roboflow://shapes, package p1")
        return place

    return make


def test_it_is_listed_beside_the_packages_of_the_provider(build: Build, home: Path) -> None:
    place = build()
    found = with_local_builds(model("p1"), "roboflow", NO_PLUGINS)
    assert list(found.package_ids()) == ["p1", "local-npu-1"]
    made = found.model_packages[1]
    assert (made.backend, made.directory, made.trusted_source) == ("npu", place, True)
    assert is_build(place)
    assert not is_build(home / "shapes" / "p1")
    assert not is_build(home.parent / "local-npu-1")
    [stored] = list_packages()
    assert stored.files[0].source == "roboflow://shapes, package p1"


def test_other_models_and_providers_have_none_of_it(build: Build) -> None:
    build()
    assert with_local_builds(model("p1"), "acme", NO_PLUGINS) == model("p1")
    other = ModelMetadata("circles", "yolov8", model("p1").model_packages)
    assert with_local_builds(other, "roboflow", NO_PLUGINS) == other


def test_a_package_that_the_provider_lists_under_that_id_counts(build: Build) -> None:
    build()
    listed = model("local-npu-1")
    assert with_local_builds(listed, "roboflow", NO_PLUGINS) == listed


def test_a_fetched_package_is_none_whatever_its_id(build: Build, home: Path) -> None:
    place = build()
    manifest = place / ".im-manifest.json"
    manifest.write_text(manifest.read_text().replace('"built"', '"bought"'))
    assert with_local_builds(model(), "roboflow", NO_PLUGINS) == model()


def test_the_newer_one_takes_the_place_and_the_stamp_changes(build: Build, home: Path) -> None:
    assert builds_stamp() == ""
    place = build(content=b"old")
    first = builds_stamp()
    assert first
    assert build(content=b"new") == place
    assert (place / "engine.bin").read_bytes() == b"new"
    assert builds_stamp() not in {"", first}
    assert sorted(path.name for path in place.parent.iterdir()) == ["local-npu-1"]


def test_one_that_is_damaged_is_listed_with_the_reason(build: Build) -> None:
    place = build()
    (place / "engine.bin").unlink()
    [unreadable] = with_local_builds(model("p1"), "roboflow", NO_PLUGINS).unreadable_packages
    assert unreadable.package_id == "local-npu-1"
    assert unreadable.reason.startswith("file 'engine.bin' is missing (made here, in ")


def test_a_failure_leaves_nothing(home: Path) -> None:
    place = package_directory(home, "roboflow", "shapes", "local-npu-1")

    def fail() -> None:
        with staged(place) as staging:
            (staging / "engine.bin").touch()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert list(place.parent.iterdir()) == []
    assert builds_stamp() == ""


def test_a_cache_that_cannot_be_read_is_as_good_as_empty(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    home.mkdir(parents=True)
    (home / "shapes").symlink_to(home / "shapes")
    assert with_local_builds(model("p1"), "roboflow", NO_PLUGINS) == model("p1")
    assert "are not considered" in caplog.text


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root can give files away")
def test_what_belongs_to_somebody_else_is_not_used(build: Build, caplog: pytest.LogCaptureFixture) -> None:
    os.chown(build(), 12345, -1)
    assert with_local_builds(model("p1"), "roboflow", NO_PLUGINS) == model("p1")
    assert "belongs to another user" in caplog.text


def test_a_file_that_is_read_only_is_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.open

    def refuse_writing(path: Path, mode: str = "r", *args: Any, **options: Any) -> Any:
        """What the system does, too, but not for root."""
        if path.is_file() and not path.stat().st_mode & stat.S_IWUSR and set(mode) & set("wa+"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, mode, *args, **options)

    monkeypatch.setattr(Path, "open", refuse_writing)
    with staged(tmp_path / "new") as staging:
        (staging / "class_names.txt").write_text("a")
        (staging / "class_names.txt").chmod(0o444)
        publish_directory(staging, tmp_path / "new")
    assert (tmp_path / "new" / "class_names.txt").read_text() == "a"


def test_a_directory_that_appears_meanwhile_is_not_written_over(tmp_path: Path) -> None:
    output = tmp_path / "new"
    with staged(output) as staging:
        (staging / "engine.bin").touch()
        output.mkdir()
        (output / "mine").touch()
        with pytest.raises(InvalidParameterError, match="has appeared meanwhile"):
            publish_directory(staging, output)
    assert [path.name for path in output.iterdir()] == ["mine"]


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ModelRetrievalError, match="or name another place") as caught, staged(tmp_path / "file" / "new"):
        pass
    assert "INFERENCE_HOME" not in caught.value.message
