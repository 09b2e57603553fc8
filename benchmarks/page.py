"""Write docs/explanation/measured.md: what selections of the distributions take on disk and to start, and speeds.

Installs each selection into a fresh virtual environment, which needs the package index and ten minutes or so. Let
nothing else run meanwhile: the page is what users see.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import date
from importlib.metadata import distributions
from pathlib import Path
from statistics import median

from attrs import frozen

import installed_size
import run_all
from harness import Row

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/explanation/measured.md"
SELECTIONS: tuple[tuple[str, ...], ...] = (
    ("im-core",),
    ("im-core[vision]",),
    ("im-yolo", "im-backend-onnx[cpu]"),
    ("im-rfdetr", "im-backend-onnx[cpu]"),
    ("im-classification", "im-backend-onnx[cpu]"),
    ("im-demo", "im-yolo", "im-classification", "im-backend-onnx[cpu]"),
    ("im-yolo", "im-backend-torch[torch]"),
    ("im-florence2", "im-backend-hf[torch]"),
    ("im-mediapipe[mediapipe]",),
)
STARTS = 7
START = "import time; t = time.perf_counter(); from inference_models import AutoModel; print(time.perf_counter() - t)"


@frozen
class Installation:
    """What one selection takes.

    Attributes:
        names: what was given to pip.
        distributions: how many are installed with it, it included.
        megabytes: on disk, without pip.
        largest: the three largest parts, with their megabytes.
        seconds: to import `AutoModel` in a new process.
        plugin_seconds: for `im plugins` as a command.
    """

    names: tuple[str, ...]
    distributions: int
    megabytes: float
    largest: str
    seconds: float
    plugin_seconds: float


def install_and_measure(names: tuple[str, ...], wheels: Path) -> Installation:
    """Install a selection where nothing else is, and measure it."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "environment"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
        commands = home / ("Scripts" if os.name == "nt" else "bin")
        options: list[str | Path] = ["--disable-pip-version-check", "-qq", "-c", ROOT / "constraints.txt"]
        pip: list[str | Path] = [sys.executable, "-m", "pip", "--python", commands / "python"]
        subprocess.run([*pip, "install", *options, "--find-links", wheels, *names], check=True)
        listed = subprocess.run([*pip, "list", "--format=json"], check=True, capture_output=True, text=True).stdout
        sizes: Counter[str] = Counter()
        for name, size in installed_size.sizes(home).items():
            sizes[name.partition(".")[0]] += size  # numpy with numpy.libs
        largest = sizes.most_common(3)
        return Installation(
            names,
            len(json.loads(listed)),
            sum(sizes.values()) / 1e6,
            ", ".join(f"{name} {size / 1e6:.0f}" for name, size in largest),
            median(_seconds([commands / "python", "-c", START], printed=True) for _ in range(STARTS)),
            median(_seconds([commands / "im", "plugins", "--json"], printed=False) for _ in range(STARTS)),
        )


def _seconds(command: list[str | Path], *, printed: bool) -> float:
    """Run a command and return what it printed, or how long it took as a whole, in seconds."""
    hidden = ("PYTHON", "INFERENCE_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    started = time.perf_counter()
    output = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    return float(output) if printed else time.perf_counter() - started


def page(installations: list[Installation], rows: list[Row]) -> str:
    """Return the page."""
    system = f"{platform.system()} on {platform.machine()}, Python {platform.python_version()}"
    machine = f"{os.cpu_count()} cores, no GPU, {system}"
    count = len(list(distributions()))
    lines = [
        "# Sizes and speeds",
        "",
        f"Measured on {date.today():%d %B %Y} by `benchmarks/page.py` with {machine}.",
        "Other machines have other figures; ratios travel better. `benchmarks/README.md` says how each is measured.",
        "",
        "## What an installation takes",
        "",
        "PyTorch is its build for the CPU here; with CUDA's libraries it takes several thousand MB.",
        "",
        "| pip install | distributions | on disk, MB | most of it | import `AutoModel` | `im plugins` |",
        "|---|---|---|---|---|---|",
        *(
            f"| `{' '.join(one.names)}` | {one.distributions} | {one.megabytes:,.0f} | {one.largest} | "
            f"{one.seconds * 1e3:.0f} ms | {one.plugin_seconds * 1e3:.0f} ms |"
            for one in installations
        ),
        "",
        "## Speed",
        "",
        f"In an environment with {count} distributions; discovery, and so a cold start, looks at each.",
        "",
        "| | ours | floor | ratio | allowed |",
        "|---|---|---|---|---|",
        *(
            f"| {row.name} | {row.ours:,.1f} {row.unit} | {row.floor:,.1f} {row.unit} | {row.ratio:.2f} | "
            f"{row.target:g}{'' if row.ok else ' (over)'} |"
            for row in rows
        ),
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--wheels", type=Path, required=True, help="the folder that `make release` filled")
    options = parser.parse_args()
    installations = []
    for names in SELECTIONS:
        installations.append(install_and_measure(names, options.wheels))
        print(installations[-1], file=sys.stderr)
    rows = [row for measure in run_all.BENCHMARKS for row in measure()]
    PAGE.write_text(page(installations, rows), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
