"""A cache, a server and packages for the tests of the store."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from inference_models.metadata import FileDownloadSpecs, ModelMetadata, ModelPackageMetadata

if TYPE_CHECKING:
    from core.tests.download.fault_server import FaultServer


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache root, and no way to a proxy."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("API_CALLS_TIMEOUT", "20")
    root = tmp_path / "cache" / "home"
    monkeypatch.setenv("INFERENCE_HOME", str(root))
    return root


class Publisher:
    """A weights provider in miniature: serves contents and states what they are."""

    def __init__(self, server: FaultServer) -> None:
        self.server = server

    def metadata(
        self, contents: Mapping[str, bytes], *, with_md5: bool = True, model_id: str = "shapes", package_id: str = "p1"
    ) -> ModelMetadata:
        files = [
            FileDownloadSpecs(
                download_url=self.server.serve(f"/{package_id}/{number}", content) + "?signature=canary",
                file_handle=handle,
                md5_hash=hashlib.md5(content).hexdigest() if with_md5 else None,
            )
            for number, (handle, content) in enumerate(contents.items())
        ]
        package = ModelPackageMetadata(package_id=package_id, backend="onnx", package_artefacts=tuple(files))
        return ModelMetadata(model_id=model_id, model_architecture="yolov8", model_packages=(package,))


@pytest.fixture
def publisher(server: FaultServer) -> Publisher:
    return Publisher(server)
