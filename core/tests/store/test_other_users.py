"""What others may do with a cache: read what the administrator provides, and write nowhere."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from inference_models.store import materialise
from inference_models.store.builds import note_build, publish_directory, staged
from inference_models.store.bundle import BundleSource, export_bundle, import_bundle
from inference_models.store.derived import backend_cache_directory
from inference_models.store.layout import MANIFEST_NAME
from inference_models.store.locks import is_locked
from inference_models.store.public_download import download_files_to_directory
from inference_models.store.resolutions import FileResolutionCache, Resolution, resolution_key
from inference_models.store.staging import staging_directory

if TYPE_CHECKING:
    from core.tests.store.conftest import Publisher

pytestmark = pytest.mark.skipif(os.name == "nt", reason="no permission bits")

CONTENTS = {"weights.onnx": b"weights" * 100, "data/part.bin": b"part"}
NOBODY = 65534


def fetched(publisher: Publisher) -> BundleSource:
    metadata = publisher.metadata(CONTENTS)
    directory = materialise(metadata, metadata.model_packages[0], "roboflow")
    return BundleSource("roboflow", metadata, metadata.model_packages[0], directory)


def fetch(publisher: Publisher, target: Path) -> None:
    fetched(publisher).directory.parent.parent.rename(target)


def repair(publisher: Publisher, target: Path) -> None:
    directory = fetched(publisher).directory
    shutil.rmtree(directory / "data")
    (directory / "weights.onnx").unlink()
    fetch(publisher, target)


def rewrite_manifest(publisher: Publisher, target: Path) -> None:
    (fetched(publisher).directory / MANIFEST_NAME).unlink()
    fetch(publisher, target)


def export(publisher: Publisher, target: Path) -> None:
    export_bundle([fetched(publisher)], target)


def bring(publisher: Publisher, target: Path) -> None:
    export_bundle([fetched(publisher)], target.parent / "bundle")
    import_bundle(target.parent / "bundle", target)


def build(_publisher: Publisher, target: Path) -> None:
    with staged(target) as staging:
        (staging / "folder").mkdir()
        (staging / "folder" / "engine").write_bytes(b"engine")
        publish_directory(staging, target)
    note_build(target.parent / "root")


def download(publisher: Publisher, target: Path) -> None:
    [package] = publisher.metadata(CONTENTS).model_packages
    download_files_to_directory(package.package_artefacts, target, verbose=False)


@contextmanager
def umask(value: int) -> Iterator[None]:
    before = os.umask(value)
    try:
        yield
    finally:
        os.umask(before)


def modes(directory: Path, is_kind: Callable[[Path], bool]) -> set[int]:
    found = [path for path in (directory, *directory.rglob("*")) if ".locks" not in path.parts and is_kind(path)]
    return {stat.S_IMODE(path.stat().st_mode) for path in found}


@pytest.mark.parametrize("make", [fetch, repair, rewrite_manifest, export, bring, build, download])
@pytest.mark.parametrize(
    ("mask", "directory", "file"),
    [(0o022, 0o755, 0o644), (0, 0o755, 0o644), (0o027, 0o750, 0o640), (0o077, 0o700, 0o600)],
)
def test_others_may_read_as_the_umask_says_and_never_write(
    publisher: Publisher, tmp_path: Path, make: Callable[[Publisher, Path], None], mask: int, directory: int, file: int
) -> None:
    target = tmp_path / "place" / "target"
    with umask(mask):
        target.parent.mkdir()
        make(publisher, target)

    assert modes(target, Path.is_dir) == {directory}
    assert modes(target, Path.is_file) == {file}


def test_parents_of_the_cache_are_made_like_any_other_directory(publisher: Publisher, home: Path) -> None:
    with umask(0o022):
        fetched(publisher)
    assert stat.S_IMODE(home.parent.stat().st_mode) == 0o755


def test_what_is_filled_or_protects_is_for_this_user_only(publisher: Publisher, home: Path) -> None:
    with umask(0):
        fetched(publisher)
        FileResolutionCache().register("ab", Resolution("roboflow", "shapes", "p1", 0.0))
        resolution_key({}, "secret")
        derived = backend_cache_directory("onnx", "key")
        with staging_directory(home) as staging:
            found = [home / ".locks", home / ".resolutions", derived, staging]
            assert {stat.S_IMODE(path.stat().st_mode) for path in found} == {0o700}


def test_locks_that_cannot_be_looked_at_are_free(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "exists", refuse)
    assert not is_locked(home / "shapes" / "p1")


READ = """
import json, os, sys
from pathlib import Path
import inference_models.catalog
from inference_models.plugins import LoadedPlugins
from inference_models.store import materialise
from inference_models.store.bundle import import_bundle
from inference_models.store.derived import list_derived
from inference_models.store.inventory import check_files, least_recently_used, list_packages
from inference_models.store.offline import offline_metadata
from inference_models.store.remembered import remembered_metadata
from inference_models.store.resolutions import FileResolutionCache, Resolution, resolution_key

catalog = inference_models.catalog.Catalog(LoadedPlugins())
bundle, own = map(Path, sys.argv[1:3])

def use():
    metadata = offline_metadata("roboflow", "shapes", catalog=catalog)
    [package] = metadata.model_packages
    directory = materialise(metadata, package, "roboflow")
    resolution = Resolution("roboflow", "shapes", "p1", 0.0)
    assert remembered_metadata(resolution, catalog).model_packages[0].directory == directory
    assert resolution_key({}) is not None
    FileResolutionCache().register("ab", resolution)
    FileResolutionCache().retrieve("ab")
    [stored] = list_packages()
    list_derived()
    least_recently_used([stored], 0)
    return (directory / "data" / "part.bin").read_text(), set(check_files(stored).values())

use()  # all that is needed is imported now: the other user may not be able to read this environment
import_bundle(bundle, bundle.parent / "administrators")
os.setgroups([])
os.setgid(int(sys.argv[3]))
os.setuid(int(sys.argv[3]))
assert not os.access(bundle.parent, os.W_OK)
assert use() == ("part", {"ok"})
[(_, directory)] = import_bundle(bundle, own)
assert (directory / "data" / "part.bin").read_text() == "part"
assert resolution_key({}, "secret") is None, "the salt is the administrator's"
print("as", os.geteuid())
"""


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become another user")
def test_another_user_works_with_the_cache_and_the_bundle_of_the_administrator(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Not below pytest's directory, through which nobody else can go.
    with tempfile.TemporaryDirectory() as name, umask(0o022):
        place = Path(name)
        place.chmod(0o755)
        own = place / "own"
        own.mkdir()
        os.chown(own, NOBODY, NOBODY)
        monkeypatch.setenv("INFERENCE_HOME", str(place / "home"))
        source = fetched(publisher)
        export_bundle([source], place / "bundle")
        resolution_key({}, "secret")
        backend_cache_directory("onnx", "key")
        monkeypatch.setenv("INFERENCE_MODELS_OFFLINE", "1")
        command = [sys.executable, "-c", READ, str(place / "bundle"), str(own / "cache"), str(NOBODY)]
        run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.stdout.split() == ["as", str(NOBODY)], run.stderr
