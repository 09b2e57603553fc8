"""What every plugin keeps to: found, light, declaring the same always, and saying who it is."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

from inference_models.catalog import current_catalog
from inference_models.distributions import canonical_name
from inference_models.errors import DOCUMENTATION_URL, InvalidEnvVariable, PluginError
from inference_models.hookspecs import ENTRY_POINT_GROUP, PROJECT_NAME
from inference_models.plugins.manager import HOOKS, load_plugins
from inference_models.testing.checks.clean_process import Deeds, Probe, probe_plugin
from inference_models.testing.checks.findings import Finding, NotChecked
from inference_models.testing.checks.imports import imported_modules
from inference_models.testing.checks.plugin_subject import PluginSubject
from inference_models.testing.checks.probe_program import describe

MODULE_BUDGET = 40
"""How many modules importing a plugin may add, its own and the standard library's."""
TIME_BUDGET = 2.0
"""How much CPU time importing and asking a plugin may take, as a multiple of what importing the core takes."""

_PUBLIC = ("inference_models", "inference_models.developer_tools")
_PROGRAMS = {"console_scripts", "gui_scripts"}
_ONLY_DECLARE = (
    "Let the module that the entry point names hold declarations only, import the standard library and "
    'inference_models.developer_tools, and point at everything else with LazyClass("module", "name").'
)


def check_entry_point(plugin: PluginSubject) -> None:
    """The distribution has an entry point in the group of this plugin API."""
    try:
        plugin.find()
    except PluginError as error:
        raise Finding(error.message, "Install it (pip install -e .), or correct its name.") from None
    for info in plugin.all_infos:
        if info.damage is not None:
            raise Finding(
                f"The installed metadata of {plugin} in {info.location} is damaged: {info.damage}.",
                "Install the distribution again.",
            )
    groups = sorted({info.group for info in plugin.all_infos} - {ENTRY_POINT_GROUP})
    if groups and not any(info.group == ENTRY_POINT_GROUP for info in plugin.all_infos):
        raise Finding(
            f"{plugin} is made for another version of the plugin API: its entry point is in {groups[0]}.",
            f"Move the entry point to {ENTRY_POINT_GROUP}, or install a core that speaks {groups[0]}.",
        )
    if not plugin.all_infos:
        others = sorted({one.group for one in plugin.installed.entry_points} - _PROGRAMS)
        has = f"; it has some in {', '.join(others)}" if others else ""
        raise Finding(
            f"{plugin} has no entry point in the group {ENTRY_POINT_GROUP}, so no plugin is found in it{has}.",
            f'Add to its pyproject.toml: [project.entry-points."{ENTRY_POINT_GROUP}"], below it '
            f'`name = "package.plugin"`, and install it again.',
        )


def check_loading(plugin: PluginSubject) -> None:
    """Every entry point can be imported, every hook answers with the specs that it should, and there is something."""
    for refusal in filter(None, (info.refusal for info in plugin.all_infos)):
        raise Finding(
            f"{plugin} is not imported: {refusal}.",
            "Check it where that policy is not in force, or let whoever keeps the policy allow it.",
        )
    for problem in plugin.loaded.problems:
        if problem.stage in {"import", "declare"}:
            advice = {
                "import": "The module that an entry point names must import wherever the plugin is installed. "
                + _ONLY_DECLARE,
                "declare": "Correct the hook: it takes no arguments, never raises, and returns one spec of its kind or "
                f"an iterable of them. {DOCUMENTATION_URL}/reference/hooks/ lists their fields.",
            }[problem.stage]
            raise Finding(f"{plugin}: {problem.message}.", advice)
    plugin.require_loaded()
    if not any(specs for loaded in plugin.loaded.plugins for specs in loaded.declared.values()):
        raise Finding(
            f"{plugin} declares nothing: no hook of {', '.join(i.module for i in plugin.infos)} returns a spec.",
            f"Mark at least one of {', '.join(HOOKS)} with @hookimpl and return a spec from it.",
        )


def check_hooks(plugin: PluginSubject) -> None:
    """Everything marked as a hook is one, with the right signature, and everything named like a hook is marked."""
    for problem in plugin.loaded.problems:
        if problem.stage == "register":
            raise Finding(
                f"{plugin}: {problem.message}.",
                f"The hooks are {', '.join(HOOKS)}; none takes an argument.",
            )
    for info in plugin.infos:
        module = _imported(info.entry_point)
        for name in HOOKS:
            found = getattr(module, name, None)
            if inspect.isroutine(found) and getattr(found, f"{PROJECT_NAME}_impl", None) is None:
                raise Finding(
                    f"{info.module} has a function {name} that is not marked as a hook, so it is never called.",
                    "Write @hookimpl (from inference_models.developer_tools) above it, or name it otherwise.",
                )


def _imported(entry_point: Any) -> Any:
    try:
        return entry_point.load()
    except BaseException:  # `check_loading` says so
        return None


def check_repeatability(plugin: PluginSubject) -> None:
    """The hooks answer alike when they are asked again, and in another process."""
    if plugin.loaded.problems:
        raise NotChecked(f"{plugin} does not load as it should")
    first = [_described(loaded.declared) for loaded in plugin.loaded.plugins]
    again = [_described(loaded.declared) for loaded in load_plugins(lambda: plugin.infos, strict=False).plugins]
    _compare(plugin, first, again, "when they are asked again")
    elsewhere = [probe.declared for probe in plugin.probes if probe.plugin.failure is None]
    if len(elsewhere) == len(first):
        _compare(plugin, first, elsewhere, "in another process")


def _described(declared: Mapping[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = describe({hook: specs for hook, specs in declared.items() if specs})
    return described


def _compare(plugin: PluginSubject, one: list[dict[str, Any]], other: list[dict[str, Any]], when: str) -> None:
    for before, after in zip(one, other, strict=True):
        for hook in HOOKS:
            if before.get(hook, []) != after.get(hook, []):
                raise Finding(
                    f"{plugin}: {hook} gives another answer {when}.",
                    "Return the same specs in the same order each time: no iterator that is used up, no set that "
                    "decides an order, nothing that depends on the time, the machine or the environment.",
                )


def check_cost(plugin: PluginSubject) -> None:
    """Importing the plugin and asking its hooks imports no library, few modules, and costs little."""
    for info, probe in zip(plugin.infos, plugin.probes, strict=True):
        own = {*plugin.packages, info.module.partition(".")[0], "inference_models"}
        if libraries := third_party(probe.plugin, own):
            raise Finding(f"Importing {info.module} imports {', '.join(libraries)}.", _ONLY_DECLARE)
        if len(probe.plugin.modules) > MODULE_BUDGET:
            raise Finding(
                f"Importing {info.module} imports {len(probe.plugin.modules)} modules, {MODULE_BUDGET} at most are "
                f"allowed: {', '.join(probe.plugin.modules[:10])}, ...",
                _ONLY_DECLARE,
            )
        share = quickest(partial(probe_plugin, info.module), probe, "plugin", TIME_BUDGET)
        if share > TIME_BUDGET:
            raise Finding(
                f"Importing {info.module} and asking its hooks takes {share:.1f} times as much CPU time as importing "
                f"the core; {TIME_BUDGET:g} times is allowed.",
                "Compute nothing at import and in hooks. " + _ONLY_DECLARE,
            )


def third_party(deeds: Deeds, own: set[str]) -> list[str]:
    """Return the libraries that were imported: neither the standard library's modules nor those of `own` packages."""
    names = {module.partition(".")[0] for module in deeds.modules}
    known = {*own, *sys.stdlib_module_names, "__mp_main__"}  # the last: multiprocessing's name for the main module
    return sorted(names - known)


def quickest(again: Callable[[], Probe], first: Probe, part: Literal["plugin", "detect"], budget: float) -> float:
    """Return how much CPU time a part took, as a multiple of what importing the core took in the same process.

    What exceeds the budget is measured twice more, and the least counts: a first time compiles modules, and a machine
    under load loses its caches.
    """
    share = _share(first, part)
    for _ in range(2):
        if share > budget:
            share = min(share, _share(again(), part))
    return share


def _share(probe: Probe, part: Literal["plugin", "detect"]) -> float:
    deeds = getattr(probe, part)
    return 0.0 if deeds is None else float(deeds.seconds / probe.core.seconds)


def check_side_effects(plugin: PluginSubject) -> None:
    """Importing the plugin and asking its hooks neither connects, waits, writes, nor changes the process."""
    for info, probe in zip(plugin.infos, plugin.probes, strict=True):
        if probe.plugin.deeds:
            raise Finding(
                f"Importing {info.module} and asking its hooks {'; '.join(probe.plugin.deeds[:5])}.",
                "Do this when a model is loaded, not when plugins are listed: hooks have no side effects.",
            )


def check_deprecations(plugin: PluginSubject) -> None:
    """Importing the plugin and asking its hooks uses nothing that will go."""
    for info, probe in zip(plugin.infos, plugin.probes, strict=True):
        if probe.plugin.deprecations:
            raise Finding(
                f"Importing {info.module} and asking its hooks uses what is deprecated: "
                f"{'; '.join(probe.plugin.deprecations[:5])}.",
                "Use what the warning names instead, before the old way goes.",
            )


def check_imports(plugin: PluginSubject) -> None:
    """No module of the plugin imports the core's insides or another plugin."""
    if plugin.is_core:
        raise NotChecked("the core may import itself")
    own = {canonical_name(info.distribution) for info in plugin.all_infos}
    others = {
        info.module.partition(".")[0].partition(":")[0]: info
        for info in current_catalog().found
        if canonical_name(info.distribution) not in {*own, "im-core"}
    }
    for file in plugin.files():
        for line, module in _imports_of(file):
            top, _, _ = module.partition(".")
            if top == "inference_models" and not _is_promised(module):
                raise Finding(
                    f"{file}:{line} imports {module}, which is not promised to plugins.",
                    "Import from inference_models or inference_models.developer_tools, and inference_models.testing in "
                    "tests; what is missing there is worth an issue.",
                )
            if top in others and top not in plugin.packages:
                raise Finding(
                    f"{file}:{line} imports {top}, which is the plugin {others[top]}.",
                    "Plugins stand alone: use what the core offers, or move what both need into a library of its own.",
                )


def _imports_of(file: Path) -> list[tuple[int, str]]:
    try:
        return list(imported_modules(file))
    except (SyntaxError, ValueError) as error:
        raise Finding(f"{file} cannot be read as Python: {error}.", "Correct it, or leave it out.") from None


def _is_promised(module: str) -> bool:
    parent, _, name = module.rpartition(".")
    if module in _PUBLIC or parent == _PUBLIC[1]:
        return True
    if parent != "inference_models":
        return False
    import inference_models

    return name in {*dir(inference_models), "*"}


def check_keys(plugin: PluginSubject) -> None:
    """Nothing that the plugin declares is declared twice, neither by itself nor by what else is installed."""
    try:
        conflicts = [*plugin.catalog.conflicts(), *current_catalog().conflicts()]
    except InvalidEnvVariable as error:
        raise NotChecked(error.message) from None
    for conflict in conflicts:
        owners = {canonical_name(owner.distribution) for owner in conflict.owners}
        if canonical_name(plugin.name) not in owners:
            continue
        raise Finding(
            f"{conflict}.",
            "Declare it once." if len(owners) == 1 else "Choose a name of your own, or uninstall the other plugin.",
        )
