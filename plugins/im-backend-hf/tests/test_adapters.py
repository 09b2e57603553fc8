"""LoRA adapters change the weights as their formula says, and anything else is refused."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import ViTConfig, ViTForImageClassification

from im_backend_hf.toolkit import Toolkit
from inference_models import CorruptedModelPackageError, MissingDependencyError, ModelLoadingError

NAME = "ViTForImageClassification"
RANK, ALPHA = 2, 6


def modules(network: Any) -> list[tuple[str, Any]]:
    """Return the linear layers that are adapted, by name."""
    found = [(name, one) for name, one in network.named_modules() if name.endswith(("query", "q_proj"))]
    assert len(found) == 2
    return found


@pytest.fixture
def adapter(package: Path, tmp_path: Path) -> Path:
    """Return a package that is an adapter over the network, written by hand."""
    directory = tmp_path / "adapter"
    directory.mkdir()
    package.rename(directory / "base")
    rng = torch.Generator().manual_seed(1)
    layers = [name for name, module in modules(ViTForImageClassification.from_pretrained(directory / "base"))]
    weights = {}
    for layer in layers:
        weights[f"base_model.model.{layer}.lora_A.weight"] = torch.randn(RANK, 16, generator=rng)
        weights[f"base_model.model.{layer}.lora_B.weight"] = torch.randn(16, RANK, generator=rng)
    save_file(weights, directory / "adapter_model.safetensors", {"format": "pt"})
    described = {"peft_type": "LORA", "r": RANK, "lora_alpha": ALPHA, "target_modules": layers, "bias": "none"}
    (directory / "adapter_config.json").write_text(json.dumps({**described, "base_model_name_or_path": "some/hub-id"}))
    return directory


def test_an_adapter_is_added_to_the_weights_of_its_base(adapter: Path, toolkit: Toolkit) -> None:
    pytest.importorskip("peft")
    base = toolkit.load_model(NAME, adapter / "base").state_dict()
    lora = load_file(adapter / "adapter_model.safetensors")
    model = toolkit.load_model(NAME, adapter)

    assert type(model).__name__ == NAME, "nothing of peft is left to cost time"
    given = model.state_dict()
    changed = 0
    for name, weight in base.items():
        prefix = f"base_model.model.{name.removesuffix('.weight')}"
        down, up = (lora.get(f"{prefix}.lora_{part}.weight") for part in "AB")
        expected = weight if down is None else weight + ALPHA / RANK * up @ down
        changed += not torch.equal(expected, weight)
        torch.testing.assert_close(given[name], expected)
    assert changed == 2
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_the_processor_is_that_of_the_base(adapter: Path, toolkit: Toolkit) -> None:
    assert toolkit.load_processor("ViTImageProcessorPil", adapter).size == {"height": 32, "width": 32}


def test_keys_that_name_modules_to_import_are_not_read(
    adapter: Path, toolkit: Toolkit, change: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("peft")
    (adapter / "evil_module.py").write_text("raise SystemExit('it ran')")
    monkeypatch.syspath_prepend(adapter)
    change(
        adapter / "adapter_config.json",
        megatron_config={"a": 1},
        megatron_core="evil_module",
        auto_mapping={"base_model_class": "Evil", "parent_library": "evil_module"},
        init_lora_weights="pissa",
    )
    toolkit.load_model(NAME, adapter)
    assert "evil_module" not in sys.modules


@pytest.mark.parametrize("spoil", ["rename", "drop", "reshape"])
def test_weights_that_are_not_those_of_the_adapter(adapter: Path, toolkit: Toolkit, spoil: str) -> None:
    pytest.importorskip("peft")
    path = adapter / "adapter_model.safetensors"
    weights = load_file(path)
    name = min(weights)
    weight = weights.pop(name)
    if spoil != "drop":
        weights[f"{name}s" if spoil == "rename" else name] = weight if spoil == "rename" else weight[:1]
    save_file(weights, path, {"format": "pt"})
    with pytest.raises(CorruptedModelPackageError, match="belong together"):
        toolkit.load_model(NAME, adapter)


def test_what_is_refused(
    adapter: Path, toolkit: Toolkit, toolkit_for: Callable[..., Toolkit], change: Callable[..., None]
) -> None:
    weights = adapter / "adapter_model.safetensors"
    weights.rename(adapter / "adapter_model.bin")
    with pytest.raises(ModelLoadingError, match=r"adapter_model\.bin is a pickle"):
        toolkit_for(trusted_source=True).load_model(NAME, adapter)
    (adapter / "adapter_model.bin").unlink()
    with pytest.raises(CorruptedModelPackageError, match=r"adapter_model\.safetensors is missing"):
        toolkit.load_model(NAME, adapter)
    change(adapter / "adapter_config.json", peft_type="IA3")
    with pytest.raises(ModelLoadingError, match="of type 'IA3'; supported: 'LORA'"):
        toolkit.load_model(NAME, adapter)


def test_without_peft(adapter: Path, toolkit: Toolkit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(MissingDependencyError, match=r"LoRA adapter, and peft is missing.*im-backend-hf\[lora\]"):
        toolkit.load_model(NAME, adapter)


def test_four_bits_when_asked_for(package: Path, toolkit_for: Callable[..., Toolkit]) -> None:
    pytest.importorskip("bitsandbytes")
    pytest.importorskip("accelerate")
    config = ViTConfig.from_pretrained(package, hidden_size=64, intermediate_size=64, num_labels=64)
    ViTForImageClassification(config).save_pretrained(package)
    exact: Any = toolkit_for().load_model(NAME, package)
    small: Any = toolkit_for({"load_in_4bit": True}).load_model(NAME, package)
    assert {type(one).__name__ for _, one in modules(small)} == {"Linear4bit"}
    assert {type(one).__name__ for _, one in modules(exact)} == {"Linear"}
    picture = torch.linspace(-1, 1, 3 * 32 * 32).reshape(1, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(small(picture).logits, exact(picture).logits, atol=0.2, rtol=0)
