"""A policy over Roboflow's API, a server for files, the demo detector and its real backends."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner, Result

import im_demo
from inference_models import (
    AutoModel,
    NoModelPackagesAvailableError,
    PolicyViolationError,
    load_image,
)
from inference_models.cli.application import im

MODEL_ID = "workspace/shapes/3"
Policy = Callable[[str], Path]


@pytest.fixture
def policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Policy:
    """Return a function that puts a policy in force."""

    def write(text: str) -> Path:
        path = tmp_path / "policy.toml"
        path.write_text(text)
        monkeypatch.setenv("INFERENCE_MODELS_POLICY", str(path))
        return path

    return write


def run(*arguments: object) -> Result:
    return CliRunner().invoke(im, [str(argument) for argument in arguments], prog_name="im")


def origin(server) -> str:
    return f"http://{urlsplit(server.url).netloc}"


def test_the_api_is_held_to_the_origins(api, policy: Policy, home: Path) -> None:
    policy(f"[origins]\nallow = ['{origin(api.files)}']")
    with pytest.raises(PolicyViolationError, match=r"origins\.allow does not cover"):
        AutoModel.from_pretrained(MODEL_ID)
    assert (api.count(), api.files.count()) == (0, 0)


def test_and_so_are_the_files(api, policy: Policy, home: Path) -> None:
    policy(f"[origins]\nallow = ['{origin(api)}']")
    with pytest.raises(NoModelPackagesAvailableError, match=r"origins\.allow does not cover"):
        AutoModel.from_pretrained(MODEL_ID)
    assert api.files.count() == 0
    assert not list(home.rglob("weights.onnx"))


def test_what_is_allowed_loads_and_predicts(api, policy: Policy, home: Path) -> None:
    policy(
        f"[origins]\nallow = ['{origin(api)}', '{origin(api.files)}']\n[providers]\nallow = ['roboflow']\n"
        "[plugins]\nallow = ['im-core', 'im-backend-onnx', 'im-yolo']\n[licenses]\ncode = ['Apache-2.0']\n"
        "[packages]\nprograms = false\nuntrusted = false\nhashes = 'any'\nlocal_paths = false\nlocal_code = false"
    )
    [found] = AutoModel.from_pretrained(MODEL_ID)(load_image(im_demo.picture_path()))
    assert len(found) == 12


def test_explain_names_the_rule_for_each_package(policy: Policy) -> None:
    path = policy("[packages]\nprograms = false")
    verdicts = {
        row["package_id"]: row for row in json.loads(run("explain", "demo://shapes", "--json").stdout)["packages"]
    }
    assert verdicts["onnx-fp32"]["usable"]
    assert verdicts["torchscript-fp32"]["rejected_by"] == "is_permitted"
    assert f"the policy {path} forbids it: packages.programs" in verdicts["torchscript-fp32"]["reason"]
    assert f"the policy {path} forbids it: packages.programs" in run("explain", "demo://shapes").stdout


def test_a_program_that_a_provider_trusts_is_not_loaded(api, policy: Policy, home: Path) -> None:
    policy("[packages]\nprograms = false")
    with pytest.raises(NoModelPackagesAvailableError, match="packages of the backend 'torch-script' are programs"):
        AutoModel.from_pretrained("demo://shapes", backend="torch-script")


@pytest.mark.parametrize("option", ["--allow-untrusted-packages", "--download-files-without-hash"])
def test_options_of_the_command_line_do_not_loosen_it(policy: Policy, option: str) -> None:
    policy("[packages]\nuntrusted = false\nhashes = 'any'")
    for command in ("explain", "download"):
        result = run(command, "demo://shapes", option)
        assert (result.exit_code, "=True was given: the policy" in result.output) == (1, True)
        assert "reference/errors/#policyviolationerror" in result.output


def test_exchanging_the_origin_of_the_api_does_not_help(api, policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    policy("[origins]\nallow = ['https://api.roboflow.com']")
    for variable in ("ROBOFLOW_API_HOST", "SECURE_GATEWAY"):
        monkeypatch.setenv(variable, api.url)
        with pytest.raises(PolicyViolationError, match=r"origins\.allow does not cover http://127\.0\.0\.1"):
            AutoModel.from_pretrained(MODEL_ID)
    assert api.count() == 0


@pytest.mark.usefixtures("no_sockets")
def test_no_name_is_looked_up_for_what_is_forbidden(
    home: Path, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ROBOFLOW_API_HOST", raising=False)
    policy("[origins]\nallow = ['https://models.example.com']")
    with pytest.raises(PolicyViolationError, match=r"https://api\.roboflow\.com"):
        AutoModel.from_pretrained(MODEL_ID)
