"""A plugin that the policy forbids is never imported, however it is asked for."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from inference_models import AutoModel, InvalidPolicyError, NoModelPackagesAvailableError, PolicyViolationError
from inference_models.catalog import current_catalog
from inference_models.cli.application import im
from inference_models.plugins import PluginInfo, find_plugins, load_plugins

# Imported, it leaves a trace.
TRACE = "import sys\nsys.modules['trace_of_{0}'] = sys\n"


def found(name: str) -> PluginInfo:
    return next(plugin for plugin in find_plugins() if plugin.distribution == name)


def state_license(directory: Path, *headers: str) -> None:
    [metadata] = directory.glob("*.dist-info/METADATA")
    metadata.write_text(metadata.read_text("utf-8") + "".join(f"{line}\n" for line in headers), "utf-8")


@pytest.fixture(autouse=True)
def _no_traces():
    yield
    for name in [name for name in sys.modules if name.startswith("trace_of_")]:
        del sys.modules[name]


@pytest.mark.parametrize("variable", ["", "acme-vision", "*", "acme-vision,wanted"])
def test_only_what_is_named_is_imported(policy, install_plugin, monkeypatch, variable: str) -> None:
    install_plugin("acme-vision", TRACE.format("acme"))
    install_plugin("wanted", TRACE.format("wanted"))
    path = policy("[plugins]\nallow = ['Wanted']")
    if variable:
        monkeypatch.setenv("INFERENCE_MODELS_ONLY_PLUGINS", variable)
    current_catalog()
    assert "trace_of_acme" not in sys.modules
    assert "acme_vision" not in sys.modules
    plugin = found("acme-vision")
    assert plugin.selection == "forbidden"
    assert "plugins.allow does not name acme-vision" in str(plugin.refusal)
    assert str(path) in str(plugin.refusal)
    assert ("trace_of_wanted" in sys.modules) == ("wanted" in variable or not variable)


def test_the_name_of_an_entry_point_does_not_count(policy, install_plugin) -> None:
    install_plugin("acme-vision", TRACE.format("acme"), entry_point="wanted")
    policy("[plugins]\nallow = ['wanted']")
    assert found("acme-vision").selection == "forbidden"


def test_an_empty_list_lets_none_in(policy) -> None:
    policy("[plugins]\nallow = []")
    assert {plugin.selection for plugin in find_plugins()} <= {"forbidden", "incompatible"}
    assert current_catalog().providers() == []


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        (["License-Expression: MIT"], True),
        (["License-Expression: MIT OR GPL-3.0-only"], True),
        (["License-Expression: MIT AND GPL-3.0-only"], False),
        (["License-Expression: GPL-3.0-only"], False),
        (["License: MIT"], True),
        (["License: GPL-3.0-only", "License-Expression: MIT"], True),
        (["License: MIT", "License-Expression: GPL-3.0-only"], False),
        (["License: MIT License"], False),
        (["License: MIT", "        with a clause of our own"], False),
        (["License: UNKNOWN"], False),
        (["Classifier: License :: OSI Approved :: MIT License"], False),
        ([], False),
        (["", "License-Expression: MIT"], False),
    ],
)
def test_the_licence_of_its_code(policy, install_plugin, headers: list[str], allowed: bool) -> None:
    state_license(install_plugin("acme-vision", TRACE.format("acme")), *headers)
    policy("[licenses]\ncode = ['MIT', 'Apache-2.0']")
    current_catalog()
    assert ("trace_of_acme" in sys.modules) is allowed
    assert (found("acme-vision").selection == "enabled") is allowed


def test_an_unknown_licence_is_refused_with_the_way_out(policy, install_plugin) -> None:
    install_plugin("acme-vision", "")
    policy("[licenses]\ncode = ['MIT']")
    assert "whoever publishes it must state License-Expression" in str(found("acme-vision").refusal)


def test_another_policy_means_another_look(policy, install_plugin) -> None:
    install_plugin("acme-vision", TRACE.format("acme"))
    policy("[plugins]\nallow = ['im-core']")
    assert [plugin.info.distribution for plugin in current_catalog().plugins] == ["im-core"]
    policy("[plugins]\nallow = ['acme-vision']")
    assert [plugin.info.distribution for plugin in current_catalog().plugins] == ["acme-vision"]


def test_a_change_while_plugins_are_found_lets_none_stay(policy, install_plugin, monkeypatch) -> None:
    install_plugin("acme-vision", TRACE.format("acme"))
    path = policy("[plugins]\nallow = ['im-core']")
    strict = path.read_text()

    def change_first(find):
        path.write_text("[plugins]\nallow = ['acme-vision']")
        return load_plugins(find)

    monkeypatch.setattr("inference_models.catalog.load_plugins", change_first)
    current_catalog()
    path.write_text(strict)
    assert [plugin.info.distribution for plugin in current_catalog().plugins] == ["im-core"]


def test_a_policy_that_cannot_be_used_lets_nothing_be_imported(policy, install_plugin) -> None:
    install_plugin("acme-vision", TRACE.format("acme"))
    policy("[plugin]\nallow = ['acme-vision']")
    with pytest.raises(InvalidPolicyError):
        current_catalog()
    assert "trace_of_acme" not in sys.modules


MODELS = """
from pathlib import Path
from inference_models.developer_tools import BackendSpec, LazyClass, ModelSpec, hookimpl

@hookimpl
def im_backends():
    return BackendSpec(name="npu", priority=1, detect=dict)

@hookimpl
def im_models():
    return ModelSpec(architectures="net", task_type="counting", backends="npu", target=LazyClass("nowhere", "X"))
"""


def test_errors_about_what_is_missing_name_the_policy(policy, install_plugin, tmp_path: Path) -> None:
    install_plugin("acme-vision", MODELS)
    path = policy("[plugins]\nallow = ['im-core']")
    config = {"model_architecture": "net", "task_type": "counting", "backend_type": "npu"}
    (tmp_path / "model_config.json").write_text(json.dumps(config))
    with pytest.raises(NoModelPackagesAvailableError) as caught:
        AutoModel.from_pretrained(tmp_path)
    assert f"acme-vision 1.0: the policy {path} forbids it: plugins.allow" in caught.value.message


def test_the_command_line_shows_it(policy, install_plugin) -> None:
    install_plugin("acme-vision", TRACE.format("acme"))
    policy("[plugins]\nallow = ['im-core']")
    result = CliRunner().invoke(im, ["plugins", "--json"])
    rows = {row["distribution"]: row for row in json.loads(result.stdout)["plugins"]}
    assert rows["acme-vision"]["status"] == "forbidden"
    assert rows["acme-vision"]["problems"][0]["stage"] == "policy"
    assert rows["im-core"]["code_license"] == "Apache-2.0"
    assert "plugins.allow does not name acme-vision" in CliRunner().invoke(im, ["plugins"]).stdout


def test_it_cannot_be_checked_either(policy, install_plugin) -> None:
    install_plugin("acme-vision", TRACE.format("acme"))
    policy("[plugins]\nallow = ['im-core']")
    result = CliRunner().invoke(im, ["plugins", "check", "acme-vision", "--json"])
    rows = {row["check"]: row for row in json.loads(result.stdout)["checks"]}
    assert (result.exit_code, rows["imports_and_declares"]["state"]) == (1, "failed")
    assert "plugins.allow does not name acme-vision" in rows["imports_and_declares"]["reason"]
    assert "trace_of_acme" not in sys.modules


def test_a_forbidden_provider_is_not_asked_for_a_check(policy, install_plugin) -> None:
    install_plugin("acme-vision", PROVIDER)
    policy("[providers]\nallow = ['local']")
    result = CliRunner().invoke(im, ["plugins", "check", "acme-vision", "--model-id", "x", "--json"])
    checks = [row for row in json.loads(result.stdout)["checks"] if row["contract"] == "provider vault"]
    assert checks
    assert {row["state"] for row in checks} == {"skipped"}
    assert "providers.allow does not name 'vault'" in checks[0]["reason"]


def test_a_forbidden_provider_is_not_resolved_for_a_hint(policy, install_plugin) -> None:
    install_plugin("acme-vision", PROVIDER)
    policy("[providers]\nallow = ['local']")
    for ask in (
        lambda: AutoModel.from_pretrained("vault://thing"),
        lambda: AutoModel.explain("vault://thing"),
        lambda: AutoModel.describe_model("thing", weights_provider="Vault"),
        lambda: AutoModel.list_available_models("vault"),
    ):
        with pytest.raises(PolicyViolationError, match=r"providers.allow does not name '[vV]ault' \(it allows local\)"):
            ask()
    assert AutoModel.list_available_models().keys().isdisjoint({"vault"})
    assert "vault_provider" not in sys.modules


PROVIDER = """
from inference_models.developer_tools import LazyClass, WeightsProviderSpec, hookimpl

@hookimpl
def im_weights_providers():
    return WeightsProviderSpec(
        name="vault", target=LazyClass("vault_provider", "get_model"), list_models=LazyClass("vault_provider", "names")
    )
"""
