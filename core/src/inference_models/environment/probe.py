"""Asking each backend's plugin whether this machine can run it. A plugin that fails is a verdict, not a crash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import asdict, field, frozen

from inference_models.catalog import Catalog, Declared
from inference_models.distributions import canonical_name
from inference_models.errors import BackendUnavailable, PluginConflictError
from inference_models.specs import BackendSpec, resolve


@frozen(kw_only=True)
class BackendStatus:
    """Whether this machine can run a backend, and if not, why.

    Attributes:
        name: of the backend.
        priority: as its plugin declares it; of several in conflict, the highest.
        distribution: which declares it; all of them, comma-separated, when several do.
        available: whether it can be used.
        facts: what its plugin found out, for example its version; empty when it is unavailable.
        reason: why it is unavailable.
        fix: what to do about it; None when nothing is known.
        failed: whether its detection itself went wrong, which is a fault of the plugin and not of the machine.
    """

    name: str
    priority: int = 0
    distribution: str = ""
    available: bool = True
    facts: Mapping[str, object] = field(factory=dict)
    reason: str | None = None
    fix: str | None = None
    failed: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the status as a dictionary. `facts` are as the plugin gave them."""
        return {**asdict(self, recurse=False), "facts": dict(self.facts)}


def probe(catalog: Catalog, name: str) -> BackendStatus:
    """Ask the plugin of the backend `name`.

    Raises:
        UnknownBackendTypeError: no plugin declares it.
    """
    try:
        declared = catalog.backend(name)
    except PluginConflictError as conflict:
        return _in_conflict(catalog, name, conflict)
    return _ask(declared)


def _ask(declared: Declared[BackendSpec]) -> BackendStatus:
    try:
        facts = resolve(declared.spec.detect)()
    except BackendUnavailable as verdict:
        return _status(declared, available=False, reason=verdict.reason, fix=verdict.fix)
    except (Exception, SystemExit) as error:  # some libraries exit where they should raise
        return _failed(declared, f"{type(error).__name__}: {error}")
    if not isinstance(facts, Mapping):
        return _failed(declared, f"it returned {type(facts).__name__}, not a mapping of facts")
    return _status(declared, available=True, facts=dict(facts))


def _failed(declared: Declared[BackendSpec], what: str) -> BackendStatus:
    plugin = declared.plugin
    return _status(
        declared,
        available=False,
        failed=True,
        reason=f"its detection failed: {what} (plugin {plugin.distribution} {plugin.version})",
        fix=f"update {plugin.distribution}, or report this to those who maintain it",
    )


def _status(declared: Declared[BackendSpec], **verdict: Any) -> BackendStatus:
    spec = declared.spec
    return BackendStatus(name=spec.name, priority=spec.priority, distribution=declared.plugin.distribution, **verdict)


def _in_conflict(catalog: Catalog, name: str, conflict: PluginConflictError) -> BackendStatus:
    rivals = [row for row in catalog.backends() if canonical_name(row.spec.name) == canonical_name(name)]
    return BackendStatus(
        name=rivals[0].spec.name,
        priority=max(row.spec.priority for row in rivals),
        distribution=", ".join(sorted({row.plugin.distribution for row in rivals})),
        available=False,
        reason=conflict.message,
    )
