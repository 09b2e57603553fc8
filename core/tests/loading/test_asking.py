"""Who gets what is on disk while the provider cannot be asked."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

import pytest

from inference_models import AutoModel, RetryError, UnauthorizedModelAccessError, WeightsProviderNotFoundError

# Its models are for whoever has the key "owner"; an environment variable says whether it can be reached.
PLUGIN = """
    import hashlib
    import os
    from pathlib import Path
    from inference_models import RetryError, UnauthorizedModelAccessError
    from inference_models.developer_tools import (
        BackendSpec, FileDownloadSpecs, LazyClass, ModelMetadata, ModelPackageMetadata, ModelSpec, WeightsProviderSpec,
        hookimpl,
    )

    def get_model(model_id, api_key=None, team=None):
        if os.environ.get("BOOKS_ARE_CLOSED"):
            raise RetryError("nobody answers")
        if (api_key or os.environ.get("BOOKS_KEY")) != "owner":
            raise UnauthorizedModelAccessError("not for you")
        url = os.environ["BOOKS_URL"]
        file = FileDownloadSpecs(url, "page.txt", sha256_hash=hashlib.sha256(b"once").hexdigest())
        package = ModelPackageMetadata("one", "own", trusted_source=True, package_artefacts=[file])
        return ModelMetadata("stories/1", "reader", [package], task_type="read")

    class Reader:
        @classmethod
        def from_pretrained(cls, path):
            return Path(path, "page.txt").read_text()

    @hookimpl
    def im_weights_providers():
        return WeightsProviderSpec(name="books", target=get_model, api_key_variable="BOOKS_KEY")

    @hookimpl
    def im_backends():
        return BackendSpec(name="own", priority=1, detect=dict)

    @hookimpl
    def im_models():
        return ModelSpec(architectures="reader", task_type="read", backends="own", target=LazyClass(__name__, "Reader"))
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setenv("INFERENCE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def outage(home: Path, install_plugin, server, monkeypatch):
    """Return a function that closes the provider; its model is `books://stories`."""
    server.serve("/page.txt", b"once")
    monkeypatch.setenv("BOOKS_URL", server.url("/page.txt"))
    install_plugin("books", PLUGIN)

    def close() -> None:
        monkeypatch.setenv("BOOKS_ARE_CLOSED", "1")

    return close


def load(key: str | None = None) -> str:
    """Load anew: no decision is remembered, so the provider is asked."""
    return AutoModel.from_pretrained("books://stories", api_key=key, use_auto_resolution_cache=False)


def test_whoever_was_given_a_model_has_it_during_an_outage(outage, caplog) -> None:
    load("owner")
    outage()
    with caplog.at_level(logging.WARNING):
        assert load("owner") == "once"
    assert "cannot be looked up, so what is on disk is used" in caplog.text


def test_a_key_in_the_providers_variable_counts_as_one_that_is_given(outage, monkeypatch) -> None:
    monkeypatch.setenv("BOOKS_KEY", "owner")
    load()
    outage()
    assert load() == load("owner") == "once"


@pytest.mark.parametrize("key", ["stranger", None])
def test_an_outage_gives_nobody_what_somebody_else_was_given(outage, key: str | None) -> None:
    load("owner")
    with pytest.raises(UnauthorizedModelAccessError):
        load(key)
    outage()
    with pytest.raises(RetryError, match=r"given to another API key.*\n?.*INFERENCE_MODELS_OFFLINE=1") as caught:
        load(key)
    assert "stranger" not in str(caught.value)
    with pytest.raises(RetryError):
        AutoModel.describe_model("books://stories", api_key=key)


def test_other_settings_of_the_provider_are_another_question(outage) -> None:
    load("owner")
    outage()
    with pytest.raises(RetryError):
        AutoModel.describe_model("books://stories", api_key="owner", team="other")


def test_what_was_carried_here_is_for_everybody(outage, home: Path) -> None:
    load("owner")
    shutil.rmtree(home / ".granted")  # a bundle brings none
    outage()
    assert load("stranger") == "once"


def test_explaining_notes_nothing(outage, home: Path) -> None:
    AutoModel.explain("books://stories", api_key="owner")
    assert not home.exists()


def test_no_key_stands_in_the_cache(outage, home: Path) -> None:
    load("owner")
    [record] = [path for path in (home / ".granted").rglob("*") if path.is_file()]
    assert "owner" not in str(record)
    assert record.read_bytes() == b""
    if os.name != "nt":
        assert (home / ".granted").stat().st_mode & 0o077 == 0


class TestDescribing:
    def test_without_a_network_the_cache_is_described(self, outage, monkeypatch) -> None:
        online = AutoModel.describe_model("books://stories", api_key="owner")
        load("owner")
        monkeypatch.setenv("INFERENCE_MODELS_OFFLINE", "1")
        outage()
        offline = AutoModel.describe_model("books://stories")
        assert (offline.model_id, offline.model_architecture) == (online.model_id, online.model_architecture)
        assert AutoModel.describe_model_package("books://stories", "one").package_id == "one"

    def test_during_an_outage_it_is_described_to_whoever_was_given_it(self, outage) -> None:
        load("owner")
        outage()
        assert AutoModel.describe_model("books://stories", api_key="owner").model_id == "stories/1"

    def test_without_a_network_an_unknown_provider_is_still_unknown(self, monkeypatch) -> None:
        monkeypatch.setenv("INFERENCE_MODELS_OFFLINE", "1")
        with pytest.raises(WeightsProviderNotFoundError):
            AutoModel.describe_model("nobody://stories")
