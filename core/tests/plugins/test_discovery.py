"""Plugins are found by metadata alone, described, and switched on or off."""

from __future__ import annotations

import sys

import pytest

from inference_models.distributions import canonical_name
from inference_models.plugins.discovery import PluginInfo, find_plugins

NOTHING = "x = 1\n"


def found(name: str) -> PluginInfo:
    return next(plugin for plugin in find_plugins() if plugin.distribution == name)


def test_a_plugin_is_described_without_being_imported(install_plugin) -> None:
    directory = install_plugin("acme-vision", NOTHING, version="2.3")
    plugin = found("acme-vision")
    assert (plugin.name, plugin.module, plugin.version) == ("acme-vision", "acme_vision", "2.3")
    assert plugin.location == str(directory)
    assert plugin.selection == "enabled"
    assert "acme_vision" not in sys.modules


def test_the_core_declares_its_own_providers_like_any_plugin() -> None:
    assert found("im-core").module == "inference_models.weights_providers.plugin"


def test_the_order_does_not_depend_on_the_path(install_plugin) -> None:
    install_plugin("zeta", NOTHING)
    install_plugin("alpha", NOTHING)
    names = [plugin.distribution.lower() for plugin in find_plugins()]
    assert names == sorted(names)


def test_a_distribution_found_twice_counts_once_and_the_first_on_the_path_wins(install_plugin) -> None:
    install_plugin("twice", NOTHING, version="1.0")
    install_plugin("twice", NOTHING, version="2.0")
    versions = [plugin.version for plugin in find_plugins() if plugin.distribution == "twice"]
    assert versions == ["2.0"], "the copy installed last stands first on sys.path"


def test_another_api_version_is_listed_as_incompatible(install_plugin) -> None:
    install_plugin("from-the-future", NOTHING, group="inference_models.v2")
    assert found("from-the-future").selection == "incompatible"


@pytest.mark.parametrize("spelling", ["acme-vision", "Acme_Vision", "acme.vision", "other, acme-vision", "*"])
def test_disabling_accepts_any_spelling_of_the_distribution(install_plugin, monkeypatch, spelling: str) -> None:
    install_plugin("acme-vision", NOTHING)
    monkeypatch.setenv("INFERENCE_MODELS_DISABLE_PLUGINS", spelling)
    assert found("acme-vision").selection == "disabled"


def test_disabling_accepts_the_name_of_the_entry_point(install_plugin, monkeypatch) -> None:
    install_plugin("acme-vision", NOTHING, entry_point="eyes")
    monkeypatch.setenv("INFERENCE_MODELS_DISABLE_PLUGINS", "eyes")
    assert found("acme-vision").selection == "disabled"


def test_only_keeps_the_named_ones(install_plugin, monkeypatch) -> None:
    install_plugin("wanted", NOTHING)
    install_plugin("unwanted", NOTHING)
    monkeypatch.setenv("INFERENCE_MODELS_ONLY_PLUGINS", "wanted")
    assert (found("wanted").selection, found("unwanted").selection) == ("enabled", "disabled")


def test_only_set_but_empty_keeps_none(install_plugin, monkeypatch) -> None:
    install_plugin("wanted", NOTHING)
    monkeypatch.setenv("INFERENCE_MODELS_ONLY_PLUGINS", "")
    assert {plugin.selection for plugin in find_plugins()} == {"disabled"}


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("METADATA", None),
        ("entry_points.txt", b"[inference_models.v1]\nno equals sign\n"),
        ("entry_points.txt", b"[inference_models.v1]\nx = \xff\xfe\n"),
    ],
)
def test_damaged_metadata_is_named_and_does_not_hide_the_other_plugins(
    install_plugin, file: str, content: bytes | None
) -> None:
    install_plugin("good", NOTHING)
    path = install_plugin("bad", NOTHING) / "bad-1.0.dist-info" / file
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    [damaged] = [plugin for plugin in find_plugins() if plugin.selection == "damaged"]
    assert damaged.location == str(path.parent.parent)
    assert damaged.damage
    assert found("good").selection == "enabled"


def test_a_newer_copy_without_a_plugin_shadows_an_older_one_with(install_plugin) -> None:
    install_plugin("twice", NOTHING, version="1.0")
    install_plugin("twice", NOTHING, version="2.0", group="something.else")
    assert "twice" not in {plugin.distribution for plugin in find_plugins()}


def test_names_compare_as_pep_503_says() -> None:
    assert canonical_name("Acme__Vision.-x") == "acme-vision-x"
