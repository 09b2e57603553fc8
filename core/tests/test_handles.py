"""Which names of files a weights provider may give."""

from __future__ import annotations

import os
import re
from pathlib import PureWindowsPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_models.errors import CorruptedModelPackageError
from inference_models.handles import OWN_PREFIX, check_handles, problem_of_handles

MANIFEST_NAME = f"{OWN_PREFIX}manifest.json"

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


@pytest.mark.parametrize(
    "handles",
    [
        ["weights.onnx", "inference_config.json", "class_names.txt"],
        ["a/b/c.bin", "a/b/d.bin", "a/e"],
        ["model.onnx", "model.onnx.data", "model"],
        [".hidden", "-dash", "name with spaces.txt", "ünïcode.txt", "日本.onnx"],
        ["w" * 255],
        ["..a", "a..b"],
        ["console", "com10", "auxiliary/nullable"],
    ],
)
def test_ordinary_handles_are_taken(handles: list[str]) -> None:
    assert problem_of_handles(handles) is None
    check_handles(handles, "p1")


@pytest.mark.parametrize(
    ("handle", "reason"),
    [
        ("/etc/passwd", "absolute"),
        ("../x", "another directory"),
        ("a/../../x", "another directory"),
        ("..", "another directory"),
        ("./x", "another directory"),
        ("a//b", "empty part"),
        ("a/", "empty part"),
        ("C:/x", "':'"),
        ("C:x", "':'"),
        ("x:stream", "':'"),
        ("a\\b", r"\\"),
        ("..\\x", r"\\"),
        ("\\\\host\\share", r"\\"),
        ("a\0b", "printed"),
        ("a\nb", "printed"),
        (".im\u200c-manifest.json", "printed"),
        ("\ud800", "printed"),
        ("a?", "'\\?'"),
        ("a.", "dot"),
        ("a ", "space"),
        ("a /b", "space"),
        ("con", "device"),
        ("NUL.txt", "device"),
        ("a/Com1.onnx", "device"),
        ("lpt¹", "device"),
        ("con .txt", "device"),
        (MANIFEST_NAME, "store's own"),
        (MANIFEST_NAME.upper(), "store's own"),
        ("a/.IM-x", "store's own"),
        ("w" * 256, "255 bytes"),
        ("é" * 128, "255 bytes"),
        ("a/" * 500 + "ab", "1000 bytes"),
    ],
)
def test_handles_that_are_refused(handle: str, reason: str) -> None:
    with pytest.raises(CorruptedModelPackageError, match=reason) as caught:
        check_handles(["fine", handle], "p1")
    assert "'p1'" in str(caught.value)
    assert (problem_of_handles(["fine", handle]) or "-") in str(caught.value), "the plan and the store say the same"
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    ("handles", "reason"),
    [
        (["a", "a"], "twice"),
        (["Weights.onnx", "weights.onnx"], "case or Unicode"),
        (["é", "e\u0301"], "case or Unicode"),
        (["straße", "STRASSE"], "case or Unicode"),
        (["\u212a", "k"], "case or Unicode"),
        (["Data/a", "data/b"], "case or Unicode"),
        (["a", "a/b"], "file and a folder"),
        (["a/b", "a"], "file and a folder"),
        (["a/b", "A"], "case or Unicode"),
        (["a/b/c", "a/b"], "file and a folder"),
    ],
)
def test_handles_that_collide(handles: list[str], reason: str) -> None:
    with pytest.raises(CorruptedModelPackageError, match=reason):
        check_handles(handles, "p1")


@settings(deadline=None)  # a busy machine is no fault
@given(NASTY)
def test_what_passes_stays_inside_on_every_platform(handle: str) -> None:
    try:
        check_handles([handle], "p1")
    except CorruptedModelPackageError:
        return
    segments = handle.split("/")
    assert os.path.normpath(f"/root/{handle}") == f"/root/{handle}"
    assert PureWindowsPath("C:/root", handle).parts == ("C:\\", "root", *segments)
    assert not any(RESERVED.match(segment) for segment in segments)
