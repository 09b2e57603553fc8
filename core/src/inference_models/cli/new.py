"""`im new`: write a distribution for a plugin, ready to be built and published."""

from __future__ import annotations

import keyword
import re
import sys
from pathlib import Path
from typing import Literal

import click

from inference_models.cli.output import json_option, write_json

_KINDS = {"model": "a model family", "backend": "a backend", "provider": "a weights provider"}
_NAME = re.compile(r"[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z0-9]")  # as packaging.python.org specifies names
_FIRST_PARTY = "im-"
_TAKEN = {"inference_models", "src", "test", "tests"}  # the last: Python's own tests, and everybody's


@click.command()
@click.argument("kind", type=click.Choice(list(_KINDS)))
@click.argument("name")
@click.option(
    "--directory",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write it there instead of into a directory of that name here. Must not exist.",
)
@json_option
def new(kind: str, name: str, directory: Path | None, as_json: bool) -> None:
    """Write a plugin of your own: a distribution called NAME.

    It is complete: it builds, its tests pass, and what it brings works. Put your own in the place of what is there.
    """
    from inference_models.cli.rendering import write_project

    distribution, key = _distribution(name), _key(kind, name)
    package = distribution.replace("-", "_")
    values = {
        "name": distribution,
        "package": package,
        "key": key,
        "variable": key.replace("-", "_").upper(),
        "core": _core_versions(),
    }
    target = directory or Path(distribution)
    files = write_project(target.absolute(), kind, values)
    if as_json:
        document = {"kind": kind, "name": distribution, "package": package, "key": key}
        write_json({**document, "directory": str(target.absolute()), "files": files})
        return
    click.echo(f"Wrote {_KINDS[kind]}, {key!r}, into {target}: {len(files)} files. What to do next:\n")
    for step in (
        f"cd {_quoted(target)}",
        'python -m pip install -e ".[test]"',
        "python -m pytest",
        f"im plugins check {distribution}",
    ):
        click.echo(f"  {step}")
    click.echo(f"\nThen put your own into src/{package}. README.md says what is there.")


def _distribution(name: str) -> str:
    """Return the normalized name of the distribution. Raises: click.BadParameter."""
    if not _NAME.fullmatch(name):
        raise _refused(name, "a distribution's name is letters and digits, with - . or _ between them")
    normalized = re.sub(r"[-_.]+", "-", name).lower()
    package = normalized.replace("-", "_")
    if normalized.startswith(_FIRST_PARTY):
        raise _refused(name, "im- begins the names of the project's own. Begin with a name of yours: acme-detector")
    if not package.isidentifier() or keyword.iskeyword(package) or keyword.issoftkeyword(package):
        raise _refused(name, f"{package!r} cannot be the name of an import package. Begin with a name of yours")
    if package in sys.stdlib_module_names or package in _TAKEN:
        raise _refused(name, f"it would hide the module {package!r}. Begin with a name of yours")
    return normalized


def _key(kind: str, name: str) -> str:
    """Return what users write: the name without what it says about the kind. Raises: click.BadParameter."""
    from inference_models.catalog import install_hint
    from inference_models.entities import RESERVED_PROVIDERS

    key = re.sub(rf"(?<=.)-{kind}$", "", _distribution(name))
    # The tables behind the hint hold what the distributions of this project declare, installed here or not.
    tables: dict[str, Literal["architectures", "backends", "providers"]] = {
        "model": "architectures",
        "backend": "backends",
        "provider": "providers",
    }
    if install_hint(tables[kind], key) or (kind == "provider" and key in RESERVED_PROVIDERS):
        raise _refused(name, f"{key!r} is the name of {_KINDS[kind]} that there is. Choose another")
    if _is_somebody_elses(_distribution(name)):
        raise _refused(name, f"{name!r} is installed here and is no plugin, and this would take its place")
    return key


def _is_somebody_elses(distribution: str) -> bool:
    """Return whether what is installed under this name is something else than a plugin, such as numpy."""
    from importlib_metadata import Distribution

    from inference_models.distributions import existing_entries
    from inference_models.hookspecs import ENTRY_POINT_GROUP_PREFIX

    found = next(iter(Distribution.discover(name=distribution, path=existing_entries())), None)
    return found is not None and not any(one.group.startswith(ENTRY_POINT_GROUP_PREFIX) for one in found.entry_points)


def _refused(name: str, reason: str) -> click.BadParameter:
    return click.BadParameter(f"{name!r} cannot be used: {reason}.", param_hint="NAME")


def _core_versions() -> str:
    """Return the releases of the core that a plugin written today runs on: up to the next that may change the API."""
    from packaging.version import Version

    from inference_models._version import __version__

    if __version__ == "unknown":  # run from its source, without being installed
        return ""
    version = Version(__version__)
    after = f"0.{version.minor + 1}" if version.major == 0 else str(version.major + 1)
    return f">={version.public},<{after}"


def _quoted(path: Path) -> str:
    import shlex

    return shlex.quote(str(path))
