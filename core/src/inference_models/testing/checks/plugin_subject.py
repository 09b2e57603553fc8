"""An installed distribution and what it brings, for the checks of plugins and for `im plugins check`."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from attrs import evolve

from inference_models.catalog import Catalog
from inference_models.distributions import canonical_name, existing_entries
from inference_models.errors import PluginError, describe_choices
from inference_models.hookspecs import ENTRY_POINT_GROUP
from inference_models.plugins import LoadedPlugins, PluginInfo, load_plugins
from inference_models.plugins.discovery import find_plugins
from inference_models.testing.checks.clean_process import Probe, probe_plugin
from inference_models.testing.checks.findings import NotChecked
from inference_models.testing.checks.pointers import Pointer, pointers, top_module

if TYPE_CHECKING:
    from importlib_metadata import Distribution

CORE = "im-core"


class PluginSubject:
    """What a check of a plugin is given. Everything is looked up on first use and kept.

    Args:
        distribution: the name of an installed distribution, in any spelling.
    """

    def __init__(self, distribution: str) -> None:
        self.name = distribution

    def __str__(self) -> str:
        return self.name

    @property
    def is_core(self) -> bool:
        """Whether this is the core itself, which declares its own providers as plugins do."""
        return canonical_name(self.name) == CORE

    def find(self) -> Distribution:
        """Return the distribution's metadata. Raises: PluginError when it is not installed; near names are named."""
        from importlib_metadata import Distribution

        found: Distribution | None = next(iter(Distribution.discover(name=self.name, path=existing_entries())), None)
        if found is None:
            names = sorted({info.distribution for info in find_plugins()})
            raise PluginError(f"The distribution {self.name!r} is not installed. {describe_choices(self.name, names)}")
        return found

    @cached_property
    def installed(self) -> Distribution:
        """The distribution's metadata. Raises: NotChecked when it is not installed."""
        try:
            return self.find()
        except PluginError as error:
            raise NotChecked(error.message) from None

    @cached_property
    def all_infos(self) -> list[PluginInfo]:
        """Its entry points for any version of the plugin API, also those that are switched off. Raises: NotChecked."""
        name = canonical_name(str(self.installed.metadata["Name"] or self.name))
        return [info for info in find_plugins() if canonical_name(info.distribution) == name]

    @cached_property
    def infos(self) -> list[PluginInfo]:
        """Its entry points for this version of the plugin API, taken as switched on.

        Raises:
            NotChecked: it has none, or the policy forbids it, also for a check.
        """
        infos = [info for info in self.all_infos if info.group == ENTRY_POINT_GROUP and info.entry_point is not None]
        if not infos:
            raise NotChecked(f"{self.name} has no entry point in the group {ENTRY_POINT_GROUP}")
        for info in infos:
            if info.selection == "forbidden":  # never imported, not even to look at it
                raise NotChecked(f"it is not imported: {info.refusal}")
        return [evolve(info, selection="enabled") for info in infos]

    @cached_property
    def loaded(self) -> LoadedPlugins:
        """What came of loading it, and nothing else. Raises: NotChecked when it has no entry point."""
        return load_plugins(lambda: self.infos, strict=False)

    def require_loaded(self) -> None:
        """Raises: NotChecked when an entry point is missing, or one cannot be imported."""
        if len(self.loaded.plugins) < len(self.infos):
            raise NotChecked(f"{self.name} cannot be imported")

    @cached_property
    def catalog(self) -> Catalog:
        """What it declares. Raises: NotChecked when it has no entry point."""
        return Catalog(self.loaded)

    def targets(self) -> Iterator[Pointer]:
        """Yield all that its specs point at."""
        for plugin in self.loaded.plugins:
            for specs in plugin.declared.values():
                for spec in specs:
                    yield from pointers(spec)

    @cached_property
    def probes(self) -> list[Probe]:
        """What importing each entry point does in a process of its own. Raises: NotChecked, Finding."""
        self.require_loaded()
        return [probe_plugin(info.module) for info in self.infos]

    @cached_property
    def packages(self) -> list[str]:
        """The top-level modules that its entry points lie in, and those of its targets that are its own."""
        names = [info.module.partition(":")[0].partition(".")[0].strip() for info in self.infos]
        recorded = {PurePath(file).parts[0].removesuffix(".py") for file in self.installed.files or ()}
        for pointer in self.targets():
            top = top_module(pointer.target)
            if top in recorded or (not recorded and top != "inference_models"):
                names.append(top)
        return list(dict.fromkeys(names))

    def files(self) -> Iterator[Path]:
        """Yield the Python files of its packages, tests that lie inside them left out."""
        for package in self.packages:
            for place in places(package):
                if place.is_file():
                    yield place
                    continue
                for path in sorted(place.rglob("*.py")):
                    if "tests" not in path.relative_to(place).parts:
                        yield path


def places(package: str) -> list[Path]:
    """Return the directory of a package, or the file of a module, without importing it."""
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        loaded = getattr(sys.modules.get(package), "__file__", None)
        return [Path(loaded)] if loaded else []
    if spec is None:
        return []
    if spec.submodule_search_locations is not None:
        return [Path(place) for place in spec.submodule_search_locations]
    return [Path(spec.origin)] if spec.origin and spec.origin.endswith(".py") else []
