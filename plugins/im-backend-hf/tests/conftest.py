"""A small network of transformers, saved as a package, and what must stay untouched while it is loaded."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessorPil

from im_backend_hf.toolkit import Toolkit, make_toolkit
from inference_models.developer_tools import ModelPackageMetadata

NAME = "ViTForImageClassification"


def make_network(**changes: Any) -> ViTForImageClassification:
    """Return a network with random weights that are the same each time."""
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    config = ViTConfig(**{**sizes, "image_size": 32, "patch_size": 16, **changes})
    with torch.random.fork_rng():
        torch.manual_seed(5)
        return ViTForImageClassification(config).eval()


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Return the directory of a package with the network and an image processor."""
    directory = tmp_path / "package"
    make_network().save_pretrained(directory)
    ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(directory)
    return directory


@pytest.fixture
def toolkit_for() -> Callable[..., Toolkit]:
    """Return a function that makes the toolkit for a package: `toolkit_for(trusted_source=True, ...)`."""

    def make(options: dict[str, Any] | None = None, device: str | None = "cpu", **fields: Any) -> Toolkit:
        described = ModelPackageMetadata("p", "hugging-face", directory=Path("x"), **fields)
        return make_toolkit(device=device, package=described, options=options or {})

    return make


@pytest.fixture
def toolkit(toolkit_for: Callable[..., Toolkit]) -> Toolkit:
    """Return the toolkit for a package of which nobody says anything."""
    return toolkit_for()


def change_json(path: Path, **changes: Any) -> None:
    """Change keys of a JSON file; None removes one."""
    content = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))


@pytest.fixture
def change() -> Callable[..., None]:
    """Return the function that changes keys of a JSON file."""
    return change_json


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail every test in which a connection is tried, also one whose failure is caught."""
    tried: list[object] = []

    def refuse(*arguments: object, **options: object) -> Any:
        tried.append(arguments)
        raise AssertionError(f"a connection was tried: {arguments}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    yield
    assert tried == []
