"""The contract of every plugin."""

from __future__ import annotations

from typing import ClassVar

import pytest

from inference_models.testing.checks import plugin as checks
from inference_models.testing.checks import plugin_metadata, targets
from inference_models.testing.checks.plugin_subject import PluginSubject
from inference_models.testing.rules import Contract


class PluginContract(Contract, contract=True):
    """What an installed plugin keeps to, whatever it declares.

    Attributes:
        distribution: the name of the installed distribution.
    """

    distribution: ClassVar[str]

    @pytest.fixture
    def plugin(self) -> PluginSubject:
        """Return the plugin as the checks take it; the same for all tests of a class."""
        name = self.stated("distribution", "the name of the installed distribution")
        return self.kept("plugin", lambda: PluginSubject(name))

    def test_entry_point(self, plugin: PluginSubject) -> None:
        self.run_check(checks.entry_point, plugin)

    def test_imports_and_declares(self, plugin: PluginSubject) -> None:
        self.run_check(checks.imports_and_declares, plugin)

    def test_hooks_match_their_specifications(self, plugin: PluginSubject) -> None:
        self.run_check(checks.hooks_match_their_specifications, plugin)

    def test_hooks_are_repeatable(self, plugin: PluginSubject) -> None:
        self.run_check(checks.hooks_are_repeatable, plugin)

    def test_import_is_light(self, plugin: PluginSubject) -> None:
        self.run_check(checks.import_is_light, plugin)

    def test_import_does_nothing_else(self, plugin: PluginSubject) -> None:
        self.run_check(checks.import_does_nothing_else, plugin)

    def test_imports_only_what_is_promised(self, plugin: PluginSubject) -> None:
        self.run_check(checks.imports_only_what_is_promised, plugin)

    def test_keys_are_unique(self, plugin: PluginSubject) -> None:
        self.run_check(checks.keys_are_unique, plugin)

    def test_targets_resolve(self, plugin: PluginSubject) -> None:
        self.run_check(targets.targets_resolve, plugin)

    def test_targets_take_what_they_are_given(self, plugin: PluginSubject) -> None:
        self.run_check(targets.targets_take_what_they_are_given, plugin)

    def test_licence(self, plugin: PluginSubject) -> None:
        self.run_check(plugin_metadata.licence, plugin)

    def test_requirements(self, plugin: PluginSubject) -> None:
        self.run_check(plugin_metadata.requirements, plugin)

    def test_types(self, plugin: PluginSubject) -> None:
        self.run_check(plugin_metadata.types, plugin)
