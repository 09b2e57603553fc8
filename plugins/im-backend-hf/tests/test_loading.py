"""Models and processors come out of the package as they are, or an error says what is wrong with it."""

from __future__ import annotations

import os
import pickle
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import ViTForImageClassification

from im_backend_hf.toolkit import Toolkit
from inference_models import CorruptedModelPackageError, ModelImplementationNotFoundError, ModelLoadingError

NAME = "ViTForImageClassification"
PICTURE = torch.linspace(-1, 1, 3 * 32 * 32).reshape(1, 3, 32, 32)


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model(PICTURE.to(model.dtype)).logits


def test_the_model_is_that_of_transformers(package: Path, toolkit: Toolkit) -> None:
    model = toolkit.load_model(NAME, package)

    assert torch.equal(logits(model), logits(ViTForImageClassification.from_pretrained(package)))
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert (model.device.type, model.dtype, toolkit.device) == ("cpu", torch.float32, "cpu")
    with toolkit.inference():
        assert model(PICTURE).logits.is_inference()
    assert toolkit.runtime["version"] == transformers.__version__


def test_the_processor_is_that_of_transformers_without_torchvision(package: Path, toolkit: Toolkit) -> None:
    picture = Image.new("RGB", (50, 40), (10, 200, 30))
    given = toolkit.load_processor("ViTImageProcessorPil", package)(picture, return_tensors="pt")["pixel_values"]
    expected = transformers.ViTImageProcessorPil.from_pretrained(package)(picture, return_tensors="pt")["pixel_values"]
    assert torch.equal(given, expected)


def test_weights_in_several_files(package: Path, toolkit: Toolkit) -> None:
    network = ViTForImageClassification.from_pretrained(package)
    expected = logits(network)
    (package / "model.safetensors").unlink()
    network.save_pretrained(package, max_shard_size="4KB")
    assert len(list(package.glob("model-*.safetensors"))) > 1

    assert torch.equal(logits(toolkit.load_model(NAME, package)), expected)
    next(package.glob("model-*.safetensors")).unlink()
    with pytest.raises(CorruptedModelPackageError, match=r"lacks model-0000\d-of"):
        toolkit.load_model(NAME, package)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda weights: weights.pop("vit.layernorm.bias"), r"1 missing \(vit.layernorm.bias\)"),
        (lambda weights: weights.update(more=torch.ones(1)), r"1 unexpected \(more\)"),
        (
            lambda weights: weights.update({"classifier.weight": torch.ones(3, 16)}),
            r"1 of another shape \(classifier.weight: \(3, 16\) instead of \(2, 16\)\)",
        ),
        (
            lambda weights: [weights.pop(name) for name in list(weights) if "layer" in name],
            r"missing \(.* and \d+ more",
        ),
    ],
)
def test_weights_that_do_not_match_the_config(
    package: Path, toolkit: Toolkit, spoil: Callable[[dict[str, torch.Tensor]], object], said: str
) -> None:
    weights = load_file(package / "model.safetensors")
    spoil(weights)
    save_file(weights, package / "model.safetensors", {"format": "pt"})
    with pytest.raises(CorruptedModelPackageError, match=said) as error:
        toolkit.load_model(NAME, package)
    assert str(package) in str(error.value)


def test_a_config_of_another_size(package: Path, toolkit: Toolkit, change: Callable[..., None]) -> None:
    change(package / "config.json", num_hidden_layers=1)
    with pytest.raises(CorruptedModelPackageError, match=r"16 unexpected \(.* and 11 more\)"):
        toolkit.load_model(NAME, package)
    toolkit.load_model(NAME, package, ignore_unexpected=["vit.*"])


@pytest.mark.parametrize("content", [b"", b"not safetensors", b"\xff" * 64])
def test_damaged_weights(package: Path, toolkit: Toolkit, content: bytes) -> None:
    (package / "model.safetensors").write_bytes(content)
    with pytest.raises(CorruptedModelPackageError, match="cannot be loaded"):
        toolkit.load_model(NAME, package)


def test_a_file_that_is_cut_short(package: Path, toolkit: Toolkit) -> None:
    weights = package / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(CorruptedModelPackageError, match="cannot be loaded"):
        toolkit.load_model(NAME, package)


def test_missing_files(package: Path, toolkit: Toolkit) -> None:
    (package / "preprocessor_config.json").unlink()
    with pytest.raises(CorruptedModelPackageError, match=r"processor in .* cannot be used.*config\.json, model\.safe"):
        toolkit.load_processor("ViTImageProcessorPil", package)
    (package / "model.safetensors").unlink()
    with pytest.raises(CorruptedModelPackageError, match=r"no weights: neither model\.safetensors nor"):
        toolkit.load_model(NAME, package)
    (package / "config.json").unlink()
    with pytest.raises(CorruptedModelPackageError, match=r"config\.json is missing\. Its directory has: nothing"):
        toolkit.load_model(NAME, package)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model_type": "bert"}, "of model_type 'bert'; ViTForImageClassification takes 'vit'"),
        ({"hidden_size": "wide"}, r"config\.json cannot be used"),
    ],
)
def test_a_config_that_makes_no_sense(
    package: Path, toolkit: Toolkit, change: Callable[..., None], changes: dict[str, Any], said: str
) -> None:
    change(package / "config.json", **changes)
    with pytest.raises(CorruptedModelPackageError, match=said):
        toolkit.load_model(NAME, package)


@pytest.mark.parametrize(("content", "said"), [("{", "cannot be read as JSON"), ("[]", "must hold a JSON object")])
def test_a_damaged_generation_config(package: Path, toolkit: Toolkit, content: str, said: str) -> None:
    (package / "generation_config.json").write_text(content)
    with pytest.raises(CorruptedModelPackageError, match=rf"generation_config\.json {said}"):
        toolkit.load_model(NAME, package)


def test_a_class_that_transformers_does_not_have(package: Path, toolkit: Toolkit) -> None:
    with pytest.raises(ModelImplementationNotFoundError, match=r"has no NoSuchModel\. Install a newer one"):
        toolkit.load_model("NoSuchModel", package)


class Bomb:
    """Makes a directory when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return (os.mkdir, (str(self.target),))


def test_a_pickle_is_read_as_data_and_only_from_a_trusted_package(
    package: Path, toolkit_for: Callable[..., Toolkit]
) -> None:
    expected = logits(toolkit_for().load_model(NAME, package))
    torch.save(load_file(package / "model.safetensors"), package / "pytorch_model.bin")
    (package / "model.safetensors").unlink()

    with pytest.raises(ModelLoadingError, match=r"pytorch_model\.bin is a pickle.*does not vouch for the package"):
        toolkit_for().load_model(NAME, package)
    assert torch.equal(logits(toolkit_for(trusted_source=True).load_model(NAME, package)), expected)


@pytest.mark.parametrize("save", [torch.save, lambda content, path: path.write_bytes(pickle.dumps(content))])
def test_a_pickle_runs_nothing(package: Path, toolkit_for: Callable[..., Toolkit], save: Callable[..., Any]) -> None:
    (package / "model.safetensors").unlink()
    save({"classifier.weight": Bomb(package / "ran")}, package / "pytorch_model.bin")
    with pytest.raises(CorruptedModelPackageError, match="cannot be loaded") as error:
        toolkit_for(trusted_source=True).load_model(NAME, package)
    assert "weights_only" not in str(error.value)  # no advice to run it
    assert not (package / "ran").exists()


def settings() -> dict[str, Any]:
    """Return what a load could change for the whole process."""
    return {
        "environment": dict(os.environ),
        "verbosity": transformers.utils.logging.get_verbosity(),
        "bars": transformers.utils.logging.is_progress_bar_enabled(),
        "default dtype": torch.get_default_dtype(),
        "threads": torch.get_num_threads(),
        "gradients": torch.is_grad_enabled(),
        "random numbers": (torch.get_rng_state().tolist(), random.getstate()),
    }


def test_nothing_is_printed_and_no_setting_is_changed(
    package: Path, toolkit: Toolkit, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    before = settings()
    toolkit.load_processor("ViTImageProcessorPil", package)
    toolkit.load_model(NAME, package)
    (package / "model.safetensors").write_bytes(b"")
    with pytest.raises(CorruptedModelPackageError):
        toolkit.load_model(NAME, package)
    after = settings()
    assert [name for name, value in before.items() if after[name] != value] == []
    assert capfd.readouterr() == ("", "")
    assert caplog.messages == []


def test_a_network_without_attention(tmp_path: Path, toolkit: Toolkit) -> None:
    sizes = {"embedding_size": 8, "hidden_sizes": [8], "depths": [1], "layer_type": "basic"}
    network = transformers.ResNetForImageClassification(transformers.ResNetConfig(**sizes)).eval()
    network.save_pretrained(tmp_path)
    loaded = toolkit.load_model("ResNetForImageClassification", tmp_path)
    picture = torch.rand(1, 3, 32, 32)
    assert torch.equal(loaded(picture).logits, network(picture).logits)


def test_weights_that_nothing_uses_may_be_missing(package: Path, toolkit: Toolkit) -> None:
    with pytest.raises(CorruptedModelPackageError, match=r"2 missing \(pooler"):
        toolkit.load_model("ViTModel", package, ignore_unexpected=["classifier.*"])
    assert toolkit.load_model("ViTModel", package, ignore_unexpected=["classifier.*"], ignore_missing=["pooler.*"])


def test_weights_beside_a_model(tmp_path: Path, toolkit_for: Callable[..., Toolkit]) -> None:
    torch.save({"weight": torch.ones(2)}, tmp_path / "head.pth")
    with pytest.raises(ModelLoadingError, match=r"head\.pth is a pickle"):
        toolkit_for().load_state_dict(tmp_path / "head.pth")
    found = toolkit_for(trusted_source=True).load_state_dict(tmp_path / "head.pth")
    assert found["weight"].tolist() == [1, 1]
