"""Loading plugins one at a time: import, register, ask. A bad one is reported and the rest go on.

pluggy's own bulk loader stops at the first bad plugin, so each is loaded by hand here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import pluggy
from attrs import field, frozen

from inference_models import hookspecs
from inference_models.configuration import STRICT_PLUGINS
from inference_models.distributions import canonical_name
from inference_models.entities import RESERVED_PROVIDERS
from inference_models.errors import PluginLoadError
from inference_models.plugins.discovery import PluginInfo, find_plugins
from inference_models.specs import BackendSpec, ModelSpec, PipelineSpec, WeightsProviderSpec

Stage: TypeAlias = Literal["find", "version", "import", "register", "declare"]

HOOKS: Mapping[str, type] = MappingProxyType(
    {
        "im_weights_providers": WeightsProviderSpec,
        "im_backends": BackendSpec,
        "im_models": ModelSpec,
        "im_pipelines": PipelineSpec,
    }
)
"""Each hook and the kind of spec that it returns."""


_CORE_DISTRIBUTION = "im-core"


@frozen
class PluginProblem:
    """Why a plugin, or one thing it declares, cannot be used.

    Attributes:
        plugin: whose problem it is.
        stage: how far loading came: "find" (damaged metadata), "version" (another plugin API), "import",
            "register" (its hooks do not match), "declare" (a hook raised or returned something else than specs).
        message: what went wrong, in one line.
        error: the exception, if there was one.
    """

    plugin: PluginInfo
    stage: Stage
    message: str
    error: BaseException | None = field(default=None, eq=False)

    def __str__(self) -> str:
        return f"{self.plugin} ({self.stage}): {self.message}"


@frozen
class LoadedPlugin:
    """A plugin and all that it declares.

    Attributes:
        info: whose declarations these are.
        declared: the specs by hook name, in the order in which they were returned.
        seconds: how long importing and asking it took.
    """

    info: PluginInfo
    declared: Mapping[str, tuple[Any, ...]]
    seconds: float = field(eq=False)


@frozen
class LoadedPlugins:
    """What came of loading: `plugins` that work, `problems`, and everything `found` with its selection."""

    plugins: tuple[LoadedPlugin, ...] = ()
    problems: tuple[PluginProblem, ...] = ()
    found: tuple[PluginInfo, ...] = ()


def load_plugins(
    find: Callable[[], Iterable[PluginInfo]] = find_plugins, *, strict: bool | None = None
) -> LoadedPlugins:
    """Find, import, register and ask all plugins that are switched on.

    Args:
        find: finds the installed plugins.
        strict: whether a problem is an error; None: as `INFERENCE_MODELS_STRICT_PLUGINS` says.

    Raises:
        PluginLoadError: strict, and a plugin has a problem.
    """
    manager = pluggy.PluginManager(hookspecs.PROJECT_NAME)
    manager.add_hookspecs(hookspecs)
    found = tuple(find())
    plugins: list[LoadedPlugin] = []
    problems: list[PluginProblem] = []
    for info in found:
        if info.selection == "enabled":
            plugin = _load(manager, info, problems)
            if plugin is not None:
                plugins.append(plugin)
        elif info.selection == "incompatible":
            problems.append(_wrong_version(info))
        elif info.selection == "damaged":
            message = f"its installed metadata in {info.location} is damaged ({info.damage}); reinstall it"
            problems.append(PluginProblem(info, "find", message))
    if problems and (STRICT_PLUGINS.get() if strict is None else strict):
        raise PluginLoadError(
            "Plugins have problems, and INFERENCE_MODELS_STRICT_PLUGINS is set:\n"
            + "\n".join(f"  - {problem}" for problem in problems)
            + "\nCorrect or uninstall them, or switch them off with INFERENCE_MODELS_DISABLE_PLUGINS."
        ) from problems[0].error
    return LoadedPlugins(tuple(plugins), tuple(problems), found)


def _load(manager: pluggy.PluginManager, info: PluginInfo, problems: list[PluginProblem]) -> LoadedPlugin | None:
    started = time.perf_counter()
    name = f"{info.distribution}:{info.name}"
    stage: Stage = "import"
    try:
        assert info.entry_point is not None, "only damaged plugins have none"
        plugin = info.entry_point.load()
        stage = "register"
        manager.register(plugin, name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # modules exit where they should raise, and a panic in Rust is no Exception
        problems.append(PluginProblem(info, stage, _one_line(error), error))
        return None
    problems.extend(_unknown_hooks(plugin, info))
    others = [other for other_name, other in manager.list_name_plugin() if other_name != name]
    implemented = {caller.name for caller in manager.get_hookcallers(plugin) or ()}
    declared = {hook: _ask(manager, hook, others, info, problems) if hook in implemented else () for hook in HOOKS}
    return LoadedPlugin(info, MappingProxyType(declared), time.perf_counter() - started)


def _ask(
    manager: pluggy.PluginManager, hook: str, others: list[object], info: PluginInfo, problems: list[PluginProblem]
) -> tuple[Any, ...]:
    """Call one hook of one plugin; keep the good specs, report the rest."""
    kind = HOOKS[hook]
    specs = []
    try:
        for answer in manager.subset_hook_caller(hook, remove_plugins=others)():
            for spec in [answer] if isinstance(answer, kind) else answer:
                message = _refusal(spec, kind, hook, info)
                if message is None:
                    specs.append(spec)
                else:
                    problems.append(PluginProblem(info, "declare", message))
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        problems.append(PluginProblem(info, "declare", f"{hook}: {_one_line(error)}", error))
    return tuple(specs)


def _refusal(spec: object, kind: type, hook: str, info: PluginInfo) -> str | None:
    if not isinstance(spec, kind):
        return f"{hook} returned {type(spec).__name__!r} where {kind.__name__} belongs"
    is_core = canonical_name(info.distribution) == _CORE_DISTRIBUTION
    if isinstance(spec, WeightsProviderSpec) and canonical_name(spec.name) in RESERVED_PROVIDERS and not is_core:
        return f"{hook} declares the weights provider {spec.name!r}, a name that is reserved; choose another"
    return None


def _unknown_hooks(plugin: object, info: PluginInfo) -> Iterable[PluginProblem]:
    """Report hooks that this core does not know. They may need a newer core, so the plugin stays."""
    for name in vars(plugin) if hasattr(plugin, "__dict__") else ():
        options = getattr(getattr(plugin, name), f"{hookspecs.PROJECT_NAME}_impl", None)
        if options is not None and (options.get("specname") or name) not in HOOKS:
            message = f"implements {name}, which is no hook of this im-core: a typo, or it needs a newer one"
            yield PluginProblem(info, "register", message)


def _wrong_version(info: PluginInfo) -> PluginProblem:
    wanted = info.group.removeprefix(hookspecs.ENTRY_POINT_GROUP_PREFIX)
    return PluginProblem(
        info,
        "version",
        f"is made for plugin API {wanted}, this im-core speaks {hookspecs.API_VERSION}; it was not imported. "
        f"Install versions that match",
    )


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
