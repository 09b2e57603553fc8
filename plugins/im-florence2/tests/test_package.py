"""Packages whose files are missing, damaged or contradict each other, and adapters."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from inference_models import AutoModel, CorruptedModelPackageError, InvalidParameterError, ModelLoadingError

PICTURE = np.random.default_rng(0).integers(0, 256, (40, 56, 3), np.uint8)


@pytest.fixture
def package(tmp_path: Path, tiny_package: Path) -> Path:
    """Return a copy of the tiny package."""
    return copytree(tiny_package, tmp_path / "package")


def change(path: Path, **changes: Any) -> None:
    """Change keys of a JSON file, also nested ones: `a__b=1`; None removes one."""
    content = json.loads(path.read_text())
    for name, value in changes.items():
        *outer, last = name.split("__")
        part = content
        for key in outer:
            part = part[key]
        part.pop(last) if value is None else part.update({last: value})
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("tokenizer.json", "has neither tokenizer.json nor vocab.json"),
        ("tokenizer_config.json", "has no tokenizer_config.json"),
        ("processor_config.json", "has neither processor_config.json nor preprocessor_config.json"),
        ("config.json", r"config\.json is missing"),
        ("model.safetensors", "has no weights"),
    ],
)
def test_a_missing_file(package: Path, name: str, said: str) -> None:
    (package / name).unlink()
    with pytest.raises(CorruptedModelPackageError, match=said) as error:
        AutoModel.from_pretrained(package)
    assert "It has:" in str(error.value) or "has:" in str(error.value)


def test_half_a_tokenizer(package: Path) -> None:
    (package / "tokenizer.json").rename(package / "vocab.json")
    with pytest.raises(CorruptedModelPackageError, match=r"has neither tokenizer\.json nor merges\.txt"):
        AutoModel.from_pretrained(package)


@pytest.mark.parametrize(
    ("file", "changes", "said"),
    [
        ("config.json", {"model_type": "llava"}, "of model_type 'llava'; Florence2ForConditionalGeneration takes"),
        ("config.json", {"text_config__vocab_size": 1200}, "of another shape"),
        ("config.json", {"text_config__encoder_layers": 2}, r"missing \(model\.language_model\.encoder\.layers\.1"),
        ("config.json", {"image_token_id": 3}, "The tokenizer in .* is not that of the network"),
        ("processor_config.json", {"image_processor__image_seq_length": 9}, "makes room for 9 tokens .* makes 5"),
        ("processor_config.json", {"image_processor__image_seq_length": None}, "makes room for None tokens"),
        ("tokenizer.json", {"model__vocab": None}, "cannot be used"),
    ],
)
def test_files_that_contradict_each_other(package: Path, file: str, changes: dict[str, Any], said: str) -> None:
    change(package / file, **changes)
    with pytest.raises(CorruptedModelPackageError, match=said):
        AutoModel.from_pretrained(package, device="cpu")


def test_a_broken_inference_config(package: Path) -> None:
    (package / "inference_config.json").write_text("{}")
    with pytest.raises(CorruptedModelPackageError, match="network_input: missing"):
        AutoModel.from_pretrained(package)


def test_options_of_the_backend(package: Path) -> None:
    model = AutoModel.from_pretrained(package, device="cpu", dtype="bfloat16")
    assert model.runtime["dtype"] == "bfloat16"
    assert isinstance(model.prompt(PICTURE, "a", max_new_tokens=5)[0], str)
    with pytest.raises(InvalidParameterError, match="dtype= takes"):
        AutoModel.from_pretrained(package, dtype="int4")
    with pytest.raises(InvalidParameterError, match="Nothing accepts trust_remote_code="):
        AutoModel.from_pretrained(package, trust_remote_code=True)


def test_code_of_the_original_repositories_is_not_run(package: Path) -> None:
    """Those bring their own classes, which transformers asks to trust; the native ones are used instead."""
    (package / "modeling_florence2.py").write_text(f"open({str(package / 'ran')!r}, 'w')\n")
    names = {"AutoConfig": "modeling_florence2.A", "AutoModelForCausalLM": "modeling_florence2.B"}
    change(package / "config.json", auto_map=names)
    change(package / "processor_config.json", auto_map={"AutoProcessor": "modeling_florence2.C"})
    change(package / "tokenizer_config.json", auto_map={"AutoTokenizer": ["modeling_florence2.D", None]})
    AutoModel.from_pretrained(package, device="cpu").prompt(PICTURE, "a", max_new_tokens=2)
    assert not (package / "ran").exists()


def test_no_connection_is_tried(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def refuse(*arguments: Any, **options: Any) -> Any:
        tried.append(arguments)
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    AutoModel.from_pretrained(package, device="cpu").prompt(PICTURE, "a", max_new_tokens=2)
    assert tried == []


@pytest.fixture
def adapter(tmp_path: Path, tiny_package: Path) -> Path:
    """Return a package that is an adapter over the tiny network."""
    pytest.importorskip("peft")
    directory = tmp_path / "adapter"
    copytree(tiny_package, directory / "base")
    (directory / "base/model_config.json").rename(directory / "model_config.json")
    layers = [
        name.removesuffix(".weight")
        for name, weight in load_file(directory / "base/model.safetensors").items()
        if name.endswith(("q_proj.weight", "v_proj.weight")) and "language_model" in name
    ]
    rng = torch.Generator().manual_seed(1)
    weights = {}
    for layer in layers:
        weights[f"base_model.model.{layer}.lora_A.weight"] = torch.randn(2, 32, generator=rng)
        weights[f"base_model.model.{layer}.lora_B.weight"] = torch.randn(32, 2, generator=rng)
    save_file(weights, directory / "adapter_model.safetensors", {"format": "pt"})
    described = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "target_modules": layers}
    (directory / "adapter_config.json").write_text(json.dumps(described))
    return directory


def test_an_adapter_changes_what_its_base_says(adapter: Path, tiny: Any) -> None:
    model = AutoModel.from_pretrained(adapter, device="cpu")
    weight = "model.language_model.decoder.layers.0.encoder_attn.v_proj"
    lora = load_file(adapter / "adapter_model.safetensors")
    down, up = (lora[f"base_model.model.{weight}.lora_{part}.weight"] for part in "AB")
    before = tiny._package.model.get_parameter(f"{weight}.weight")
    torch.testing.assert_close(model._package.model.get_parameter(f"{weight}.weight"), before + 2 * up @ down)
    options = {"max_new_tokens": 12, "num_beams": 1}
    assert model.prompt(PICTURE, "<OD>", **options) != tiny.prompt(PICTURE, "<OD>", **options)


def test_an_adapter_without_its_base(adapter: Path) -> None:
    (adapter / "base/tokenizer.json").unlink()
    with pytest.raises(CorruptedModelPackageError, match="base has neither tokenizer"):
        AutoModel.from_pretrained(adapter)


def test_an_untrusted_pickle(package: Path) -> None:
    from im_backend_hf.toolkit import make_toolkit
    from im_florence2.model import Florence2

    torch.save(load_file(package / "model.safetensors"), package / "pytorch_model.bin")
    (package / "model.safetensors").unlink()
    assert AutoModel.from_pretrained(package, device="cpu"), "a path that the user gave is trusted"
    with pytest.raises(ModelLoadingError, match="is a pickle"):
        Florence2.from_pretrained(str(package), toolkit=make_toolkit(device="cpu"))
