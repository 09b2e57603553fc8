from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Im = Callable[..., Result]
InstallPlugin = Callable[..., Path]


@pytest.fixture(autouse=True)
def only_these_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFERENCE_MODELS_ONLY_PLUGINS", "im-core,spot,acme,other,sick")


@pytest.fixture
def diagnose(im_run: Im) -> Callable[[], dict[str, Any]]:
    """Return a function that runs the doctor both ways, compares them, and returns the JSON document."""

    def call() -> dict[str, Any]:
        told, shown = im_run("doctor", "--json"), im_run("doctor")
        document: dict[str, Any] = json.loads(told.stdout)
        assert told.exit_code == shown.exit_code == (0 if document["ok"] else 1)
        assert document["ok"] == (document["problems"] == [])
        assert ("Nothing is broken." in shown.stdout) == document["ok"]
        for problem in document["problems"]:
            assert problem["subject"] in shown.stdout
            assert all(line in shown.stdout for line in problem["message"].splitlines())
        return document

    return call


Diagnose = Callable[[], dict[str, Any]]


def kinds(document: dict[str, Any]) -> list[tuple[str, str]]:
    return [(problem["kind"], problem["subject"]) for problem in document["problems"]]


def backend(detect: str) -> str:
    return f"""
from inference_models.developer_tools import BackendSpec, LazyClass, hookimpl
from inference_models import BackendUnavailable

def detect():
    {detect}

@hookimpl
def im_backends():
    return BackendSpec(name="npu", priority=1, detect=detect)
"""


@pytest.mark.usefixtures("spot")
def test_all_is_well(diagnose: Diagnose) -> None:
    document = diagnose()
    assert document["ok"]
    assert document["environment"]["backends"]["spot-npu"]["available"]
    assert document["environment"]["host"]["python"]
    assert "spot" in [row["name"] for row in document["plugins"]]


def test_a_backend_that_this_machine_lacks_is_not_broken(diagnose: Diagnose, install_plugin: InstallPlugin) -> None:
    install_plugin("acme", backend("raise BackendUnavailable('there is no NPU', 'buy one')"))
    document = diagnose()
    assert document["ok"]
    status = document["environment"]["backends"]["npu"]
    assert (status["available"], status["reason"], status["fix"]) == (False, "there is no NPU", "buy one")


def test_a_detection_that_fails_is(diagnose: Diagnose, install_plugin: InstallPlugin) -> None:
    install_plugin("acme", backend("raise OSError('libnpu.so: cannot open')"))
    document = diagnose()
    assert kinds(document) == [("backend", "npu")]
    assert "OSError: libnpu.so: cannot open (plugin acme 1.0)" in document["problems"][0]["message"]


def test_a_plugin_that_does_not_load(diagnose: Diagnose, install_plugin: InstallPlugin) -> None:
    install_plugin("sick", "import nowhere_to_be_found")
    document = diagnose()
    assert kinds(document) == [("plugin", "sick 1.0")]
    assert "No module named 'nowhere_to_be_found'" in document["problems"][0]["message"]


def test_a_conflict_and_how_it_is_settled(
    diagnose: Diagnose, install_plugin: InstallPlugin, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_plugin("acme", backend("return {}"))
    install_plugin("other", backend("return {}"))
    document = diagnose()
    assert kinds(document) == [("conflict", "backend:npu")]
    assert 'INFERENCE_MODELS_PREFER="backend:npu=acme"' in document["problems"][0]["message"]
    monkeypatch.setenv("INFERENCE_MODELS_PREFER", "backend:npu=acme")
    assert diagnose()["ok"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("INFERENCE_MODELS_PREFER", "nonsense"),
        ("INFERENCE_MODELS_STRICT_PLUGINS", "perhaps"),
        ("RUNNING_ON_JETSON", "perhaps"),
        ("API_CALLS_TIMEOUT", "-1"),
    ],
)
def test_a_value_that_cannot_be_used(
    diagnose: Diagnose, install_plugin: InstallPlugin, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    install_plugin("acme", backend("return {}"))
    install_plugin("other", backend("return {}"))
    install_plugin("sick", "")
    monkeypatch.setenv(name, value)
    document = diagnose()
    assert ("variable", name) in kinds(document)
    problem = next(one for one in document["problems"] if one["subject"] == name)
    assert repr(value) in problem["message"]


@pytest.mark.usefixtures("spot")
def test_variables_that_are_set_are_shown_and_keys_are_not(
    diagnose: Diagnose, im_run: Im, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEFAULT_DEVICE", "cuda:1")
    monkeypatch.delenv("L4T_VERSION", raising=False)
    monkeypatch.setenv("SPOT_TOKEN", "very-secret")
    variables = {row["name"]: row for row in diagnose()["variables"]}
    assert variables["DEFAULT_DEVICE"] == {
        "name": "DEFAULT_DEVICE",
        "value": "cuda:1",
        "secret": False,
        "problem": None,
        "note": None,
    }
    hidden = {"name": "SPOT_TOKEN", "value": None, "secret": True, "problem": None, "note": None}
    assert variables["SPOT_TOKEN"] == hidden
    assert "L4T_VERSION" not in variables
    assert "very-secret" not in im_run("doctor").output + im_run("doctor", "--json").output


def test_settings_of_backends_are_shown_too(
    diagnose: Diagnose, install_plugin: InstallPlugin, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = "priority=1, settings=['NPU_CORES', 'NPU_CLOCK', 'DEFAULT_DEVICE']"
    source = backend("return {}").replace("priority=1", settings)
    install_plugin("acme", source)
    monkeypatch.setenv("NPU_CORES", "3")
    monkeypatch.setenv("DEFAULT_DEVICE", "cpu")
    monkeypatch.delenv("NPU_CLOCK", raising=False)
    rows = [row for row in diagnose()["variables"] if row["name"] in ("NPU_CORES", "NPU_CLOCK", "DEFAULT_DEVICE")]
    assert [(row["name"], row["value"], row["secret"]) for row in rows] == [
        ("DEFAULT_DEVICE", "cpu", False),
        ("NPU_CORES", "3", False),
    ]


def test_strict_plugins_do_not_hide_the_rest(
    diagnose: Diagnose, install_plugin: InstallPlugin, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_plugin("sick", "raise RuntimeError('no luck')")
    monkeypatch.setenv("INFERENCE_MODELS_STRICT_PLUGINS", "1")
    document = diagnose()
    assert kinds(document) == [("plugin", "sick 1.0")]
    assert "im-core" in {plugin["distribution"] for plugin in document["plugins"]}
    assert document["environment"]["host"]["os"]


def test_what_a_working_backend_warns_of(diagnose: Diagnose, install_plugin: InstallPlugin) -> None:
    install_plugin("acme", backend("return {'warnings': ['two runtimes lie over each other']}"))
    document = diagnose()
    assert kinds(document) == [("backend", "npu")]
    assert document["problems"][0]["message"] == "two runtimes lie over each other"


def test_the_library_with_the_same_import_package(
    diagnose: Diagnose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = tmp_path / "inference_models-0.19.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: inference-models\nVersion: 0.19.0\n", "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    document = diagnose()
    assert kinds(document) == [("installation", "inference-models 0.19.0")]
    assert "pip uninstall inference-models im-core" in document["problems"][0]["message"]


def write_policy(path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.parent.chmod(0o755)
    path.write_text(text)
    path.chmod(0o644)
    monkeypatch.setenv("INFERENCE_MODELS_POLICY", str(path))
    return path


@pytest.mark.usefixtures("spot")
def test_the_policy_in_force_is_shown(
    diagnose: Diagnose, im_run: Im, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert diagnose()["policy"] is None
    path = write_policy(
        tmp_path / "etc/policy.toml", "[plugins]\nallow=['im-core']\n[providers]\nallow=[]", monkeypatch
    )
    document = diagnose()
    assert document["ok"]
    assert document["policy"]["file"] == str(path)
    assert document["policy"]["rules"] == {"plugins.allow": ["im-core"], "providers.allow": []}
    assert {row["name"]: row["status"] for row in document["plugins"]}["spot"] == "forbidden"
    lines = [line.split() for line in im_run("doctor").stdout.splitlines()]
    assert ["file", str(path)] in lines
    assert ["plugins.allow", "im-core"] in lines
    assert ["providers.allow", "nothing"] in lines


@pytest.mark.usefixtures("spot")
def test_a_policy_that_cannot_be_used_is_broken(
    diagnose: Diagnose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_policy(tmp_path / "etc/policy.toml", "[plugin]\nallow=['im-core']", monkeypatch)
    document = diagnose()
    assert kinds(document) == [("policy", "INFERENCE_MODELS_POLICY")]
    assert "Did you mean 'plugins'" in document["problems"][0]["message"]
    assert document["policy"] is None
    assert document["plugins"] == [], "nothing was imported"


@pytest.mark.usefixtures("spot")
def test_a_policy_that_anybody_can_change_is_broken(
    diagnose: Diagnose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_policy(tmp_path / "etc/policy.toml", "[packages]\nuntrusted = false", monkeypatch)
    path.chmod(0o666)
    document = diagnose()
    assert kinds(document) == [("policy", str(path))]
    assert "can be written by every user" in document["problems"][0]["message"]


@pytest.mark.usefixtures("spot")
def test_a_policy_that_is_set_but_empty_is_a_mistaken_variable(
    diagnose: Diagnose, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFERENCE_MODELS_POLICY", "")
    assert kinds(diagnose()) == [("variable", "INFERENCE_MODELS_POLICY")]
