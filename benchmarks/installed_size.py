"""What an installation takes on disk: the core, the ONNX backend and YOLO against the libraries that they stand on.

Installs both into fresh virtual environments, which takes about a minute and needs the package index. They are
kept in the system's temporary directory for the next run; `--fresh` builds them again.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from harness import Row, compare, print_table

ROOT = Path(__file__).resolve().parent.parent
DIRECTORY = Path(tempfile.gettempdir()) / "inference-models-installed-size"
FLOOR = ("numpy", "opencv-python-headless", "onnxruntime")
OURS = {"core": "im-core", "plugins/im-backend-onnx": "im-backend-onnx[cpu]", "plugins/im-yolo": "im-yolo"}
BIGGEST = 12


def measure(*, fresh: bool = False) -> list[Row]:
    """Return the row, building the environments if need be."""
    ours, floor = (sum(parts.values()) for parts in (measure_ours(fresh=fresh), measure_floor(fresh=fresh)))
    return [compare("installed size / numpy + opencv + onnxruntime", [ours], [floor], "MB", 1.10)]


def measure_ours(*, fresh: bool = False) -> dict[str, int]:
    """Return the sizes of an installation of this repository's distributions."""
    wheels = DIRECTORY / "wheels"
    site_packages = DIRECTORY / "ours"
    if fresh or not site_packages.exists():
        shutil.rmtree(wheels, ignore_errors=True)
        projects = [str(ROOT / project) for project in OURS]
        _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), *projects)
        _install("ours", [*OURS.values(), "--find-links", str(wheels)])
    return sizes(site_packages)


def measure_floor(*, fresh: bool = False) -> dict[str, int]:
    """Return the sizes of an installation of the libraries alone, with what they depend on themselves."""
    if fresh or not (DIRECTORY / "floor").exists():
        _install("floor", FLOOR)
    return sizes(DIRECTORY / "floor")


def sizes(environment: Path) -> dict[str, int]:
    """Return bytes by top-level entry of the environment's site-packages, and of what went beside it."""
    found: dict[str, int] = {}
    for file in environment.rglob("*"):
        if file.is_file() and not file.is_symlink():
            parts = file.relative_to(environment).parts
            inside = parts.index("site-packages") + 1 if "site-packages" in parts else 0
            if inside or parts[0] == "bin" or parts[0] == "share":
                name = parts[inside]
                found[name] = found.get(name, 0) + file.stat().st_size
    return found


def _install(name: str, arguments: Sequence[str]) -> None:
    """Make a virtual environment without pip and install into it; the directory appears when it is complete."""
    target, unfinished = DIRECTORY / name, DIRECTORY / f"{name}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.rmtree(target, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(unfinished)], check=True)
    python = unfinished / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    _pip("--python", str(python), "install", "--constraint", str(ROOT / "constraints.txt"), *arguments)
    unfinished.rename(target)


def _pip(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", "--disable-pip-version-check", "-qq", *arguments], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--fresh", action="store_true", help="build the environments again")
    fresh = parser.parse_args().fresh
    rows = measure(fresh=fresh)
    ours, floor = measure_ours(), measure_floor()
    print(f"{'biggest parts, MB':45} {'ours':>8} {'floor':>8}")
    for name in sorted(ours, key=lambda name: -ours[name])[:BIGGEST]:
        print(f"{name:45} {ours[name] / 1e6:8.2f} {floor.get(name, 0) / 1e6:8.2f}")
    print(f"\n{'biggest parts that the floor lacks, MB':45}")
    added = {name: size - floor.get(name, 0) for name, size in ours.items()}
    for name in sorted(added, key=lambda name: -added[name])[:BIGGEST]:
        print(f"{name:45} {added[name] / 1e6:8.2f}")
    print_table(rows)


if __name__ == "__main__":
    main()
