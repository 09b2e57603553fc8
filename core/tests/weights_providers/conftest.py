"""The API's server, and a machine with one backend that reads ONNX manifests."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from core.tests.weights_providers.api_server import ApiServer

_MODULE = {
    name: value
    for file in ("faults.py", "api_server.py")
    for name, value in runpy.run_path(str(Path(__file__).with_name(file))).items()
}

BACKEND = """
    from inference_models import CorruptedModelPackageError
    from inference_models.developer_tools import BackendSpec, ONNXPackageDetails, hookimpl

    def parse(manifest):
        if manifest.get("crash"):
            raise RuntimeError("crash")
        if "states" in manifest:
            return manifest["states"]
        dynamic, size = manifest.get("dynamicBatchSize"), manifest.get("staticBatchSize")
        if not isinstance(dynamic, bool) or dynamic == (size is not None) or type(size) not in (int, type(None)):
            raise CorruptedModelPackageError(f"staticBatchSize contradicts dynamicBatchSize: {size!r}, {dynamic!r}")
        if type(manifest.get("opset")) is not int or manifest["opset"] < 1:
            raise CorruptedModelPackageError("opset must be a number")
        return {
            "quantization": manifest["quantization"],
            "dynamic_batch_size_supported": dynamic,
            "static_batch_size": size,
            "backend_details": ONNXPackageDetails(manifest["opset"], manifest.get("incompatibleProviders")),
        }

    @hookimpl
    def im_backends():
        return BackendSpec(name="onnx", priority=1, detect=dict, manifest_parsers={"onnx-model-package-v1": parse})
"""


@pytest.fixture
def faults() -> SimpleNamespace:
    """What faults.py and api_server.py define: `faults.status(503)`, `faults.onnx_package(...)` and the rest."""
    return SimpleNamespace(**_MODULE)


@pytest.fixture
def onnx_backend(install_plugin: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFERENCE_MODELS_ONLY_PLUGINS", "im-core,acme-backend")
    install_plugin("acme-backend", BACKEND)


@pytest.fixture
def api(onnx_backend: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    """The API with one model "ws/proj/3" of one package "onnx-1"; the provider asks it, and waits briefly."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in (
        "ROBOFLOW_API_KEY",
        "SECURE_GATEWAY",
        "LICENSE_SERVER",
        "API_CALLS_MAX_TRIES",
        "INFERENCE_MODELS_OFFLINE",
        "OFFLINE_MODE",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("API_CALLS_TIMEOUT", "10")
    monkeypatch.setattr("inference_models.download.retries._FIRST_WAIT_SECONDS", 0.01)
    with _MODULE["ApiServer"]() as server:
        monkeypatch.setenv("ROBOFLOW_API_HOST", server.url)
        server.add_model("ws/proj/3", [_MODULE["onnx_package"]("onnx-1", server.files)])
        yield server


@pytest.fixture
def only_package() -> Callable[[Any], Any]:
    """Return the one package of a model, which nothing else beside."""

    def only(metadata: Any) -> Any:
        assert metadata.unreadable_packages == ()
        [package] = metadata.model_packages
        return package

    return only
