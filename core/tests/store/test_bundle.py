"""Models carried to another machine: whole, verified, and never outside the cache."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from inference_models.catalog import Catalog
from inference_models.errors import (
    BaseInferenceModelsError,
    CorruptedModelPackageError,
    FileHashSumMismatch,
    InvalidParameterError,
    ModelRetrievalError,
)
from inference_models.metadata import ModelMetadata, ModelPackageMetadata
from inference_models.plugins import LoadedPlugins
from inference_models.store import materialise
from inference_models.store.bundle import INDEX_NAME, BundleSource, export_bundle, import_bundle
from inference_models.store.layout import MANIFEST_NAME
from inference_models.store.offline import offline_metadata

if TYPE_CHECKING:
    from core.tests.store.conftest import Publisher

CONTENTS = {"weights.onnx": b"weights" * 100, "data/part.bin": b"part", "data/same.bin": b"part"}
NO_PLUGINS = Catalog(LoadedPlugins())
Broken = Callable[[Path], None]


def fetched(publisher: Publisher, package_id: str = "p1", alias: str | None = None) -> BundleSource:
    metadata = publisher.metadata(CONTENTS, package_id=package_id)
    package = evolve(metadata.model_packages[0], trusted_source=True)
    directory = materialise(metadata, package, "roboflow")
    return BundleSource("roboflow", evolve(metadata, model_packages=(package,)), package, directory, alias)


def contents(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*") if path.is_file()
    }


@pytest.fixture
def bundle(publisher: Publisher, tmp_path: Path) -> Path:
    export_bundle([fetched(publisher, alias="mine"), fetched(publisher, "p2")], tmp_path / "bundle")
    return tmp_path / "bundle"


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """The root of another machine's cache."""
    return tmp_path / "other" / "cache"


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Broken:
    """Return a function after which a file is like one on a worn medium: its bytes cannot be read."""
    opened = Path.open

    def spoil(spoilt: Path) -> None:
        def open_or_fail(path: Path, *args: Any, **options: Any) -> Any:
            if path == spoilt:
                raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
            return opened(path, *args, **options)

        monkeypatch.setattr(Path, "open", open_or_fail)

    return spoil


def edit(bundle: Path, change: Any) -> None:
    document = json.loads((bundle / INDEX_NAME).read_text())
    change(document)
    (bundle / INDEX_NAME).write_text(json.dumps(document))


class TestCarrying:
    def test_what_was_exported_loads_elsewhere_without_a_network(
        self, bundle: Path, other: Path, publisher: Publisher
    ) -> None:
        asked = len(publisher.server.requests)
        imported = import_bundle(bundle, other)

        assert [place for _, place in imported] == [other / "shapes" / "p1", other / "shapes" / "p2"]
        for _, place in imported:
            found = contents(place)
            assert {name: found.get(name) for name in CONTENTS} == CONTENTS
        assert [path.name for path in sorted((other / "shapes").iterdir())] == ["p1", "p2"]
        for model_id in ("shapes", "mine"):
            metadata = offline_metadata("roboflow", model_id, home=other, catalog=NO_PLUGINS)
            assert metadata is not None
            assert [package.package_id for package in metadata.model_packages] == ["p1", "p2"]
            assert all(package.trusted_source for package in metadata.model_packages)
        # And with a network nothing is fetched again.
        said = publisher.metadata(CONTENTS)
        materialise(said, said.model_packages[0], "roboflow", home=other)
        assert len(publisher.server.requests) == asked

    def test_equal_files_are_there_once(self, bundle: Path) -> None:
        index = json.loads((bundle / INDEX_NAME).read_text())
        named = [file["sha256"] for package in index["packages"] for file in package["files"]]
        assert sorted(path.name for path in (bundle / "files").iterdir()) == sorted(set(named))
        assert named.count(hashlib.sha256(b"part").hexdigest()) == 4
        assert sorted(path.name for path in bundle.iterdir()) == [INDEX_NAME, "files"]

    def test_nothing_of_this_machine_or_of_a_signature_is_in_it(self, bundle: Path, home: Path) -> None:
        text = (bundle / INDEX_NAME).read_text()
        assert "canary" not in text
        assert str(home) not in text

    def test_a_package_that_is_used_in_place_can_be_carried_too(self, tmp_path: Path, other: Path) -> None:
        wheel = tmp_path / "wheel"
        (wheel / "data").mkdir(parents=True)
        (wheel / "data" / "w.onnx").write_bytes(b"w")
        package = ModelPackageMetadata("p1", "onnx", directory=wheel)
        metadata = ModelMetadata("shapes", "yolov8", [package])
        export_bundle([BundleSource("demo", metadata, package, wheel)], tmp_path / "bundle")

        [(manifest, place)] = import_bundle(tmp_path / "bundle", other)
        assert (manifest.identity.provider, (place / "data" / "w.onnx").read_bytes()) == ("demo", b"w")
        assert offline_metadata("demo", "shapes", home=other, catalog=NO_PLUGINS) is not None

    def test_importing_twice_repairs_and_replaces(self, bundle: Path, other: Path) -> None:
        import_bundle(bundle, other)
        (other / "shapes" / "p1" / "weights.onnx").write_bytes(b"damaged")
        (other / "shapes" / "p2" / "data" / "part.bin").unlink()
        import_bundle(bundle, other)
        for package in ("p1", "p2"):
            found = contents(other / "shapes" / package)
            assert {name: found[name] for name in CONTENTS} == CONTENTS

    def test_the_digest_proves_the_bundle(self, publisher: Publisher, tmp_path: Path, other: Path) -> None:
        digest = export_bundle([fetched(publisher)], tmp_path / "bundle")
        with pytest.raises(FileHashSumMismatch, match="another bundle"):
            import_bundle(tmp_path / "bundle", other, digest="0" * 64)
        assert not other.exists()
        assert len(import_bundle(tmp_path / "bundle", other, digest=digest.upper())) == 1


class TestExport:
    @pytest.mark.parametrize("occupied", ["file", "directory"])
    def test_what_is_there_is_not_overwritten(self, publisher: Publisher, tmp_path: Path, occupied: str) -> None:
        target = tmp_path / "bundle"
        if occupied == "directory":
            target.mkdir()
        (target / "mine" if occupied == "directory" else target).write_text("mine")
        with pytest.raises(InvalidParameterError, match="not an empty directory"):
            export_bundle([fetched(publisher)], target)

    def test_an_empty_directory_is_filled(self, publisher: Publisher, tmp_path: Path) -> None:
        (tmp_path / "bundle").mkdir()
        export_bundle([fetched(publisher)], tmp_path / "bundle")
        assert (tmp_path / "bundle" / INDEX_NAME).is_file()

    def test_a_damaged_package_is_not_exported(self, publisher: Publisher, tmp_path: Path) -> None:
        source = fetched(publisher)
        path = source.directory / "weights.onnx"
        path.write_bytes(path.read_bytes().replace(b"w", b"v"))
        with pytest.raises(FileHashSumMismatch, match="not what was fetched"):
            export_bundle([source], tmp_path / "bundle")
        assert not (tmp_path / "bundle").exists()
        assert not list(tmp_path.glob(".im-*"))

    def test_a_file_that_cannot_be_read_is_named(self, publisher: Publisher, tmp_path: Path, broken: Broken) -> None:
        source = fetched(publisher)
        broken(source.directory / "weights.onnx")
        with pytest.raises(ModelRetrievalError, match=r"weights\.onnx cannot be read: .* Restore"):
            export_bundle([source], tmp_path / "bundle")

    def test_a_place_that_cannot_be_written_to_is_named(self, publisher: Publisher, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(ModelRetrievalError, match="or name another place") as caught:
            export_bundle([fetched(publisher)], tmp_path / "file" / "bundle")
        assert str(tmp_path / "file" / "bundle") in caught.value.message
        assert "INFERENCE_HOME" not in caught.value.message


class TestImport:
    @pytest.mark.parametrize("damage", ["flipped", "missing", "link", "truncated", "pipe"])
    def test_one_wrong_file_and_nothing_is_imported(
        self, bundle: Path, other: Path, tmp_path: Path, damage: str
    ) -> None:
        path = bundle / "files" / hashlib.sha256(b"part").hexdigest()
        path.unlink()
        if damage in {"flipped", "truncated"}:
            path.write_bytes({"flipped": b"pert", "truncated": b"par"}[damage])
        if damage == "link":
            (tmp_path / "outside").write_bytes(b"part")
            path.symlink_to(tmp_path / "outside")
        if damage == "pipe":
            if not hasattr(os, "mkfifo"):
                pytest.skip("no named pipes")
            os.mkfifo(path)

        with pytest.raises((FileHashSumMismatch, CorruptedModelPackageError), match="Copy the"):
            import_bundle(bundle, other)
        assert list(other.iterdir()) == []

    @pytest.mark.parametrize(
        "change",
        [
            lambda document: document.update(format_version=2),
            lambda document: document.update(packages=3),
            lambda document: document.pop("packages"),
            lambda document: document["packages"].append(document["packages"][0]),
            lambda document: document["packages"][0].pop("provider"),
            lambda document: document["packages"][0].update(description=[]),
            lambda document: document["packages"][0]["files"][0].update(sha256="../../../etc/passwd"),
            lambda document: document["packages"][0]["files"][0].update(sha256="A" * 64),
            lambda document: document["packages"][0]["files"][0].update(handle="../x"),
            lambda document: document["packages"][0]["files"][0].update(handle=MANIFEST_NAME),
        ],
    )
    def test_an_index_of_another_shape_is_refused_before_anything_is_written(
        self, bundle: Path, other: Path, change: Any
    ) -> None:
        edit(bundle, change)
        with pytest.raises(CorruptedModelPackageError):
            import_bundle(bundle, other)
        assert not other.exists()

    @pytest.mark.parametrize("text", [None, b"", b"\xff", b"[]", b"[" * 100_000])
    def test_what_is_no_bundle_is_refused(self, tmp_path: Path, other: Path, text: bytes | None) -> None:
        if text is not None:
            (tmp_path / INDEX_NAME).write_bytes(text)
        with pytest.raises(CorruptedModelPackageError):
            import_bundle(tmp_path, other)

    def test_an_index_that_is_a_link_is_not_followed(self, bundle: Path, other: Path) -> None:
        (bundle / INDEX_NAME).rename(bundle / "elsewhere.json")
        (bundle / INDEX_NAME).symlink_to(bundle / "elsewhere.json")  # it could be a device that never ends
        with pytest.raises(CorruptedModelPackageError, match="not a plain file"):
            import_bundle(bundle, other)

    @pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
    def test_a_read_only_cache_says_so(self, bundle: Path, other: Path) -> None:
        other.mkdir(parents=True, mode=0o500)
        with pytest.raises(ModelRetrievalError, match="cannot be used"):
            import_bundle(bundle, other)

    def test_a_file_of_the_bundle_that_cannot_be_read_is_named(self, bundle: Path, other: Path, broken: Broken) -> None:
        path = bundle / "files" / hashlib.sha256(b"part").hexdigest()
        broken(path)
        with pytest.raises(ModelRetrievalError) as caught:
            import_bundle(bundle, other)
        assert caught.value.message == f"{path} cannot be read: Input/output error. Copy the bundle again."
        assert list(other.iterdir()) == []


NASTY = st.text(min_size=1, max_size=40) | st.lists(
    st.sampled_from(["..", ".", "/", "\\", "C:", "\0", "con", ".txt", " ", "a", "A", "é", "~", "\n", ".im-"]),
    min_size=1,
).map("".join)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    provider=NASTY,
    model_id=NASTY,
    package_id=NASTY,
    handles=st.lists(NASTY, max_size=3),
    aliases=st.lists(NASTY, max_size=2),
)
@example("roboflow", "..", "..", ["../../x"], [])
@example("..", "../..", "/etc", ["passwd"], [".."])
def test_no_name_in_a_bundle_leads_anywhere_else(
    tmp_path: Path, provider: str, model_id: str, package_id: str, handles: list[str], aliases: list[str]
) -> None:
    place = tmp_path / os.urandom(8).hex()
    bundle, home = place / "bundle", place / "deep" / "cache"
    (bundle / "files").mkdir(parents=True)
    sha256 = hashlib.sha256(b"x").hexdigest()
    (bundle / "files" / sha256).write_bytes(b"x")
    row = {"sha256": sha256, "md5": "", "size": 1, "mtime_ns": 0, "source": "", "fetched_at": ""}
    package = {
        "provider": provider,
        "model_id": model_id,
        "package_id": package_id,
        "aliases": aliases,
        "description": None,
        "files": [{"handle": handle, **row} for handle in handles],
    }
    (bundle / INDEX_NAME).write_text(json.dumps({"format_version": 1, "packages": [package]}))
    before = contents(bundle)

    try:
        [(_, directory)] = import_bundle(bundle, home)
    except BaseInferenceModelsError:
        assert [path for path in place.rglob("*") if path.is_file() and bundle not in path.parents] == []
    else:
        assert directory.parent.parent == home
        found = contents(directory)
        del found[MANIFEST_NAME]
        assert found == dict.fromkeys(handles, b"x")
    assert contents(bundle) == before
    allowed = {bundle, home.parent, home}
    assert all(path in allowed or allowed & set(path.parents) for path in place.rglob("*"))
