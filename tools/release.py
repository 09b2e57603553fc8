"""Build every distribution, check what was built, and try each one alone: in an environment with its dependencies only.

Nothing is uploaded. What is in the output folder afterwards is what `twine upload` should send.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from fresh_environment import CommandFailedError, create_environment, run
from wheels import shared_files, wheel_problems
from workspace import ROOT, Distribution, core, distributions


def build(distribution: Distribution, folder: Path) -> Path:
    """Make the source archive, and from that, not from the tree, the wheel: an archive that lacks a file shows here."""
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, distribution.directory, cwd=ROOT)
    stem = f"{distribution.name.replace('-', '_')}-{distribution.version}"
    run(sys.executable, "-m", "twine", "check", "--strict", *folder.glob(f"{stem}*"), cwd=ROOT)
    (wheel,) = folder.glob(f"{stem}-*.whl")
    return wheel


def try_alone(distribution: Distribution, folder: Path) -> None:
    """Install a distribution with its dependencies, and nothing else, and let its plugin prove itself."""
    with tempfile.TemporaryDirectory() as home:
        wanted = f"{distribution.name}=={distribution.version}"
        commands = create_environment(Path(home), "--find-links", folder, wanted)
        run(commands / "im", "doctor", "--json", cwd=Path(home))
        run(commands / "im", "plugins", "check", distribution.name, cwd=Path(home))


def obstacles() -> Iterator[str]:
    """Yield what stands in the way of publishing what was built."""
    if run("git", "status", "--porcelain", cwd=ROOT).strip():
        yield "The working tree has changes that are not committed: what was built cannot be built again."
    version = core().version
    if f"\n## [{version}]" not in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"):
        yield f'CHANGELOG.md has no section "## [{version}]": rename "## [Unreleased]" and add the date.'


def main(arguments: Sequence[str] | None = None) -> int:
    """Build, check and try; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, default=ROOT / "dist", help="an empty or new folder (default: dist)")
    parser.add_argument("--only", action="append", help="try this distribution alone, not each; may be repeated")
    parser.add_argument("--rehearsal", action="store_true", help="do without a clean tree and a dated changelog")
    options = parser.parse_args(arguments)
    folder: Path = options.output.absolute()
    if folder.exists() and any(folder.iterdir()):
        parser.error(f"{folder} is not empty. Remove what is in it: only what is built now may be published.")
    folder.mkdir(parents=True, exist_ok=True)
    found = [] if options.rehearsal else list(obstacles())
    wheels = {}
    for distribution in distributions():
        wheels[distribution.name] = wheel = build(distribution, folder)
        found += [f"{wheel.name}: {problem}" for problem in wheel_problems(wheel, distribution)]
        print(f"built {wheel.name}", flush=True)
    found += shared_files(wheels)
    for distribution in distributions():
        if not found and (options.only is None or distribution.name in options.only):
            try_alone(distribution, folder)
            print(f"works alone: {distribution.name}", flush=True)
    print("\n".join(found) or f"Ready: twine upload {folder}/*")
    return 1 if found else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CommandFailedError as error:
        sys.exit(str(error))
