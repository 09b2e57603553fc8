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

    def test_has_an_entry_point(self, plugin: PluginSubject) -> None:
        """It has an entry point in the group of this plugin API."""
        self.run_check(checks.check_entry_point, plugin)

    def test_imports_and_declares(self, plugin: PluginSubject) -> None:
        """It imports, and its hooks answer with specs."""
        self.run_check(checks.check_loading, plugin)

    def test_hooks_match_their_specifications(self, plugin: PluginSubject) -> None:
        """What is marked as a hook is one, and what is named like one is marked."""
        self.run_check(checks.check_hooks, plugin)

    def test_hooks_are_repeatable(self, plugin: PluginSubject) -> None:
        """Its hooks give the same answer always and everywhere."""
        self.run_check(checks.check_repeatability, plugin)

    def test_import_is_light(self, plugin: PluginSubject) -> None:
        """Importing it imports no library and costs little."""
        self.run_check(checks.check_cost, plugin)

    def test_import_does_nothing_else(self, plugin: PluginSubject) -> None:
        """Importing it connects to nothing and changes nothing."""
        self.run_check(checks.check_side_effects, plugin)

    def test_uses_nothing_deprecated(self, plugin: PluginSubject) -> None:
        """Importing it raises no DeprecationWarning."""
        self.run_check(checks.check_deprecations, plugin)

    def test_imports_only_what_is_promised(self, plugin: PluginSubject) -> None:
        """It imports neither the core's insides nor another plugin."""
        self.run_check(checks.check_imports, plugin)

    def test_keys_are_unique(self, plugin: PluginSubject) -> None:
        """Nobody else declares what it declares."""
        self.run_check(checks.check_keys, plugin)

    def test_targets_resolve(self, plugin: PluginSubject) -> None:
        """What its specs point at is there."""
        self.run_check(targets.check_targets, plugin)

    def test_targets_take_what_they_are_given(self, plugin: PluginSubject) -> None:
        """What its specs point at can be called as the core calls it."""
        self.run_check(targets.check_signatures, plugin)

    def test_states_its_licence(self, plugin: PluginSubject) -> None:
        """Its metadata states its licence."""
        self.run_check(plugin_metadata.check_licence, plugin)

    def test_states_its_requirements(self, plugin: PluginSubject) -> None:
        """Its metadata states which core and which Python it is made for."""
        self.run_check(plugin_metadata.check_requirements, plugin)

    def test_ships_its_types(self, plugin: PluginSubject) -> None:
        """It carries py.typed."""
        self.run_check(plugin_metadata.check_types, plugin)
