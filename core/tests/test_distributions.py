"""Versions of installed distributions, compared with the standard library's own reading."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

from inference_models.developer_tools import installed_version


@pytest.mark.parametrize("name", ["im-core", "IM_Core", "numpy", "attrs", "pluggy", "opencv-python-headless"])
def test_versions_are_those_that_the_standard_library_reads(name: str) -> None:
    assert installed_version(name) == importlib.metadata.version(name)


def test_what_is_not_installed_has_no_version() -> None:
    assert installed_version("no-such-distribution") is None
    assert installed_version("numpy", search_path=[]) is None


def install(directory: Path, metadata: str | None) -> list[str]:
    (directory / "acme-1.0.dist-info").mkdir()
    if metadata is not None:
        (directory / "acme-1.0.dist-info" / "METADATA").write_text(metadata, "utf-8")
    return [str(directory)]


@pytest.mark.parametrize(
    ("metadata", "version"),
    [
        ("Metadata-Version: 2.1\nName: acme\nVersion: 2.5\n\nVersion: 9 is what people say.\n", "2.5"),
        ("metadata-version: 2.1\nNAME: acme\nversion: 2.5", "2.5"),
        ("Name: acme\n\nVersion: 2.5\n", "unknown"),
        ("", "unknown"),
        (None, "unknown"),
    ],
)
def test_headers_end_at_the_empty_line(tmp_path: Path, metadata: str | None, version: str) -> None:
    assert installed_version("acme", install(tmp_path, metadata)) == version


def test_the_mail_parser_is_not_imported() -> None:
    code = (
        "import sys; from inference_models.distributions import installed_version; installed_version('numpy');"
        "print('email.parser' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.strip() == "False"
