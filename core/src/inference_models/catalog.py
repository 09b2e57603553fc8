"""All that the installed plugins declare, by key, each with the distribution that said it.

Two distributions may declare one key. That is an error only for whoever asks for that key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Generic, Literal, TypeAlias

from attrs import frozen

from inference_models.configuration import DISABLE_PLUGINS, PREFER
from inference_models.distributions import canonical_name
from inference_models.errors import (
    PluginConflictError,
    UnknownBackendTypeError,
    WeightsProviderNotFoundError,
    describe_choices,
)
from inference_models.memo import Memo
from inference_models.plugins import (
    LoadedPlugin,
    LoadedPlugins,
    PluginInfo,
    PluginProblem,
    find_plugins,
    load_plugins,
)
from inference_models.policy import current_policy
from inference_models.preferences import canonical_key, preferred, why_unsettled
from inference_models.specs import SESSION_BACKENDS, BackendSpec, ModelSpec, PipelineSpec, Spec, WeightsProviderSpec

Kind: TypeAlias = Literal["provider", "backend", "model", "checkpoint", "pipeline"]


@frozen
class Declared(Generic[Spec]):
    """A spec and the plugin that declares it."""

    spec: Spec
    plugin: PluginInfo


@frozen
class Conflict:
    """A key that more than one declaration claims, and who they are."""

    key: str
    owners: tuple[PluginInfo, ...]

    def __str__(self) -> str:
        owners = " and ".join(f"{owner} ({owner.location})" for owner in self.owners)
        return f"{self.key!r} is declared by {owners}"

    @property
    def way_out(self) -> str:
        """What to do."""
        names = [owner.distribution for owner in self.owners]
        return (
            f'{why_unsettled(self.key, names)}Choose one: set {PREFER.name}="{self.key}={names[0]}", or switch the '
            f"other off with {DISABLE_PLUGINS.name}, or uninstall it"
        )


class Catalog:
    """What the loaded plugins declare. Never changes after construction.

    Args:
        loaded: the outcome of loading plugins.
    """

    def __init__(self, loaded: LoadedPlugins) -> None:
        self.found = loaded.found
        self.plugins: tuple[LoadedPlugin, ...] = loaded.plugins
        self.problems: tuple[PluginProblem, ...] = loaded.problems
        self._providers: list[Declared[WeightsProviderSpec]] = _declared("im_weights_providers", loaded)
        self._backends: list[Declared[BackendSpec]] = _declared("im_backends", loaded)
        self._models: list[Declared[ModelSpec]] = _declared("im_models", loaded)
        self._pipelines: list[Declared[PipelineSpec]] = _declared("im_pipelines", loaded)
        self._session_backends = _session_backends(self._backends)
        models = _index(self._models, self._model_keys)
        self._rows: dict[Kind, dict[str, list[Declared[Any]]]] = {
            "provider": _index(self._providers, lambda spec: [spec.name]),
            "backend": _index(self._backends, lambda spec: [spec.name]),
            "model": {key: _most_specific(key, rows) for key, rows in models.items()},
            "checkpoint": _index(self._models, lambda spec: spec.checkpoint_types),
            "pipeline": _index(self._pipelines, lambda spec: [spec.id]),
        }

    def provider(self, name: str) -> Declared[WeightsProviderSpec]:
        """Return a weights provider. Raises: WeightsProviderNotFoundError, PluginConflictError."""
        found = self._find("provider", name)
        if found is None:
            names = [row.spec.name for row in self.providers()]
            raise WeightsProviderNotFoundError(
                f"No installed plugin declares the weights provider {name!r}. {describe_choices(name, names)}"
                f"{install_hint('providers', name)}{self.problem_notes()}"
            )
        return found

    def backend(self, name: str) -> Declared[BackendSpec]:
        """Return a backend. Raises: UnknownBackendTypeError, PluginConflictError."""
        found = self._find("backend", name)
        if found is None:
            names = [row.spec.name for row in self.backends()]
            raise UnknownBackendTypeError(
                f"No installed plugin declares the backend {name!r}. {describe_choices(name, names)}"
                f"{install_hint('backends', name)}{self.problem_notes()}"
            )
        return found

    def manifest_reader(self, kind: str, backend: str) -> Declared[BackendSpec] | None:
        """Return the backend whose plugin reads manifests of type `kind`, None when none does.

        Args:
            kind: the manifest's "type".
            backend: as far as it is known; of several that read them, the one of this name does.

        Raises:
            PluginConflictError: several plugins read them, and `backend` does not tell them apart.
        """
        readers = [row for row in self.backends() if kind in row.spec.manifest_parsers]
        if len(readers) > 1:
            readers = [row for row in readers if row.spec.name == backend] or readers
        if len(readers) > 1:
            owners = " and ".join(str(row.plugin) for row in readers)
            raise PluginConflictError(
                f"packages of type {kind!r} are read by {owners}. Switch one off with {DISABLE_PLUGINS.name}."
            )
        return readers[0] if readers else None

    def model(self, architecture: str, task_type: str | None, backend: str) -> Declared[ModelSpec] | None:
        """Return the implementation of a model on a backend, None when no plugin has one.

        A missing task type is filled in when the architecture has a single one on this backend.

        Raises:
            PluginConflictError: several plugins implement it.
        """
        if task_type is None:
            tasks = self.task_types(architecture, backend)
            if len(tasks) != 1:
                return None
            task_type = tasks.pop()
        return self._find("model", f"{architecture}/{task_type}/{backend}")

    def checkpoint(self, model_type: str) -> Declared[ModelSpec] | None:
        """Return what loads training checkpoints of a type, None when no plugin does. Raises: PluginConflictError."""
        return self._find("checkpoint", model_type)

    def pipeline(self, pipeline_id: str) -> Declared[PipelineSpec] | None:
        """Return a pipeline, None when no plugin has it. Raises: PluginConflictError."""
        return self._find("pipeline", pipeline_id)

    def providers(self) -> list[Declared[WeightsProviderSpec]]:
        """Return all weights providers, in conflict or not."""
        return list(self._providers)

    def backends(self) -> list[Declared[BackendSpec]]:
        """Return all backends, in conflict or not."""
        return list(self._backends)

    def models(self) -> list[Declared[ModelSpec]]:
        """Return all model implementations, in conflict or not."""
        return list(self._models)

    def checkpoint_types(self) -> list[str]:
        """Return the types of training checkpoints that plugins load, sorted."""
        return sorted({name for row in self.models() for name in row.spec.checkpoint_types})

    def backends_of(self, spec: ModelSpec) -> tuple[str, ...]:
        """Return the names of the backends that an implementation runs on; of `SESSION_BACKENDS`, those installed."""
        named = [name for name in spec.backends if name != SESSION_BACKENDS]
        any_session = self._session_backends if SESSION_BACKENDS in spec.backends else ()
        return tuple({canonical_name(name): name for name in (*any_session, *named)}.values())

    def pipelines(self) -> list[Declared[PipelineSpec]]:
        """Return all pipelines, in conflict or not."""
        return list(self._pipelines)

    def task_types(self, architecture: str, backend: str | None = None) -> set[str]:
        """Return the tasks for which `architecture` is implemented, on one backend or on any."""
        wanted = canonical_name(architecture)
        return {
            row.spec.task_type
            for row in self.models()
            if wanted in map(canonical_name, row.spec.architectures)
            and (backend is None or canonical_name(backend) in map(canonical_name, self.backends_of(row.spec)))
        }

    def owners(self) -> dict[str, tuple[PluginInfo, ...]]:
        """Return who declares each key, by "kind:key" as INFERENCE_MODELS_PREFER spells it."""
        return {
            f"{kind}:{key}": tuple(row.plugin for row in rows)
            for kind, table in self._rows.items()
            for key, rows in table.items()
        }

    def conflicts(self) -> list[Conflict]:
        """Return every key that is declared more than once and not settled by INFERENCE_MODELS_PREFER."""
        return [
            Conflict(key, owners)
            for key, owners in self.owners().items()
            if len(owners) > 1 and preferred(key, [owner.distribution for owner in owners]) is None
        ]

    def problem_notes(self) -> str:
        """Return lines about plugins that did not load, for the end of an error; empty when all did."""
        lines = [str(problem) for problem in self.problems]
        lines += [f"{plugin}: {plugin.refusal}" for plugin in self.found if plugin.selection == "forbidden"]
        if not lines:
            return ""
        return "\nPlugins that are not loaded, or have problems, which may be why:\n" + "\n".join(
            f"  - {line}" for line in lines
        )

    def _model_keys(self, spec: ModelSpec) -> Iterable[str]:
        backends = self.backends_of(spec)
        return (f"{name}/{spec.task_type}/{backend}" for name in spec.architectures for backend in backends)

    def _find(self, kind: Kind, key: str) -> Declared[Any] | None:
        rows = self._rows[kind].get(canonical_key(key), [])
        if len(rows) < 2:
            return rows[0] if rows else None
        name = f"{kind}:{canonical_key(key)}"
        place = preferred(name, [row.plugin.distribution for row in rows])
        if place is None:
            conflict = Conflict(name, tuple(row.plugin for row in rows))
            raise PluginConflictError(f"{conflict}. {conflict.way_out}.")
        return rows[place]


def _declared(hook: str, loaded: LoadedPlugins) -> list[Declared[Any]]:
    return [Declared(spec, plugin.info) for plugin in loaded.plugins for spec in plugin.declared.get(hook, ())]


def _index(rows: Iterable[Declared[Spec]], keys: Callable[[Spec], Iterable[str]]) -> dict[str, list[Declared[Spec]]]:
    table: dict[str, list[Declared[Spec]]] = {}
    for row in rows:
        for key in dict.fromkeys(map(canonical_key, keys(row.spec))):  # a spec may spell one name in two ways
            table.setdefault(key, []).append(row)
    return table


def _session_backends(rows: Iterable[Declared[BackendSpec]]) -> tuple[str, ...]:
    names = {canonical_name(row.spec.name): row.spec.name for row in rows if row.spec.open_session is not None}
    return tuple(sorted(names.values()))


def _most_specific(key: str, rows: list[Declared[ModelSpec]]) -> list[Declared[ModelSpec]]:
    """Leave out rows for `SESSION_BACKENDS` of a plugin that has another row for the very backend."""
    if len(rows) < 2:
        return rows
    backend = key.rpartition("/")[2]
    named = [backend in map(canonical_name, row.spec.backends) for row in rows]
    plugins = [row.plugin for row, names_it in zip(rows, named, strict=True) if names_it]
    return [row for row, names_it in zip(rows, named, strict=True) if names_it or row.plugin not in plugins]


def install_hint(kind: Literal["architectures", "backends", "checkpoints", "providers"], name: str) -> str:
    """Return " Install it: pip install ..." when a published distribution is known to bring `name`.

    If that distribution is installed, it is switched off or does not load, and the hint says where to look. The table
    is data, generated from the distributions of this project, so no code here names a plugin.
    """
    import json
    from importlib import resources

    from inference_models.distributions import installed_version

    table = json.loads(resources.files("inference_models").joinpath("known_plugins.json").read_text("utf-8"))
    distribution = table[kind].get(canonical_name(name))
    if not distribution:
        return ""
    version = _installed.get(distribution, lambda: installed_version(distribution))
    if version is not None:
        return f" {distribution} {version}, which brings it, is installed but not in use: 'im plugins' says why."
    return f" Install it: pip install {distribution}."


_catalogs = Memo()
_installed = Memo()  # versions of distributions that hints name: a thousand packages may want the same one


def current_catalog() -> Catalog:
    """Return this process's catalog, discovering plugins on the first call. Safe to call from any thread.

    Under another policy they are discovered anew. Raises: InvalidPolicyError.
    """
    policy = current_policy()
    # Found under the same policy that it is kept for, also when the file changes meanwhile.
    return _catalogs.get(policy.fingerprint, lambda: Catalog(load_plugins(lambda: find_plugins(policy))))


def refresh_catalog() -> None:
    """Forget what was discovered; the next use looks again. For notebooks and tests after installing a plugin."""
    _catalogs.clear()
    _installed.clear()
