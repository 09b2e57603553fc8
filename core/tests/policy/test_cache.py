"""The policy holds for what is in the cache: what another policy, or none, let in is judged anew."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from inference_models import AutoModel, NoModelPackagesAvailableError, PolicyViolationError
from inference_models.developer_tools import register_model_provider
from inference_models.loading import find_cached_model_package_dir
from inference_models.metadata import FileDownloadSpecs, ModelMetadata, ModelPackageMetadata
from inference_models.weights_providers import WEIGHTS_PROVIDERS

PLUGIN = """
from inference_models.developer_tools import BackendSpec, ModelSpec, hookimpl

class Model:
    @classmethod
    def from_pretrained(cls, directory):
        return cls()

@hookimpl
def im_backends():
    return BackendSpec(name="npu", priority=1, detect=dict)

@hookimpl
def im_models():
    return ModelSpec(architectures="net", task_type="counting", backends="npu", target=Model)
"""
BODY = b"weights"


@pytest.fixture
def asked(install_plugin, server):
    """A provider `mine` with one package; the list of the ids that it was asked for, and its fields to change."""
    install_plugin("im-npu", PLUGIN)
    asked: list[str] = []
    file: dict[str, Any] = {"md5_hash": hashlib.md5(BODY).hexdigest()}

    def get_model(model_id: str, api_key: str | None = None) -> ModelMetadata:
        asked.append(model_id)
        files = [FileDownloadSpecs(server.serve("/w", BODY), "w.onnx", **file)]
        package = ModelPackageMetadata(
            "p", "npu", package_artefacts=files, trusted_source=True, weights_license="MIT", source="here", version="3"
        )
        return ModelMetadata(model_id, "net", [package], task_type="counting")

    register_model_provider("mine", get_model)
    yield asked, file
    del WEIGHTS_PROVIDERS["mine"]


def origin(server) -> str:
    return f"http://{urlsplit(server.url('/')).netloc}"


def test_what_was_decided_under_another_policy_is_decided_anew(policy, asked) -> None:
    calls, _ = asked
    AutoModel.from_pretrained("mine://a")
    AutoModel.from_pretrained("mine://a")
    assert len(calls) == 1
    policy("[licenses]\nweights = ['MIT']")
    AutoModel.from_pretrained("mine://a")
    AutoModel.from_pretrained("mine://a")
    assert len(calls) == 2
    policy("[licenses]\nweights = ['Apache-2.0']")
    with pytest.raises(NoModelPackagesAvailableError, match="does not cover MIT"):
        AutoModel.from_pretrained("mine://a")
    assert len(calls) == 3


RULES = [
    ("[licenses]\nweights = ['Apache-2.0']", "does not cover MIT"),
    ("[packages]\nhashes = 'sha256'", "came without a SHA-256"),
    ("[origins]\nallow = ['https://elsewhere.example']", "its file 'w.onnx' came from elsewhere: the policy"),
    ("[packages]\nprograms = false\n[licenses]\nweights = ['Apache-2.0']", "forbids it"),
]


@pytest.mark.parametrize(("rules", "reason"), RULES)
def test_without_a_network_too(policy, asked, monkeypatch, rules: str, reason: str) -> None:
    AutoModel.from_pretrained("mine://a")
    monkeypatch.setenv("INFERENCE_MODELS_OFFLINE", "1")
    AutoModel.from_pretrained("mine://a")
    assert find_cached_model_package_dir("mine://a") is not None
    path = policy(rules)
    with pytest.raises(NoModelPackagesAvailableError) as caught:
        AutoModel.from_pretrained("mine://a")
    assert reason in caught.value.message
    assert str(path) in caught.value.message
    assert find_cached_model_package_dir("mine://a") is None


def test_a_provider_that_is_no_longer_allowed_is_not_served_from_the_cache(policy, asked, monkeypatch) -> None:
    AutoModel.from_pretrained("mine://a")
    policy("[providers]\nallow = ['demo']")
    for offline in ("0", "1"):
        monkeypatch.setenv("INFERENCE_MODELS_OFFLINE", offline)
        with pytest.raises(PolicyViolationError, match="'mine' is not asked"):
            AutoModel.from_pretrained("mine://a")
        with pytest.raises(PolicyViolationError, match="'mine' is not asked"):
            find_cached_model_package_dir("mine://a")


def test_what_the_policy_allows_loads_from_the_cache(policy, asked, server, monkeypatch) -> None:
    policy(f"[licenses]\nweights = ['MIT']\n[origins]\nallow = ['{origin(server)}']\n[packages]\nhashes = 'any'")
    AutoModel.from_pretrained("mine://a")
    monkeypatch.setenv("INFERENCE_MODELS_OFFLINE", "1")
    assert AutoModel.from_pretrained("mine://a") is not None


def test_what_was_fetched_without_any_proof_is_not_used(policy, asked, monkeypatch) -> None:
    _, file = asked
    file.clear()
    AutoModel.from_pretrained("mine://a", download_files_without_hash=True)
    monkeypatch.setenv("INFERENCE_MODELS_OFFLINE", "1")
    policy("[packages]\nhashes = 'any'")
    with pytest.raises(NoModelPackagesAvailableError, match="a file of it came without an MD5 sum or a SHA-256"):
        AutoModel.from_pretrained("mine://a")


def test_the_model_card_is_kept(asked, home: Path, monkeypatch) -> None:
    AutoModel.from_pretrained("mine://a")
    monkeypatch.setenv("INFERENCE_MODELS_OFFLINE", "1")
    [verdict] = AutoModel.explain("mine://a").verdicts
    card = ("MIT", "here", "3")
    assert (verdict.package.weights_license, verdict.package.source, verdict.package.version) == card
    # The directory says it by itself, for whoever loads it by its path.
    [package] = AutoModel.describe_model(verdict.package.directory).model_packages
    assert (package.weights_license, package.source, package.version) == card
