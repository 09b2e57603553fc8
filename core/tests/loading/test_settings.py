"""A setting that cannot be used is the user's to correct: it is no fault of any package."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from inference_models import AutoModel
from inference_models.errors import InvalidEnvVariable, ModelRetrievalError, OfflineModeError

PLUGIN = """
    import os
    from pathlib import Path
    from inference_models import InvalidEnvVariable
    from inference_models.developer_tools import (
        BackendSpec, FileDownloadSpecs, LazyClass, ModelMetadata, ModelPackageMetadata, ModelSpec,
        WeightsProviderSpec, hookimpl,
    )

    MADE, CLOSED = [], []

    class Slow:
        def __init__(self, package_id):
            MADE.append(package_id)
            self.package_id = package_id

        @classmethod
        def from_pretrained(cls, path, *, package):
            model = cls(package.package_id)
            if "SPEED" in os.environ:
                raise InvalidEnvVariable("SPEED is no number")
            return model

        def close(self):
            CLOSED.append(self.package_id)

    def get_model(model_id, api_key=None):
        facts = {"directory": Path(__file__).parent}
        if model_id == "fetched":
            file = FileDownloadSpecs(os.environ["SHOP"], "file", md5_hash="d41d8cd98f00b204e9800998ecf8427e")
            facts = {"package_artefacts": [file]}
        packages = [ModelPackageMetadata(name, "own", trusted_source=True, **facts) for name in "abc"]
        return ModelMetadata(model_id, "slow", packages, task_type="wait")

    @hookimpl
    def im_weights_providers():
        return WeightsProviderSpec(name="shop", target=get_model)

    @hookimpl
    def im_backends():
        return BackendSpec(name="own", priority=1, detect=dict)

    @hookimpl
    def im_models():
        return ModelSpec(architectures="slow", task_type="wait", backends="own", target=LazyClass(__name__, "Slow"))
"""


@pytest.fixture(autouse=True)
def _shop(install_plugin, server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP", server.file("/file", b""))
    monkeypatch.setenv("INFERENCE_HOME", str(tmp_path / "home"))
    install_plugin("shop", PLUGIN)


def made() -> list[str]:
    return sys.modules["shop"].MADE if "shop" in sys.modules else []


def test_a_variable_that_cannot_be_used_is_found_before_anything_is_fetched(server, monkeypatch) -> None:
    monkeypatch.setenv("AUTO_LOADER_CACHE_EXPIRATION_MINUTES", "1 day")
    with pytest.raises(InvalidEnvVariable, match=r"AUTO_LOADER_CACHE_EXPIRATION_MINUTES.*'1 day'"):
        AutoModel.from_pretrained("shop://fetched")
    assert (made(), server.count("/file")) == ([], 0)


@pytest.mark.parametrize(("model", "remember"), [("fetched", False), ("there", True)])
def test_a_variable_that_is_not_needed_is_not_asked_for(monkeypatch, model: str, remember: bool) -> None:
    monkeypatch.setenv("AUTO_LOADER_CACHE_EXPIRATION_MINUTES", "1 day")
    assert AutoModel.from_pretrained(f"shop://{model}", use_auto_resolution_cache=remember).package_id == "a"


def test_a_variable_that_only_the_model_reads_is_blamed_on_no_package(monkeypatch) -> None:
    monkeypatch.setenv("SPEED", "high")
    with pytest.raises(InvalidEnvVariable, match="SPEED is no number"):
        AutoModel.from_pretrained("shop://there")
    assert made() == ["a"]


def test_a_model_that_cannot_be_remembered_for_a_setting_is_closed() -> None:
    class Strict:
        def retrieve(self, key: str) -> None:
            return None

        def register(self, key: str, resolution: object) -> None:
            raise InvalidEnvVariable("REDIS_URL is no address")

    with pytest.raises(InvalidEnvVariable, match="REDIS_URL"):
        AutoModel.from_pretrained("shop://fetched", auto_resolution_cache=Strict())
    assert (made(), sys.modules["shop"].CLOSED) == (["a"], ["a"])


def test_a_cache_that_cannot_be_is_no_fault_of_the_packages(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("INFERENCE_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(ModelRetrievalError, match=r"cache cannot be used for .*home: .*INFERENCE_HOME"):
        AutoModel.from_pretrained("shop://fetched")
    assert AutoModel.from_pretrained("shop://there").package_id == "a", "nothing is written for it"


def test_without_a_network_nothing_is_written(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("INFERENCE_MODELS_OFFLINE", "1")
    with pytest.raises(OfflineModeError):
        AutoModel.from_pretrained("shop://fetched")
    assert not (tmp_path / "home").exists()
