"""A server that speaks Roboflow's API and serves the demo detector, and a cache of one's own."""

from __future__ import annotations

import runpy
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import im_demo
from inference_models.catalog import refresh_catalog
from inference_models.environment import refresh_environment

_SERVERS = Path(__file__).parents[2] / "core" / "tests" / "weights_providers"
_DEMO = Path(im_demo.__file__).parent / "packages" / "shapes" / "onnx-fp32"
_VARIABLES = (
    "ROBOFLOW_API_KEY",
    "SECURE_GATEWAY",
    "LICENSE_SERVER",
    "INFERENCE_MODELS_OFFLINE",
    "OFFLINE_MODE",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
)
MODEL_ID = "workspace/shapes/3"


@pytest.fixture
def faults() -> SimpleNamespace:
    """What the servers' modules define."""
    names: dict[str, Any] = {}
    for file in ("faults.py", "api_server.py"):
        names |= runpy.run_path(str(_SERVERS / file))
    return SimpleNamespace(**names)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("INFERENCE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def api(faults: SimpleNamespace, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The API with the model `workspace/shapes/3`, which is the demo detector, and nothing remembered."""
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)
    refresh_catalog()
    refresh_environment()
    with faults.ApiServer() as server:
        monkeypatch.setenv("ROBOFLOW_API_HOST", server.url)
        server.add_model(MODEL_ID, [demo_package(server.files)])
        yield server
    refresh_catalog()
    refresh_environment()


def demo_package(files: Any, package_id: str = "onnx-fp32", **changes: object) -> dict[str, Any]:
    """Return the demo detector's package as the API lists it, its files served by `files`."""
    names = ("weights.onnx", "class_names.txt", "inference_config.json")
    listed = [{"fileHandle": name, **files.add(f"/{package_id}/{name}", (_DEMO / name).read_bytes())} for name in names]
    return {
        "type": "external-model-package-v1",
        "packageId": package_id,
        "packageManifest": {
            "type": "onnx-model-package-v1",
            "backendType": "onnx",
            "dynamicBatchSize": True,
            "quantization": "fp32",
            "opset": 17,
        },
        "packageFiles": listed,
        "trustedSource": True,
        **changes,
    }


@pytest.fixture
def no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every attempt to open a socket fail the test."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
