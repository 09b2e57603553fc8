"""What a wheel of this repository must be: for the release, and for the tests."""

from __future__ import annotations

import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from email import message_from_string
from pathlib import Path

from workspace import PLUGIN_GROUP, ROOT, Distribution

LARGEST_WHEEL = 8_000_000  # bytes; the demo models are the bulk of it


def wheel_problems(wheel: Path, distribution: Distribution) -> Iterator[str]:
    """Yield what is wrong with a wheel, a line each, for whoever is about to publish it."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        info = next(name.partition("/")[0] for name in names if name.endswith(".dist-info/METADATA"))
        metadata = message_from_string(archive.read(f"{info}/METADATA").decode())
        entry_points = archive.read(f"{info}/entry_points.txt").decode() if f"{info}/entry_points.txt" in names else ""
        licences = [archive.read(name) for name in names if name.startswith(f"{info}/licenses/")]
    package = distribution.package.name
    yield from (f"{name} is no part of {package}" for name in names if name.partition("/")[0] not in (package, info))
    unwanted = ("/tests/", "/training/", "/__pycache__/")
    yield from (f"{name} does not belong into a wheel" for name in names if any(part in name for part in unwanted))
    yield from (f"{name} is missing" for name in sorted(_sources(distribution) - set(names)))
    stated = (metadata["Name"], metadata["Version"])
    if stated != (distribution.name, distribution.version):
        yield f"it states {stated}, pyproject.toml {(distribution.name, distribution.version)}"
    if metadata["License-Expression"] != "Apache-2.0" or (ROOT / "LICENSE").read_bytes() not in licences:
        yield "it does not hold the licence: LICENSE must lie beside pyproject.toml, the same as at the root"
    if f"# {distribution.name}" not in str(metadata.get_payload()):
        yield "its long description is not the README"
    if f"[{PLUGIN_GROUP}]" not in entry_points:
        yield f"it has no entry point in {PLUGIN_GROUP}"
    if wheel.stat().st_size > LARGEST_WHEEL:
        yield f"it has {wheel.stat().st_size:,} bytes, more than {LARGEST_WHEEL:,}"


def shared_files(wheels: Mapping[str, Path]) -> Iterator[str]:
    """Yield the files that several wheels would install at one place, where the last one installed wins."""
    owners = defaultdict(list)
    for name, wheel in wheels.items():
        with zipfile.ZipFile(wheel) as archive:
            for path in archive.namelist():
                owners[path].append(name)
    yield from (f"{path} is in {', '.join(names)}" for path, names in sorted(owners.items()) if len(names) > 1)


def _sources(distribution: Distribution) -> set[str]:
    root = distribution.package.parent
    files = (path.relative_to(root) for path in distribution.package.rglob("*") if path.is_file())
    # What tools leave behind is no source: __pycache__, .mypy_cache.
    return {path.as_posix() for path in files if not any(part.startswith((".", "__pycache__")) for part in path.parts)}
