"""All that the installed plugins declare, by key, each with the distribution that said it.

Two distributions may declare one key. That is an error only for whoever asks for that key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Generic, Literal, TypeAlias

from attrs import frozen

from inference_models.configuration import DISABLE_PLUGINS, PREFER
from inference_models.errors import (
    PluginConflictError,
    UnknownBackendTypeError,
    WeightsProviderNotFoundError,
    describe_choices,
)
from inference_models.memo import Memo
from inference_models.plugins import LoadedPlugin, LoadedPlugins, PluginInfo, PluginProblem, load_plugins
from inference_models.plugins.discovery import canonical_name
from inference_models.specs import BackendSpec, ModelSpec, PipelineSpec, Spec, WeightsProviderSpec

Kind: TypeAlias = Literal["provider", "backend", "model", "pipeline"]


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


class Catalog:
    """What the loaded plugins declare. Never changes after construction.

    Args:
        loaded: the outcome of loading plugins.
    """

    def __init__(self, loaded: LoadedPlugins) -> None:
        self.found = loaded.found
        self.plugins: tuple[LoadedPlugin, ...] = loaded.plugins
        self.problems: tuple[PluginProblem, ...] = loaded.problems
        self._rows: dict[Kind, dict[str, list[Declared[Any]]]] = {
            "provider": self._index("im_weights_providers", lambda spec: [spec.name]),
            "backend": self._index("im_backends", lambda spec: [spec.name]),
            "model": self._index("im_models", _model_keys),
            "pipeline": self._index("im_pipelines", lambda spec: [spec.id]),
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

    def pipeline(self, pipeline_id: str) -> Declared[PipelineSpec] | None:
        """Return a pipeline, None when no plugin has it. Raises: PluginConflictError."""
        return self._find("pipeline", pipeline_id)

    def providers(self) -> list[Declared[WeightsProviderSpec]]:
        """Return all weights providers, in conflict or not."""
        return self._all("provider")

    def backends(self) -> list[Declared[BackendSpec]]:
        """Return all backends, in conflict or not."""
        return self._all("backend")

    def models(self) -> list[Declared[ModelSpec]]:
        """Return all model implementations, in conflict or not."""
        return self._all("model")

    def pipelines(self) -> list[Declared[PipelineSpec]]:
        """Return all pipelines, in conflict or not."""
        return self._all("pipeline")

    def task_types(self, architecture: str, backend: str | None = None) -> set[str]:
        """Return the tasks for which `architecture` is implemented, on one backend or on any."""
        wanted = canonical_name(architecture)
        return {
            row.spec.task_type
            for row in self.models()
            if wanted in map(canonical_name, row.spec.architectures)
            and (backend is None or canonical_name(backend) in map(canonical_name, row.spec.backends))
        }

    def conflicts(self) -> list[Conflict]:
        """Return every key that is declared more than once and not settled by INFERENCE_MODELS_PREFER."""
        return [
            Conflict(f"{kind}:{key}", tuple(row.plugin for row in rows))
            for kind, table in self._rows.items()
            for key, rows in table.items()
            if len(rows) > 1 and _preferred(f"{kind}:{key}", rows) is None
        ]

    def problem_notes(self) -> str:
        """Return lines about plugins that did not load, for the end of an error; empty when all did."""
        if not self.problems:
            return ""
        return "\nPlugins with problems, which may be why:\n" + "\n".join(f"  - {line}" for line in self.problems)

    def _index(self, hook: str, keys: Callable[[Any], Iterable[str]]) -> dict[str, list[Declared[Any]]]:
        table: dict[str, list[Declared[Any]]] = {}
        for plugin in self.plugins:
            for spec in plugin.declared.get(hook, ()):
                row: Declared[Any] = Declared(spec, plugin.info)
                for key in dict.fromkeys(map(_canonical_key, keys(spec))):  # a spec may spell one name in two ways
                    table.setdefault(key, []).append(row)
        return table

    def _all(self, kind: Kind) -> list[Declared[Any]]:
        rows = {id(row): row for rows in self._rows[kind].values() for row in rows}
        return list(rows.values())

    def _find(self, kind: Kind, key: str) -> Declared[Any] | None:
        rows = self._rows[kind].get(_canonical_key(key), [])
        if len(rows) < 2:
            return rows[0] if rows else None
        name = f"{kind}:{_canonical_key(key)}"
        preferred = _preferred(name, rows)
        if preferred is None:
            one = rows[0].plugin.distribution
            raise PluginConflictError(
                f"{Conflict(name, tuple(row.plugin for row in rows))}. Choose one: set "
                f'INFERENCE_MODELS_PREFER="{name}={one}", or switch the other off with '
                f"{DISABLE_PLUGINS.name}, or uninstall it."
            )
        return preferred


def _model_keys(spec: ModelSpec) -> Iterable[str]:
    return (
        f"{architecture}/{spec.task_type}/{backend}" for architecture in spec.architectures for backend in spec.backends
    )


def _canonical_key(key: str) -> str:
    return "/".join(map(canonical_name, key.split("/")))


def _preferred(key: str, rows: list[Declared[Any]]) -> Declared[Any] | None:
    wanted = {canonical_name(owner) for name, owner in PREFER.get() if _canonical_key(name) == key}
    chosen = [row for row in rows if canonical_name(row.plugin.distribution) in wanted]
    return chosen[0] if len(chosen) == 1 else None


def install_hint(kind: Literal["architectures", "backends", "providers"], name: str) -> str:
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
    """Return this process's catalog, discovering plugins on the first call. Safe to call from any thread."""
    return _catalogs.get("current", lambda: Catalog(load_plugins()))


def refresh_catalog() -> None:
    """Forget what was discovered; the next use looks again. For notebooks and tests after installing a plugin."""
    _catalogs.clear()
    _installed.clear()
