"""A good plugin passes every check; one that is broken in one way fails the check that is about it, and no other."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from inference_models.testing.checks import contracts, plugin
from inference_models.testing.checks.plugin_subject import PluginSubject

acme = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("acme.py"))))
InstallPlugin = Callable[..., Path]
Change = tuple[str, str]

RIVAL = """
from inference_models.developer_tools import PipelineSpec, hookimpl

@hookimpl
def im_pipelines():
    return PipelineSpec(id="{id}", target=dict)
"""


def after_imports(code: str) -> Change:
    """Return the change that puts code below the imports of plugin.py."""
    end = "    hookimpl,\n)\n"
    return end, end + code


def at_import(code: str) -> Change:
    """Return the change that puts code into a module, right after its first statement."""
    first = "from __future__ import annotations\n"
    return first, first + code


MANY_MODULES = "import asyncio, concurrent.futures.process, email.mime.text, unittest.mock, xml.dom.minidom\n"
INSIDE = "def _late():\n    from inference_models.catalog import Catalog\n"
OLD_WAY = '__import__("warnings").warn("the old way goes in 0.9, write new()", DeprecationWarning)\n'
FOR_TYPES = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from inference_models.catalog import Catalog\n"
NEEDS = ("import json\n", "import json\nimport acme_runtime\n")
TEXT_FOR_TARGET = ('LazyClass("acme_models.pipeline", "Twice")', '"acme_models.pipeline:Twice"')

# the check, what is changed in the plugin, words of the finding
BROKEN: list[tuple[str, dict[str, Change], str]] = [
    ("has_an_entry_point", {"entry_points.txt": ("inference_models.v1", "acme.plugins")}, "some in acme.plugins"),
    ("has_an_entry_point", {"entry_points.txt": (".v1", ".v2")}, "another version of the plugin API"),
    ("imports_and_declares", {"plugin.py": after_imports("1 / 0\n")}, "ZeroDivisionError"),
    ("imports_and_declares", {"plugin.py": after_imports("raise SystemExit(3)\n")}, "SystemExit"),
    ("imports_and_declares", {"plugin.py": ("return PipelineSpec(", "return dict(")}, "im_pipelines returned 'str'"),
    ("imports_and_declares", {"plugin.py": TEXT_FOR_TARGET}, "must be LazyClass("),
    ("imports_and_declares", {"entry_points.txt": (".plugin", "")}, "declares nothing"),
    ("hooks_match_their_specifications", {"plugin.py": ("@hookimpl\ndef im_pip", "def im_pip")}, "is not marked"),
    ("hooks_match_their_specifications", {"plugin.py": ("def im_pipelines", "def im_pipeline")}, "which is no hook"),
    (
        "hooks_match_their_specifications",
        {"plugin.py": ("im_pipelines()", "im_pipelines(config)")},
        "takes an argument",
    ),
    (
        "hooks_are_repeatable",
        {"plugin.py": ("priority=1", "priority=__import__('time').time_ns()")},
        "im_backends gives",
    ),
    ("hooks_are_repeatable", {"plugin.py": ("priority=1", "priority=__import__('os').getpid()")}, "in another process"),
    ("import_is_light", {"plugin.py": after_imports("import numpy\n")}, "imports numpy"),
    ("import_is_light", {"plugin.py": after_imports(MANY_MODULES)}, "40 at most"),
    ("import_does_nothing_else", {"plugin.py": after_imports("__import__('time').sleep(0.01)\n")}, "slept for 0.01 s"),
    (
        "import_does_nothing_else",
        {"plugin.py": after_imports("__import__('os').system('true')\n")},
        "started the program",
    ),
    ("import_does_nothing_else", {"plugin.py": after_imports("open(__file__ + '.log', 'w').close()\n")}, "wrote to"),
    ("uses_nothing_deprecated", {"plugin.py": after_imports(OLD_WAY)}, "the old way goes in 0.9, write new() ("),
    (
        "uses_nothing_deprecated",
        {"plugin.py": ("def im_pipelines():\n", f"def im_pipelines():\n    {OLD_WAY}")},
        "the old way goes in 0.9",
    ),
    ("imports_only_what_is_promised", {"model.py": at_import(INSIDE)}, "imports inference_models.catalog.Catalog"),
    (
        "imports_only_what_is_promised",
        {"model.py": at_import("def _late():\n    import rival_models\n")},
        "rival-models",
    ),
    ("keys_are_unique", {"plugin.py": ('id="acme-twice"', 'id="rival-pipeline"')}, "rival-models"),
    ("targets_resolve", {"plugin.py": ('"AcmeNet"', '"AcmeNets"')}, "Did you mean 'AcmeNet'"),
    (
        "targets_resolve",
        {"plugin.py": ('acme_models.model", "A', 'acme_models.models", "A')},
        "no module acme_models.models",
    ),
    ("targets_resolve", {"model.py": at_import("import acme_runtime\n")}, "state it as `requires`"),
    ("targets_resolve", {"detection.py": at_import("import acme_runtime\n")}, "wherever the plugin is installed"),
    ("targets_resolve", {"session.py": NEEDS}, "Let `detect` raise BackendUnavailable"),
    (
        "targets_take_what_they_are_given",
        {"detection.py": ("environment, request", "environment")},
        "too many positional",
    ),
    (
        "targets_take_what_they_are_given",
        {"model.py": ("def from_pretrained", "def load")},
        "'from_pretrained' is NoneType",
    ),
    ("targets_take_what_they_are_given", {"session.py": ("directory, *, device", "directory, device, gpu")}, "'gpu'"),
    ("states_its_licence", {"METADATA": ("License-Expression: MIT\n", "")}, "states no licence"),
    ("states_its_licence", {"METADATA": ("License-Expression: MIT", "License: The usual")}, "'The usual', which is no"),
    ("states_its_requirements", {"METADATA": ("Requires-Python: >=3.11\n", "")}, "which Python"),
    ("states_its_requirements", {"METADATA": ("im-core>=", "im-cores>=")}, "which versions of im-core"),
    ("states_its_requirements", {"METADATA": ("im-core>=", "im-core>=9")}, "im-core"),
    ("ships_its_types", {"py.typed": ("typed", "")}, "no file py.typed"),
]


@pytest.fixture(autouse=True)
def _rival(install_plugin: InstallPlugin) -> None:
    """Install another plugin, so that there is one to be mixed up with."""
    install_plugin("rival-models", RIVAL.format(id="rival-pipeline"))


def test_a_good_plugin_passes(tmp_path: Path) -> None:
    with acme.installed(tmp_path / "site"):
        outcomes = acme.outcomes(contracts.PLUGIN, PluginSubject("Acme_Models"))
    assert {name: (one.state, one.reason) for name, one in outcomes.items()} == dict.fromkeys(
        contracts.PLUGIN, ("passed", None)
    )


@pytest.mark.filterwarnings("ignore:the old way:DeprecationWarning")  # here, not in the process that the check starts
@pytest.mark.parametrize(
    ("check", "changes", "words"), BROKEN, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_broken_plugin_fails_one_check(tmp_path: Path, check: str, changes: dict[str, Change], words: str) -> None:
    with acme.installed(tmp_path / "site", changes):
        failures = acme.failures(contracts.PLUGIN, PluginSubject("acme-models"))
    assert list(failures) == [check], failures
    assert words in failures[check]


def test_every_check_is_broken_above() -> None:
    assert {check for check, _, _ in BROKEN} == set(contracts.PLUGIN)


def test_what_costs_too_much_is_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin, "TIME_BUDGET", 1e-6)
    with acme.installed(tmp_path / "site"):
        failures = acme.failures(contracts.PLUGIN, PluginSubject("acme-models"))
    assert list(failures) == ["import_is_light"]
    assert "CPU time" in failures["import_is_light"]


def test_imports_that_only_type_checkers_see_are_free(tmp_path: Path) -> None:
    with acme.installed(tmp_path / "site", {"model.py": at_import(FOR_TYPES)}):
        assert acme.failures(contracts.PLUGIN, PluginSubject("acme-models")) == {}


def test_a_file_that_is_not_python_is_named(tmp_path: Path) -> None:
    with acme.installed(tmp_path / "site", {"pipeline.py": at_import("def (\n")}):
        failures = acme.failures(contracts.PLUGIN, PluginSubject("acme-models"))
    assert set(failures) == {"imports_only_what_is_promised", "targets_resolve"}
    assert "pipeline.py cannot be read as Python" in failures["imports_only_what_is_promised"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {
                "model.py": at_import("import acme_runtime\n"),
                "plugin.py": ('task_type="regression"', 'task_type="regression", requires="acme-runtime>=2"'),
            },
            "pip install 'acme-runtime>=2'",
        ),
        (
            {
                "session.py": NEEDS,
                "detection.py": (
                    "    return {",
                    "    from inference_models import BackendUnavailable\n"
                    "    raise BackendUnavailable('acme-runtime is not installed')\n    return {",
                ),
            },
            "acme-runtime is not installed",
        ),
    ],
    ids=["requires", "detect"],
)
def test_a_target_may_lack_what_the_spec_says_is_missing(
    tmp_path: Path, changes: dict[str, Change], reason: str
) -> None:
    with acme.installed(tmp_path / "site", changes):
        outcomes = acme.outcomes(contracts.PLUGIN, PluginSubject("acme-models"))
    assert {name for name, one in outcomes.items() if one.state != "passed"} == {"targets_resolve"}
    assert outcomes["targets_resolve"].state == "skipped"
    assert reason in (outcomes["targets_resolve"].reason or "")


def test_a_plugin_that_is_not_installed() -> None:
    outcomes = acme.outcomes(contracts.PLUGIN, PluginSubject("rival-model"))
    assert outcomes["has_an_entry_point"].state == "failed"
    assert "Did you mean 'rival-models'" in (outcomes["has_an_entry_point"].reason or "")
    assert {one.state for name, one in outcomes.items() if name != "has_an_entry_point"} == {"skipped"}


def test_a_plugin_that_the_policy_forbids_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('[plugins]\nallow = ["im-core"]\n')
    monkeypatch.setenv("INFERENCE_MODELS_POLICY", str(policy))
    with acme.installed(tmp_path / "site", {"plugin.py": after_imports("raise KeyboardInterrupt\n")}):
        outcomes = acme.outcomes(contracts.PLUGIN, PluginSubject("acme-models"))
    assert outcomes["imports_and_declares"].state == "failed"
    assert outcomes["import_is_light"].state == "skipped"
    assert "plugins.allow does not name acme-models" in (outcomes["imports_and_declares"].reason or "")


def test_a_plugin_that_is_switched_off_is_checked_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFERENCE_MODELS_DISABLE_PLUGINS", "*")
    with acme.installed(tmp_path / "site"):
        assert acme.failures(contracts.PLUGIN, PluginSubject("acme-models")) == {}
