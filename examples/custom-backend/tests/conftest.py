"""Packages for OpenVINO, made by its own compiler from tiny ONNX networks, and an empty cache."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from custom_backend.compiler import compile_package
from inference_models.developer_tools import CompileOptions, ModelPackageMetadata, Quantization

_NETWORKS = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("networks.py"))))


@pytest.fixture(scope="session")
def networks() -> SimpleNamespace:
    """Return what networks.py defines."""
    return _NETWORKS


@pytest.fixture(scope="session")
def compiled() -> Callable[..., tuple[Path, dict[str, Any]]]:
    """Return a function that compiles an ONNX package: `compiled(directory, output, **options)`, (output, manifest)."""

    def run(directory: Path, output: Path, **options: Any) -> tuple[Path, dict[str, Any]]:
        output.mkdir()
        steps: list[str] = []
        package = ModelPackageMetadata(
            package_id="onnx", backend="onnx", quantization=Quantization.FP32, directory=directory
        )
        manifest = compile_package(
            directory,
            output,
            package=package,
            options=CompileOptions(**options),
            progress=lambda step, share=None: steps.append(step),
        )
        assert steps
        return output, manifest

    return run


@pytest.fixture(scope="session")
def linear(tmp_path_factory, compiled) -> Path:
    """Return a directory with the linear network. Not to be written to."""
    root = tmp_path_factory.mktemp("linear")
    return compiled(_NETWORKS.write_onnx_package(root / "onnx", _NETWORKS.linear()), root / "openvino")[0]


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the root of an empty cache."""
    root: Path = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("INFERENCE_HOME", str(root))
    return root
