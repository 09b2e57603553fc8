"""ViTs in torch: a backbone that transformers saved, and a layer beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference_models import CorruptedModelPackageError, ModelLoadingError

torch: Any = pytest.importorskip("torch")
pytest.importorskip("transformers")

from safetensors.torch import load_file, save_file  # noqa: E402
from transformers.models.vit import ViTConfig, ViTForImageClassification, ViTModel  # noqa: E402

CONFIG = ViTConfig(
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=64,
    image_size=64,
    patch_size=16,
    num_labels=3,
)
INITIALIZATION = {"num_classes": 3}


@pytest.fixture
def network() -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = ViTForImageClassification(CONFIG).eval().requires_grad_(False)
        for parameter in made.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return made


def write(workbench: Any, network: Any, **options: Any) -> Path:
    options = {"model_initialization": INITIALIZATION, **options}
    directory: Path = workbench.package("torch", architecture="vit", **options)
    network.vit.save_pretrained(directory / "vit")
    torch.save(network.classifier.state_dict(), directory / "classifier_layer_weights.pth")
    return directory


def expected_logits(workbench: Any, network: Any, image: Any) -> Any:
    return network.double()(torch.from_numpy(workbench.expected_input(image))).logits


@pytest.mark.parametrize("multi", [False, True])
def test_it_says_what_the_whole_network_says_in_float64(
    workbench: Any, network: Any, multi: bool, as_tensor: Any
) -> None:
    model = workbench.open(write(workbench, network, multi=multi))
    image = workbench.picture()
    found, of_tensor = model(image), model(as_tensor(image))
    logits = expected_logits(workbench, network, image)
    expected = (logits.sigmoid() if multi else logits.softmax(dim=1)).numpy()
    assert np.ptp(expected) > 0.01
    if multi:
        (found,), (of_tensor,), (expected,) = found, of_tensor, expected
    np.testing.assert_allclose(found.confidence, expected, atol=1e-5)
    assert of_tensor.array_kind == "torch"
    np.testing.assert_allclose(of_tensor.confidence.numpy(), found.confidence, atol=1e-6)


def test_weights_under_the_names_of_older_releases_and_with_a_pooler(
    workbench: Any, network: Any, caplog: pytest.LogCaptureFixture
) -> None:
    directory = write(workbench, network)
    path = directory / "vit" / "model.safetensors"
    weights = load_file(path)
    assert any("attention.query" in name for name in weights), "as files on the hub are, whatever the class calls them"
    width = CONFIG.hidden_size
    weights |= {"pooler.dense.weight": torch.zeros(width, width), "pooler.dense.bias": torch.zeros(width)}
    save_file(weights, path, metadata={"format": "pt"})
    image = workbench.picture()
    found = workbench.open(directory)(image)
    expected = expected_logits(workbench, network, image).softmax(dim=1)
    np.testing.assert_allclose(found.confidence, expected.numpy(), atol=1e-5)
    assert not caplog.records


def test_a_backbone_that_lacks_weights(workbench: Any, network: Any) -> None:
    directory = write(workbench, network)
    path = directory / "vit" / "model.safetensors"
    weights = load_file(path)
    weights.pop("layernorm.bias")
    save_file(weights, path, metadata={"format": "pt"})
    with pytest.raises(CorruptedModelPackageError, match=r"lacks 1 weights of the ViT .*layernorm\.bias"):
        workbench.open(directory)


def test_a_backbone_of_another_architecture(workbench: Any, network: Any) -> None:
    directory = write(workbench, network)
    path = directory / "vit" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "model_type": "deit"}))
    with pytest.raises(CorruptedModelPackageError, match=r"config\.json is of model_type 'deit', expected 'vit'"):
        workbench.open(directory)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_file_that_is_missing_or_damaged(workbench: Any, network: Any, name: str) -> None:
    directory = write(workbench, network)
    path = directory / "vit" / name
    path.write_bytes(path.read_bytes()[:20])
    told = r"(vit/config\.json cannot be read as JSON|is not a complete safetensors file): .* export the package again"
    with pytest.raises(CorruptedModelPackageError, match=told):
        workbench.open(directory)
    path.unlink()
    with pytest.raises(CorruptedModelPackageError, match=f"{name} is missing"):
        workbench.open(directory)


def test_what_contradicts_the_package(workbench: Any, network: Any) -> None:
    with pytest.raises(CorruptedModelPackageError, match=r"num_classes .* is 5, .* names 3"):
        workbench.open(write(workbench, network, model_initialization={"num_classes": 5}))
    size = {"training_input_size": {"height": 32, "width": 32}}
    with pytest.raises(CorruptedModelPackageError, match="The network takes 64x64"):
        workbench.open(write(workbench, network, network_input=size))
    directory = write(workbench, network)
    torch.save({"weight": torch.zeros(3, 8), "bias": torch.zeros(3)}, directory / "classifier_layer_weights.pth")
    with pytest.raises(CorruptedModelPackageError, match=r"weight: \(3, 8\) instead of \(3, 32\)"):
        workbench.open(directory)


def test_code_that_a_config_names_is_not_run(workbench: Any, network: Any) -> None:
    directory = write(workbench, network)
    path = directory / "vit" / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "auto_map": {"AutoModel": "evil.Model", "AutoConfig": "evil.Config"}}))
    marker = workbench.directory / "was-run"
    (directory / "vit" / "evil.py").write_text(f"open({str(marker)!r}, 'w')")
    workbench.open(directory)(workbench.picture())
    assert not marker.exists()
    assert ViTModel.__module__.startswith("transformers.")


def say(directory: Path, **said: Any) -> Path:
    path = directory / "vit" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **said}))
    return directory


@pytest.mark.parametrize(
    "said",
    [
        {"_attn_implementation": "somebody/attention"},  # transformers would fetch its code from the hub
        {"attn_implementation": "somebody/attention"},
        {"attn_implementation": "flash_attention_2"},
        {"dtype": "float77"},
        {"return_dict": False},
    ],
)
def test_what_is_no_fact_about_the_network_does_not_count(workbench: Any, network: Any, said: dict[str, Any]) -> None:
    image = workbench.picture()
    found = workbench.open(say(write(workbench, network), **said))(image)
    expected = expected_logits(workbench, network, image).softmax(dim=1)
    np.testing.assert_allclose(found.confidence, expected.numpy(), atol=1e-5)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"num_channels": "3"}, "does not hold a ViT: .*num_channels"),
        ({"hidden_act": "nope"}, "does not hold a ViT: KeyError: 'nope'"),
        ({"patch_size": 0}, "does not hold a ViT: ZeroDivisionError"),
        ({"image_size": [64]}, "does not hold a ViT: IndexError"),
        ({"hidden_size": 48}, "does not hold a ViT: RuntimeError"),
        ({"num_hidden_layers": 1}, "config.json states 1 layers, and model.safetensors has weights of 2"),
        ({"num_hidden_layers": 10**6}, "config.json states 1000000 layers"),  # building them would take hours
    ],
)
def test_a_config_that_describes_no_vit(workbench: Any, network: Any, said: dict[str, Any], message: str) -> None:
    with pytest.raises(CorruptedModelPackageError, match=message):
        workbench.open(say(write(workbench, network), **said))


def test_weights_that_were_quantized_before(workbench: Any, network: Any) -> None:
    quantized = {"quant_method": "bitsandbytes", "load_in_4bit": True}
    with pytest.raises(ModelLoadingError, match="quantized before they were saved"):
        workbench.open(say(write(workbench, network), quantization_config=quantized))
