"""What an installed plugin says about itself: licence, requirements, types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inference_models._version import __version__
from inference_models.distributions import canonical_name, read_license
from inference_models.policy.licenses import read_expression
from inference_models.testing.checks.findings import Finding, NotChecked
from inference_models.testing.checks.plugin_subject import CORE, PluginSubject, places

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_STATE_LICENCE = (
    'Write an SPDX expression into [project] of pyproject.toml, for example license = "Apache-2.0"; '
    '"LicenseRef-..." for a licence of your own.'
)


def check_licence(plugin: PluginSubject) -> None:
    """The metadata states the licence of the plugin's code, which companies must know."""
    metadata = plugin.installed.metadata
    stated = [metadata.get("License-Expression"), metadata.get("License")]
    stated += [text for text in metadata.get_all("Classifier") or () if text.startswith("License ::")]
    if not any(text and text.strip().upper() != "UNKNOWN" for text in stated):
        raise Finding(
            f"The metadata of {plugin} states no licence.",
            _STATE_LICENCE,
        )
    code_license = read_license(plugin.installed)
    if code_license is not None and read_expression(code_license) is None:
        raise Finding(
            f"The metadata of {plugin} states the licence {code_license[:80]!r}, which is no SPDX expression: a policy "
            f"on licences refuses the plugin.",
            _STATE_LICENCE,
        )


def check_requirements(plugin: PluginSubject) -> None:
    """The metadata states which core and which Python the plugin is made for, and the installed core is one of them."""
    metadata = plugin.installed.metadata
    if not metadata.get("Requires-Python"):
        raise Finding(
            f"The metadata of {plugin} does not state which Python it is made for.",
            'Write requires-python = ">=3.11" into [project] of pyproject.toml.',
        )
    if plugin.is_core:
        return
    core = [one for one in _requirements(plugin) if canonical_name(one.name) == CORE and one.marker is None]
    if not any(str(one.specifier) for one in core):
        raise Finding(
            f"The metadata of {plugin} does not state which versions of {CORE} it is made for.",
            f'Write "{CORE}>={__version__},<..." into the dependencies in pyproject.toml: a plugin API may change with '
            f"the minor version until 1.0.",
        )
    for one in core:
        if not one.specifier.contains(__version__, prereleases=True):
            raise Finding(
                f"{plugin} requires {one}, and {CORE} {__version__} is installed.",
                "Install versions that match, or widen the requirement in pyproject.toml if it works with both.",
            )


def _requirements(plugin: PluginSubject) -> list[Requirement]:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        return [Requirement(text) for text in plugin.installed.metadata.get_all("Requires-Dist") or ()]
    except InvalidRequirement as error:
        raise Finding(f"The metadata of {plugin} has an unreadable requirement: {error}.", "Correct it.") from None


def check_types(plugin: PluginSubject) -> None:
    """The plugin's packages carry `py.typed`, so that type checkers read their annotations."""
    directories = [place for package in plugin.packages for place in places(package) if place.is_dir()]
    if not directories:
        raise NotChecked(f"{plugin} is a single module, which cannot carry py.typed")
    for directory in directories:
        if not (directory / "py.typed").is_file():
            raise Finding(
                f"{directory} has no file py.typed, so type checkers ignore the annotations in {plugin}.",
                "Add an empty file py.typed beside __init__.py, and see that it is in the wheel.",
            )
