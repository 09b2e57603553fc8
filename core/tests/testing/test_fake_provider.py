"""A provider made for a test: found by its id, its files used in place or fetched over a real socket."""

from __future__ import annotations

import http.client
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from inference_models import AutoModel, FileHashSumMismatch, ModelNotFoundError, UnauthorizedModelAccessError
from inference_models.testing import FakeProvider, write_package
from inference_models.testing.fixtures import inference_home
from inference_models.weights_providers import WEIGHTS_PROVIDERS

__all__ = ["inference_home"]

PLUGIN = """
    from inference_models.developer_tools import BackendSpec, LazyClass, ModelSpec, hookimpl

    @hookimpl
    def im_backends():
        return BackendSpec(name="fake", priority=1, detect=lambda: {"version": "1"})

    @hookimpl
    def im_models():
        target = LazyClass("echo_models", "Echo")
        return ModelSpec(architectures="echo", task_type="echo", backends="fake", target=target)
"""
MODULE = """
    from pathlib import Path
    from inference_models import Model

    class Echo(Model):
        @classmethod
        def from_pretrained(cls, model_name_or_path):
            self = cls()
            self.directory = Path(model_name_or_path)
            self.weights = (self.directory / "sub" / "weights.bin").read_bytes()
            return self
"""


@pytest.fixture
def package(tmp_path: Path, install_plugin: Any, inference_home: Path) -> Path:
    install_plugin("im-echo", PLUGIN, modules={"echo_models": MODULE})
    files = {"sub/weights.bin": b"weights" * 1000}
    return write_package(tmp_path / "fake-fp32", architecture="echo", backend="fake", task_type="echo", files=files)


def test_files_are_used_where_they_lie(package: Path) -> None:
    with FakeProvider() as provider:
        provider.add("a/b", package, model_variant="tiny")
        model = AutoModel.from_pretrained("fake://a/b")
        assert model.directory == package
        assert provider.asked == ["a/b"]
        assert provider("a/b").model_variant == "tiny"
        assert provider.list_models() == ["a/b"]
    assert "fake" not in WEIGHTS_PROVIDERS


def test_files_are_fetched_and_checked(package: Path, inference_home: Path) -> None:
    with FakeProvider("colors", served=True) as provider:
        provider.add("m", package)
        model = AutoModel.from_pretrained("colors://m")
        assert model.weights == b"weights" * 1000
        assert inference_home in model.directory.parents
        assert sorted(provider.server.requests) == ["/m/fake-fp32/model_config.json", "/m/fake-fp32/sub/weights.bin"]


def test_a_file_that_is_not_what_was_promised(package: Path) -> None:
    with FakeProvider(served=True) as provider:
        provider.add("m", package)
        provider.server.contents["/m/fake-fp32/sub/weights.bin"] = b"another" * 1000
        with pytest.raises(FileHashSumMismatch):
            AutoModel.from_pretrained("fake://m")


def test_a_key_is_asked_for_by_the_provider_and_the_server(package: Path) -> None:
    with FakeProvider(served=True, api_key="sesame") as provider:
        provider.add("m", package)
        for key in (None, "wrong"):
            with pytest.raises(UnauthorizedModelAccessError):
                AutoModel.from_pretrained("fake://m", api_key=key)
        assert provider.server.requests == []
        assert AutoModel.from_pretrained("fake://m", api_key="sesame").weights
        [address] = {file.download_url for file in provider("m", "sesame").model_packages[0].package_artefacts[:1]}
        with pytest.raises(HTTPError, match="401"):
            urlopen(address, timeout=30)
        assert "sesame" not in repr(provider("m", "sesame"))


def test_unknown_ids_name_near_ones(package: Path) -> None:
    with FakeProvider() as provider:
        provider.add("shapes", package)
        with pytest.raises(ModelNotFoundError, match="shapes"):
            AutoModel.from_pretrained("fake://shape")


def test_the_server_serves_ranges(package: Path) -> None:
    with FakeProvider(served=True) as provider:
        metadata = provider.add("m", package)
        file = metadata.model_packages[0].package_artefacts[1]
        assert (file.file_handle, file.size) == ("sub/weights.bin", 7000)
        for asked, status, length in (("bytes=6990-", 206, 10), ("bytes=0-6", 206, 7), ("bytes=0-99999", 206, 7000)):
            with urlopen(Request(file.download_url, headers={"Range": asked}), timeout=30) as answer:
                assert (answer.status, len(answer.read())) == (status, length)
        with pytest.raises(HTTPError, match="416"):
            urlopen(Request(file.download_url, headers={"Range": "bytes=7000-"}), timeout=30)
        with pytest.raises(HTTPError, match="404"):
            urlopen(f"{provider.server.url}/nothing", timeout=30)
        connection = http.client.HTTPConnection(urlsplit(provider.server.url).netloc, timeout=30)
        connection.request("HEAD", urlsplit(file.download_url).path)
        answer = connection.getresponse()
        assert (answer.headers["Content-Length"], answer.read()) == ("7000", b"")
        connection.close()


def test_there_is_no_server_without_being_asked_for() -> None:
    with pytest.raises(RuntimeError, match="`with` statement"):
        _ = FakeProvider(served=True).server.url
    with pytest.raises(RuntimeError, match="served=True"):
        _ = FakeProvider().server
