"""Two Florence-2 packages: a tiny one with random weights, and a small one that knows a few pictures of shapes."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

TRAINING = Path(__file__).resolve().parents[1] / "training"
SHAPES = Path(__file__).resolve().parent / "shapes"
collect_ignore_glob = [] if TRAINING.is_dir() else ["test_*.py"]  # the training code is not part of the sdist
if TRAINING.is_dir() and str(TRAINING) not in sys.path:
    sys.path.insert(0, str(TRAINING))

DESCRIBED = {
    "model_architecture": "florence-2",
    "task_type": "vlm",
    "backend_type": "hugging-face",
    "quantization": "fp32",
}
SENTENCES = ["a red circle", "a blue square in the middle", "The image shows a green triangle on the left."]


def write_tiny(directory: Path) -> Path:
    """Write a package with a network of 100 000 random weights."""
    checkpoint: Any = importlib.import_module("shapes_vlm.checkpoint")
    tokenizer = checkpoint.make_tokenizer(SENTENCES)
    network = checkpoint.make_network(checkpoint.make_config(tokenizer, checkpoint.TINY), 3)
    talkative = ("embed_positions.weight", "out_proj.weight", "v_proj.weight", "fc2.weight")
    for name, weight in network.model.language_model.decoder.named_parameters():
        if name.endswith(talkative):  # else it repeats one token, whatever the picture and the prompt
            weight.data.mul_(6)
    network.save_pretrained(directory)
    checkpoint.make_processor(tokenizer, checkpoint.TINY).save_pretrained(directory)
    (directory / "model_config.json").write_text(json.dumps(DESCRIBED))
    return directory


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Let the tiny networks compute in one thread: several would spend their time waiting for each other."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of the tiny package. Copy it before you change it."""
    return write_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def tiny(tiny_package: Path) -> Iterator[Any]:
    """Return the tiny model on the CPU."""
    from inference_models import AutoModel

    with AutoModel.from_pretrained(tiny_package, device="cpu") as model:
        yield model


@pytest.fixture(scope="session")
def scenes() -> list[Any]:
    """Return the pictures that the small model knows, with what is in them."""
    found: list[Any] = importlib.import_module("shapes_vlm.scenes").draw_scenes(8)
    return found


@pytest.fixture(scope="session")
def shapes_package() -> Path:
    """Return the directory of the small package. Copy it before you change it."""
    return SHAPES


@pytest.fixture(scope="module")
def shapes() -> Iterator[Any]:
    """Return the small model on the CPU."""
    from inference_models import AutoModel

    with AutoModel.from_pretrained(SHAPES, device="cpu") as model:
        yield model


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset what would change the defaults of generation."""
    for name in list(os.environ):
        if name.startswith("INFERENCE_MODELS_FLORENCE2"):
            monkeypatch.delenv(name)
