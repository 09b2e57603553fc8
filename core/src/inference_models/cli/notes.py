"""What `im doctor` notes about settings that name plugins which are not here.

That is no mistake as such: one setting may serve several machines, not all of which have the same plugins. Misspelt, it
would have no effect without a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from inference_models.catalog import Catalog
from inference_models.configuration import DISABLE_PLUGINS, ONLY_PLUGINS, PREFER
from inference_models.distributions import canonical_name
from inference_models.errors import InvalidEnvVariable, nearest_name
from inference_models.preferences import canonical_key


def plugin_notes(catalog: Catalog) -> dict[str, str]:
    """Return what has no effect here of the settings that choose among plugins, by the setting's name."""
    if not catalog.found:  # they could not be looked for
        return {}
    notes = {
        DISABLE_PLUGINS.name: _unknown_plugins(catalog, (name for name in DISABLE_PLUGINS.get() if name != "*")),
        ONLY_PLUGINS.name: _unknown_plugins(catalog, ONLY_PLUGINS.get() or ()),
        PREFER.name: _idle_preferences(catalog),
    }
    texts = {name: "; ".join(found) for name, found in notes.items()}
    return {name: text for name, text in texts.items() if text}


def _unknown_plugins(catalog: Catalog, names: Iterable[str]) -> Iterator[str]:
    known = [name for plugin in catalog.found for name in (plugin.distribution, plugin.name)]
    canonical = set(map(canonical_name, known))
    for name in names:
        if canonical_name(name) not in canonical:
            yield f"no installed plugin is called {name!r}{_guess(nearest_name(name, known))}"


def _idle_preferences(catalog: Catalog) -> Iterator[str]:
    try:
        preferences = PREFER.get()
    except InvalidEnvVariable:  # the check of the variables reports it
        return
    owners = catalog.owners()
    installed = {canonical_name(plugin.distribution): plugin.distribution for plugin in catalog.found}
    by_entry_point = {canonical_name(plugin.name): plugin.distribution for plugin in catalog.found}
    for key, owner in preferences:
        name, declared = canonical_name(owner), owners.get(canonical_key(key), ())
        if name not in installed:
            near = by_entry_point.get(name) or nearest_name(owner, installed.values())
            yield f"no plugin of the distribution {owner!r} is installed{_guess(near)}"
        elif not declared:
            yield f"nothing in use declares {key!r}{_guess(nearest_name(key, owners))}"
        elif name not in {canonical_name(plugin.distribution) for plugin in declared}:
            others = " and ".join(sorted({plugin.distribution for plugin in declared}))
            yield f"{installed[name]} does not declare {key!r}, {others} does"


def _guess(near: str | None) -> str:
    return f", did you mean {near!r}?" if near else ""
