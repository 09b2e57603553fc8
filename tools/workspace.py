"""The distributions of this repository, read from their pyproject.toml files. For tools and tests."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PLUGIN_GROUP = "inference_models.v1"


@dataclass(frozen=True)
class Distribution:
    """One directory with a pyproject.toml that becomes a wheel."""

    directory: Path

    @cached_property
    def pyproject(self) -> dict[str, Any]:
        """The parsed pyproject.toml."""
        return tomllib.loads((self.directory / "pyproject.toml").read_text(encoding="utf-8"))

    @property
    def project(self) -> dict[str, Any]:
        """The `[project]` table."""
        table: dict[str, Any] = self.pyproject["project"]
        return table

    @property
    def name(self) -> str:
        """The distribution's name, for example "im-yolo"."""
        return str(self.project["name"])

    @property
    def version(self) -> str:
        """The version as written."""
        return str(self.project["version"])

    @property
    def package(self) -> Path:
        """The directory of the import package, for example `plugins/im-yolo/src/im_yolo`."""
        name = "inference_models" if self.name == "im-core" else self.name.replace("-", "_")
        return self.directory / "src" / name

    @property
    def plugin_modules(self) -> dict[str, str]:
        """The modules that its entry points name, by entry-point name."""
        return dict(self.project.get("entry-points", {}).get(PLUGIN_GROUP, {}))

    def __str__(self) -> str:
        return self.name


def core() -> Distribution:
    """Return the core."""
    return Distribution(ROOT / "core")


def plugins() -> list[Distribution]:
    """Return the plugins, by name."""
    return [Distribution(path.parent) for path in sorted(ROOT.glob("plugins/*/pyproject.toml"))]


def examples() -> list[Distribution]:
    """Return the examples, by name: made as a third party would, so they are none of our distributions."""
    return [Distribution(path.parent) for path in sorted(ROOT.glob("examples/*/pyproject.toml"))]


def distributions() -> list[Distribution]:
    """Return the core, then the plugins."""
    return [core(), *plugins()]


def python_files(*trees: str) -> list[Path]:
    """Return the Python files below the trees that match the patterns, relative to the root of the repository."""
    files = (path for pattern in trees for tree in ROOT.glob(pattern) for path in tree.rglob("*.py"))
    return sorted(path for path in files if not any(part.startswith(".") for part in path.relative_to(ROOT).parts))
