"""Which plugins are installed, from distribution metadata alone: nothing is imported here.

The `importlib_metadata` distribution is used instead of the standard library's module because it
imports faster (24 ms against 31 ms, Python 3.11), knows where a distribution was installed from
(`origin`; standard library: 3.13 and later), and behaves alike on every Python version. Its
`entry_points()` is not used: one distribution with a damaged file would hide the plugins of all others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from attrs import field, frozen

from inference_models.configuration import DISABLE_PLUGINS, ONLY_PLUGINS
from inference_models.distributions import canonical_name, existing_entries, read_license, read_name_and_version
from inference_models.hookspecs import ENTRY_POINT_GROUP, ENTRY_POINT_GROUP_PREFIX
from inference_models.policy import Policy, current_policy

if TYPE_CHECKING:
    from importlib_metadata import Distribution, EntryPoint

Selection: TypeAlias = Literal["enabled", "disabled", "forbidden", "incompatible", "damaged"]


@frozen(kw_only=True)
class PluginInfo:
    """An installed plugin, as its distribution's metadata describes it.

    Attributes:
        name: of the entry point.
        module: what the entry point names; the plugin's declarations.
        group: of the entry point; its end is the plugin API's major version.
        distribution: the distribution's name.
        version: of the distribution.
        location: the directory it is installed in.
        selection: whether it will be loaded, and if not, why.
        entry_point: the entry point itself; None when the distribution's metadata is damaged.
        damage: what is wrong with the metadata.
        refusal: why the policy in force forbids it.
    """

    name: str
    module: str
    group: str
    distribution: str
    version: str
    location: str
    selection: Selection
    entry_point: EntryPoint | None = field(repr=False, eq=False)
    damage: str | None = None
    refusal: str | None = None

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}"

    @property
    def origin(self) -> str | None:
        """Where it was installed from when that is not a package index: a folder, a repository."""
        distribution = self.entry_point.dist if self.entry_point is not None else None
        return getattr(distribution.origin, "url", None) if distribution is not None else None

    @property
    def code_license(self) -> str | None:
        """The licence of its code as its distribution's metadata states it, as a rule an SPDX expression."""
        distribution = self.entry_point.dist if self.entry_point is not None else None
        return None if distribution is None else read_license(distribution)


def find_plugins(policy: Policy | None = None) -> list[PluginInfo]:
    """Return every installed plugin, also those that will not be loaded, ordered by name.

    Of a distribution that is found twice on `sys.path` the first counts, as for imports.

    Args:
        policy: what forbids some of them. None: the policy in force.

    Raises:
        InvalidPolicyError: there is a policy, and its file cannot be used.
    """
    from importlib_metadata import Distribution

    policy = policy or current_policy()
    found: list[PluginInfo] = []
    first_location: str | None = None
    path = existing_entries()
    for distribution in Distribution.discover(path=path):
        if first_location is None:
            first_location = _location(distribution)
        found.extend(_plugins_of(distribution, first_location, path, policy))
    return sorted(found, key=lambda plugin: (plugin.distribution.lower(), plugin.name, plugin.group))


def _plugins_of(distribution: Distribution, first_location: str, path: list[str], policy: Policy) -> list[PluginInfo]:
    try:
        text = distribution.read_text("entry_points.txt")
        if text is None or ENTRY_POINT_GROUP_PREFIX not in text:
            return []
        name, version = read_name_and_version(distribution)
        # Nothing stands before the first place. Looking for an earlier copy takes longer than all the rest.
        if _location(distribution) != first_location and _is_shadowed(distribution, name, path):
            return []
        return [
            _describe(distribution, entry_point, name, version, policy)
            for entry_point in distribution.entry_points
            if entry_point.group.startswith(ENTRY_POINT_GROUP_PREFIX)
        ]
    except Exception as error:  # whatever is wrong with one distribution's files must not hide the others
        return [_damaged(distribution, f"{type(error).__name__}: {error}")]


def _location(distribution: Distribution) -> str:
    return str(distribution.locate_file(""))


def _is_shadowed(distribution: Distribution, name: str, path: list[str]) -> bool:
    """Tell whether a copy of the distribution stands earlier on `path`."""
    first = next(iter(type(distribution).discover(name=name, path=path)))
    return _location(first) != _location(distribution)


def _describe(
    distribution: Distribution, entry_point: EntryPoint, name: str, version: str, policy: Policy
) -> PluginInfo:
    refusal = policy.refuse_plugin(name, lambda: read_license(distribution))
    names = {canonical_name(name), canonical_name(entry_point.name)}
    return PluginInfo(
        name=entry_point.name,
        module=entry_point.value,
        group=entry_point.group,
        distribution=name,
        version=version,
        location=_location(distribution),
        selection=_select(entry_point.group, names, refusal),
        entry_point=entry_point,
        refusal=refusal,
    )


def _damaged(distribution: Distribution, damage: str) -> PluginInfo:
    try:
        name, version = read_name_and_version(distribution)
    except (ValueError, OSError):  # its METADATA is what is damaged
        name = version = "unknown"
    return PluginInfo(
        name="unknown",
        module="unknown",
        group=ENTRY_POINT_GROUP,
        distribution=name,
        version=version,
        location=_location(distribution),
        selection="damaged",
        entry_point=None,
        damage=damage,
    )


def _select(group: str, names: set[str], refusal: str | None) -> Selection:
    if group != ENTRY_POINT_GROUP:
        return "incompatible"
    if refusal is not None:
        return "forbidden"
    return "enabled" if _switched_off(names) is None else "disabled"


def switched_off(plugin: PluginInfo) -> str | None:
    """Return which setting leaves out a plugin, in words; None when none does."""
    return _switched_off({canonical_name(plugin.distribution), canonical_name(plugin.name)})


def _switched_off(names: set[str]) -> str | None:
    only = ONLY_PLUGINS.get()
    if only is not None and not names & set(map(canonical_name, only)):
        return f"{ONLY_PLUGINS.name} does not name it"
    disabled = set(map(canonical_name, DISABLE_PLUGINS.get()))
    return f"{DISABLE_PLUGINS.name} names it" if "*" in disabled or names & disabled else None
