"""Whether what an implementation needs is installed, from distribution metadata: nothing is imported to find out."""

from __future__ import annotations

from collections.abc import Callable

from inference_models.errors import PluginError


def unmet(requirement: str, version_of: Callable[[str], str | None]) -> str | None:
    """Return why a requirement is not met, with the command that mends it; None when it is.

    Args:
        requirement: as pip takes it, for example "transformers>=5.5". Its extras are not looked at.
        version_of: gives the version of an installed distribution, None for one that is not installed.

    Raises:
        PluginError: the requirement cannot be read.
    """
    # A tenth of the time that importing the core takes, and only a few implementations require something.
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.version import InvalidVersion, Version

    try:
        wanted = Requirement(requirement)
    except InvalidRequirement as error:
        raise PluginError(
            f"{requirement!r} is not a requirement as pip takes it: {error}. The plugin must be corrected."
        ) from None
    if wanted.marker is not None and not wanted.marker.evaluate():
        return None
    fix = f"; to fix it: pip install '{wanted.name}{wanted.specifier}'"
    found = version_of(wanted.name)
    if found is None:
        return f"{wanted.name} is not installed{fix}"
    try:
        fits = wanted.specifier.contains(Version(found), prereleases=True)
    except InvalidVersion:  # damaged metadata says nothing against it
        return None
    return None if fits else f"{wanted.name} {found} is installed, and {wanted.specifier} is needed{fix}"
