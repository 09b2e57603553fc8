"""Whatever a provider calls its models and files, the store writes inside its root only."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference_models.entities import PACKAGE_CONFIG_NAME
from inference_models.errors import CorruptedModelPackageError
from inference_models.metadata import FileDownloadSpecs, ModelMetadata, ModelPackageMetadata
from inference_models.store import materialise
from inference_models.store.layout import MANIFEST_NAME

if TYPE_CHECKING:
    from core.tests.store.conftest import Publisher


OWN_FILES = {MANIFEST_NAME, PACKAGE_CONFIG_NAME}


def files_in(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and path.name not in OWN_FILES
    }


NASTY = st.text(min_size=1, max_size=40) | st.lists(
    st.sampled_from(["..", ".", "/", "\\", "C:", "\0", "con", ".txt", " ", "a", "A", "é", "~", "\n"]), min_size=1
).map("".join)


_WATCHERS: list[list[str]] = []


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    """Note where writes go. An audit hook stays for the life of the process, so it does nothing unless asked."""
    if not _WATCHERS:
        return
    writes = event == "open" and bool(arguments[2] & (os.O_WRONLY | os.O_RDWR))
    if writes or event in {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "os.link"}:
        paths = arguments[:2] if event == "os.rename" else arguments[:1]
        _WATCHERS[-1].extend(os.fsdecode(path) for path in paths if isinstance(path, str | bytes | os.PathLike))


@pytest.fixture(scope="module")
def _watched_writes() -> None:
    sys.addaudithook(_watch)


@pytest.mark.usefixtures("_watched_writes")
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(model_id=NASTY, package_id=NASTY, handles=st.lists(NASTY, min_size=1, max_size=3))
def test_nothing_is_written_outside_the_root(
    publisher: Publisher, tmp_path: Path, model_id: str, package_id: str, handles: list[str]
) -> None:
    home = tmp_path / "deep" / "deeper" / os.urandom(8).hex()  # a new one for each example
    url = publisher.server.serve("/w", b"x")
    files = tuple(FileDownloadSpecs(url, handle, hashlib.md5(b"x").hexdigest()) for handle in handles)
    package = ModelPackageMetadata(package_id=package_id, backend="onnx", package_artefacts=files)
    metadata = ModelMetadata(model_id=model_id, model_architecture="yolov8", model_packages=(package,))
    written: list[str] = []
    _WATCHERS.append(written)
    try:
        directory = materialise(metadata, package, "roboflow", home=home)
    except CorruptedModelPackageError:
        assert written == []  # a handle was refused, before anything was done
    else:
        assert directory.parent.parent == home
        assert str(home) in "".join(written)
        assert files_in(directory) == dict.fromkeys(handles, b"x")
        written.clear()
        assert materialise(metadata, package, "roboflow", home=home) == directory
    finally:
        _WATCHERS.remove(written)
    # Paths without a folder belong to the removal of a tree, which works relative to an open directory.
    normal = [Path(os.path.normpath(path)) for path in written if Path(path).is_absolute()]
    assert [path for path in normal if not path.is_relative_to(home) and path not in home.parents] == []
