"""Distributions made on the spot that are really installed: discoverable as any other, without pip."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

from inference_models.catalog import refresh_catalog
from inference_models.environment import refresh_environment
from inference_models.hookspecs import ENTRY_POINT_GROUP


def write_plugin(
    directory: Path,
    distribution: str,
    source: str,
    *,
    version: str = "1.0",
    group: str = ENTRY_POINT_GROUP,
    entry_point: str | None = None,
    modules: Mapping[str, str] | None = None,
) -> Path:
    """Write a distribution into `directory`: a module, its metadata and an entry point.

    Args:
        directory: becomes, or is, an entry of `sys.path`. Created if need be.
        distribution: the distribution's name; its module has the same name with `_` for `-`.
        source: the text of the plugin module.
        version: of the distribution.
        group: of the entry point.
        entry_point: its name; default: the distribution's.
        modules: further modules by name.

    Returns:
        `directory`.
    """
    module = distribution.replace("-", "_")
    metadata = directory / f"{module}-{version}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n", "utf-8")
    (metadata / "entry_points.txt").write_text(f"[{group}]\n{entry_point or distribution} = {module}\n", "utf-8")
    for name, text in {module: source, **(modules or {})}.items():
        (directory / f"{name}.py").write_text(dedent(text), "utf-8")
    return directory


@contextmanager
def installed_plugin(directory: Path, distribution: str, source: str, **options: object) -> Iterator[Path]:
    """Install a plugin for the duration of a `with` block: written, on `sys.path`, discovered on next use.

    Takes what `write_plugin` takes. Afterwards the modules that it brought are forgotten again.
    """
    write_plugin(directory, distribution, source, **options)  # type: ignore[arg-type]
    before = set(sys.modules)
    sys.path.insert(0, str(directory))
    refresh_catalog()
    refresh_environment()
    try:
        yield directory
    finally:
        sys.path.remove(str(directory))
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", "") or "").startswith(str(directory)):
                del sys.modules[name]
        refresh_catalog()
        refresh_environment()
