"""The import rules of pyproject.toml hold, cover every plugin, and catch what they are meant to catch."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from workspace import ROOT, distributions, plugins

CONTRACTS = {
    contract["id"]: contract
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
}


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    sources = [str(root / distribution.directory.relative_to(ROOT) / "src") for distribution in distributions()]
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--config", root / "pyproject.toml"],
        cwd=root,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sources), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_no_import_crosses_the_floors() -> None:
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("contract", "key"),
    [
        ("plugins-apart", "modules"),
        ("plugins-use-the-public-api", "source_modules"),
        ("core-names-no-plugin", "forbidden_modules"),
    ],
)
def test_the_contracts_cover_every_plugin(contract: str, key: str) -> None:
    assert sorted(CONTRACTS[contract][key]) == [plugin.package.name for plugin in plugins()]


def test_no_floor_is_optional_once_it_stands() -> None:
    """Parentheses excuse a module that is not written yet; afterwards they would hide that it was renamed."""
    names = {
        name.strip() for floor in CONTRACTS["floors"]["layers"] for name in floor.split("|") if name.strip()[0] == "("
    }
    package = ROOT / "core/src/inference_models"
    standing = {name for name in names if any(package.glob(f"{name.strip('()')}{end}") for end in (".py", "/*.py"))}
    assert standing == set()


def test_the_explanation_shows_the_floors_that_are_checked() -> None:
    text = (ROOT / "docs/explanation/architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \d+ \| (.+) \|$", text, flags=re.MULTILINE)
    assert [re.findall(r"`(\w+)`", row) for row in rows] == [
        re.findall(r"\w+", floor) for floor in CONTRACTS["floors"]["layers"]
    ]


# What each contract must catch: a file of the copy, and a line that breaks the contract there.
BREACHES = {
    "floors": ("core/src/inference_models/errors.py", "import inference_models.specs"),
    "no-runtimes": ("core/src/inference_models/specs.py", "def _f(): import torch"),
    "requests-in-download": ("core/src/inference_models/sessions.py", "import requests"),
    "pluggy-in-plugins": ("core/src/inference_models/metadata.py", "import pluggy"),
    "plugins-apart": ("plugins/im-yolo/src/im_yolo/__init__.py", "import im_demo"),
    "plugins-use-the-public-api": ("plugins/im-demo/src/im_demo/__init__.py", "import inference_models.specs"),
    "core-names-no-plugin": ("core/src/inference_models/entities.py", "def _f(): import im_yolo"),
}


def test_every_contract_has_a_breach_that_tests_it() -> None:
    assert set(BREACHES) == set(CONTRACTS)


def test_a_breach_of_any_contract_is_reported(tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for distribution in distributions():
        source = distribution.directory.relative_to(ROOT) / "src"
        shutil.copytree(ROOT / source, tmp_path / source, ignore=shutil.ignore_patterns("__pycache__"))
    for file, line in BREACHES.values():
        with (tmp_path / file).open("a") as stream:
            stream.write(f"\n{line}\n")

    result = lint_imports(tmp_path)

    broken = {contract for contract in CONTRACTS if f"{CONTRACTS[contract]['name']} BROKEN" in result.stdout}
    assert broken == set(CONTRACTS), result.stdout + result.stderr
