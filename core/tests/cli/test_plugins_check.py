"""`im plugins check`: the contracts of what is installed, as a report."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import Result

from inference_models.testing.checks import contracts

acme = SimpleNamespace(**runpy.run_path(str(Path(__file__).parents[1] / "testing" / "acme.py")))
Im = Callable[..., Result]
OFFLINE_SPEC = ('        name="acme",', '        name="acme", works_offline=True,')
LOCAL = ("    greet_server()\n", "")


@pytest.fixture(autouse=True)
def _server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("ACME_KEY", raising=False)
    with acme.listening() as port:
        monkeypatch.setenv("ACME_PORT", str(port))
        yield


def checks(result: Result) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the rows of the JSON document by contract and check."""
    document = json.loads(result.stdout)
    assert document["schema"] == 1
    rows: dict[str, dict[str, dict[str, Any]]] = {}
    for row in document["checks"]:
        rows.setdefault(row["contract"], {})[row["check"]] = row
    return rows


def states(rows: dict[str, dict[str, Any]]) -> set[str]:
    return {row["state"] for row in rows.values()}


def test_a_good_plugin(im_run: Im, tmp_path: Path) -> None:
    with acme.installed(tmp_path / "site"):
        result = im_run("plugins", "check", "Acme.Models", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["ok"] is True
    rows = checks(result)
    assert list(rows["plugin acme-models"]) == list(contracts.PLUGIN)
    assert states(rows["plugin acme-models"]) == {"passed"}
    assert tuple(rows["backend acme-npu"]) == contracts.WITHOUT_PACKAGE
    assert states(rows["backend acme-npu"]) == {"passed"}
    assert states(rows["provider acme"]) == {"skipped"}, "it may ask a server"
    assert "--model-id" in rows["provider acme"]["metadata_is_valid"]["reason"]


@pytest.mark.parametrize("model_id", ["bolts", "acme://bolts", "ACME://bolts"])
def test_a_provider_that_asks_a_server(
    im_run: Im, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model_id: str
) -> None:
    monkeypatch.setenv("ACME_KEY", acme.KEY)
    with acme.installed(tmp_path / "site"):
        result = im_run("plugins", "check", "acme-models", "--model-id", model_id, "--json")
    assert result.exit_code == 0, result.output
    assert states(checks(result)["provider acme"]) == {"passed"}
    assert acme.KEY not in result.output


def test_a_provider_that_works_offline_is_asked_for_the_first_model_that_it_lists(im_run: Im, tmp_path: Path) -> None:
    key = ("if key != KEY", "if False")
    with acme.installed(tmp_path / "site", {"plugin.py": OFFLINE_SPEC, "provider.py": LOCAL}, {"provider.py": key}):
        result = im_run("plugins", "check", "acme-models", "--json")
    assert result.exit_code == 0, result.output
    rows = checks(result)["provider acme"]
    assert {name for name, row in rows.items() if row["state"] == "skipped"} == {"reads_its_key_from_its_variable"}


def test_a_broken_plugin(im_run: Im, tmp_path: Path) -> None:
    with acme.installed(tmp_path / "site", {"METADATA": ("License-Expression: MIT\n", "")}):
        result = im_run("plugins", "check", "acme-models")
        document = json.loads(im_run("plugins", "check", "acme-models", "--json").stdout)
    assert result.exit_code == 1
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "plugin acme-models states its licence failed The metadata of acme-models states no licence." in lines
    assert lines[-1] == "17 passed, 1 failed, 11 skipped"
    (change,) = [line for line in lines[lines.index("To change") :] if line.startswith("plugin acme-models")]
    assert 'license = "Apache-2.0"' in change
    assert document["ok"] is False
    assert [row["check"] for row in document["checks"] if row["state"] == "failed"] == ["states_its_licence"]
    assert all((row["change"] is None) == (row["state"] != "failed") for row in document["checks"])


def test_a_plugin_that_does_not_import(im_run: Im, tmp_path: Path) -> None:
    with acme.installed(tmp_path / "site", {"plugin.py": ("import annotations\n", "import annotations\n1 / 0\n")}):
        result = im_run("plugins", "check", "acme-models", "--json")
    assert result.exit_code == 1
    (rows,) = checks(result).values()
    failed = {name: row["reason"] for name, row in rows.items() if row["state"] == "failed"}
    assert list(failed) == ["imports_and_declares"]
    assert "ZeroDivisionError: division by zero" in failed["imports_and_declares"]


def test_an_unknown_name_is_an_error_that_names_near_ones(im_run: Im, tmp_path: Path) -> None:
    with acme.installed(tmp_path / "site"):
        result = im_run("plugins", "check", "acme-model")
    assert result.exit_code == 1
    assert "Did you mean 'acme-models'?" in result.stderr


def test_an_id_of_another_provider_is_an_error(im_run: Im, tmp_path: Path) -> None:
    with acme.installed(tmp_path / "site"):
        result = im_run("plugins", "check", "acme-models", "--model-id", "demo://shapes")
    assert result.exit_code == 1
    assert "acme://" in result.stderr


def test_what_is_switched_off_is_not_asked(im_run: Im, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFERENCE_MODELS_DISABLE_PLUGINS", "acme-models")
    with acme.installed(tmp_path / "site"):
        result = im_run("plugins", "check", "acme-models", "--json")
    assert result.exit_code == 0, result.output
    rows = checks(result)
    assert states(rows["plugin acme-models"]) == {"passed"}
    assert states(rows["backend acme-npu"]) == states(rows["provider acme"]) == {"skipped"}
    assert "it is not in use" in rows["backend acme-npu"]["detect_answers"]["reason"]


def test_a_model_is_loaded_and_checked(im_run: Im, spot: Path) -> None:
    result = im_run("plugins", "check", "spot", "--model", "spot://bright", "--json")
    rows = checks(result)["model spot://bright"]
    assert list(rows) == list(contracts.MODEL)
    assert rows["derives_from_a_base_class"]["state"] == "passed"
    assert rows["one_image"]["state"] == "failed", "this model takes lists only"
    assert result.exit_code == 1


def test_a_plugin_for_another_version_of_the_api(im_run: Im, tmp_path: Path) -> None:
    with acme.installed(tmp_path / "site", {"entry_points.txt": (".v1", ".v2")}):
        result = im_run("plugins", "check", "acme-models", "--json")
    assert result.exit_code == 1
    (rows,) = checks(result).values()
    assert [name for name, row in rows.items() if row["state"] == "failed"] == ["has_an_entry_point"]


def test_pytest_is_not_needed() -> None:
    program = (
        "import sys; sys.modules['pytest'] = None\n"
        "from inference_models.cli.application import im; im(['plugins', 'check', 'im-core'])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_contracts_say_what_to_install_without_pytest() -> None:
    program = (
        "import sys; sys.modules['pytest'] = None\nfrom inference_models.testing import write_package, PluginContract"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120)
    said = "PluginContract needs pytest, which is not installed. Install it: pip install 'im-core[testing]'"
    assert said in result.stderr


def test_the_list_still_takes_its_option(im_run: Im, spot: Path) -> None:
    assert json.loads(im_run("plugins", "--json").stdout)["plugins"]
    assert "check" in im_run("plugins", "--help").stdout
