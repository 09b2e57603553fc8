from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from inference_models.errors import ModelRetrievalError
from inference_models.store.layout import (
    cache_root,
    package_directory,
    refuse_foreign,
    safe_name,
)

# Made of what attacks and accidents are made of, so that random text is often nasty.
NASTY = st.text(max_size=300) | st.lists(
    st.sampled_from(
        [
            "..",
            ".",
            "/",
            "\\",
            "C:",
            "\0",
            "con",
            "NUL",
            "com1",
            ".txt",
            " ",
            "a",
            "A",
            "é",
            "e\u0301",
            "ß",
            "\u200b",
            "~",
        ]
    )
).map("".join)
RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?\Z", re.IGNORECASE)


def folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def test_the_root_is_where_the_variable_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("INFERENCE_HOME", str(tmp_path / "models"))
    assert cache_root() == tmp_path / "models"


@pytest.mark.parametrize("spelt", ["my_hub", "My.Hub", "my-hub-"])
def test_a_provider_has_one_place_in_all_spellings_of_its_name(spelt: str, tmp_path: Path) -> None:
    expected = package_directory(tmp_path, "my-hub", "shapes", "p1")
    assert package_directory(tmp_path, spelt, "shapes", "p1") == expected
    assert package_directory(tmp_path, "Roboflow_", "shapes", "p1") == tmp_path / "shapes" / "p1"


def test_a_relative_root_is_made_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INFERENCE_HOME", "models")
    assert cache_root() == tmp_path / "models"


def test_the_default_root_is_the_users_cache_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("INFERENCE_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # what Linux's is named by
    assert cache_root().name == "inference-models"
    assert cache_root().is_absolute()


def test_plain_ids_keep_their_names() -> None:
    path = package_directory(Path("/home"), "roboflow", "yolov8n-640", "yolov8n-640-onnx-fp32")
    assert path == Path("/home/yolov8n-640/yolov8n-640-onnx-fp32")


def test_an_id_with_slashes_is_one_directory_with_a_readable_name() -> None:
    name = package_directory(Path("/home"), "roboflow", "workspace/project/3", "p").parent.name
    assert re.fullmatch(r"workspace-project-3-[0-9a-f]{12}", name)


def test_providers_do_not_share_directories() -> None:
    places = {package_directory(Path("/home"), provider, "shapes", "p") for provider in ("roboflow", "demo", "acme")}
    assert len(places) == 3


@settings(deadline=None)  # a busy machine is no fault
@given(NASTY)
@example("")
@example("..")
@example("con.onnx")
@example("COM1")
@example("x" * 300)
@example("a.")
@example(".im-staging-1")
def test_every_text_has_a_safe_name(text: str) -> None:
    name = safe_name(text)

    assert 0 < len(name.encode()) <= 255
    assert Path("/root", name).parent == Path("/root")
    assert PureWindowsPath("C:/root", name).parent == PureWindowsPath("C:/root")
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", name)
    assert not name.endswith(".")
    assert not RESERVED.match(name)
    assert safe_name(text) == name


@settings(deadline=None)  # a busy machine is no fault
@given(NASTY, NASTY)
@example("Yolo", "yolo")
@example("a/b", "a-b")
@example("é", "e\u0301")
@example("a", "a.")
@example("x" * 300, "x" * 301)
@example("\ud800", "\ud801")
def test_two_texts_never_share_a_name(one: str, other: str) -> None:
    assert (folded(safe_name(one)) == folded(safe_name(other))) == (one == other)


@settings(deadline=None)  # a busy machine is no fault
@given(NASTY)
def test_a_name_made_safe_is_not_the_name_of_itself_as_a_text(text: str) -> None:
    # Else a model called "a-b-<hash>" would lie in the directory of the model "a/b".
    if safe_name(text) != text:
        assert safe_name(safe_name(text)) != safe_name(text)


@pytest.mark.skipif(os.name == "nt", reason="no numeric owners")
def test_a_cache_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = tmp_path.stat().st_uid
    refuse_foreign(tmp_path, tmp_path / "absent")

    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    if owner == 0:  # files of the administrator are accepted
        refuse_foreign(tmp_path)
        os.chown(tmp_path, 4242, -1)
    with pytest.raises(ModelRetrievalError, match=r"another user.*INFERENCE_HOME"):
        refuse_foreign(tmp_path)
