"""What a package says may describe a network. It must not run code, fetch anything or reach out of its directory."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from im_backend_hf.package_files import read_config, uses_safetensors
from im_backend_hf.toolkit import Toolkit
from inference_models import CorruptedModelPackageError, InvalidParameterError, ModelLoadingError

NAME = "ViTForImageClassification"
Change = Callable[..., None]


@pytest.fixture
def evil(package: Path, change: Change) -> Path:
    """Return a package with code of its own, named wherever transformers looks for it."""
    code = f"from pathlib import Path\nPath({str(package / 'ran')!r}).touch()\n"
    classes = "class Evil:\n    pass\n\n\ndef generate(model, **options):\n    return None\n"
    (package / "evil.py").write_text(code + classes)
    (package / "custom_generate").mkdir()
    (package / "custom_generate/generate.py").write_text(code + classes)
    names = ("AutoConfig", "AutoModel", "AutoModelForImageClassification", "AutoImageProcessor", "AutoProcessor")
    mapping = dict.fromkeys(names, "evil.Evil")
    change(package / "config.json", auto_map=mapping, custom_generate="evil.py")
    change(package / "preprocessor_config.json", auto_map=mapping)
    return package


def test_code_in_a_package_is_never_run(evil: Path, toolkit_for: Callable[..., Toolkit]) -> None:
    toolkit = toolkit_for(trusted_source=True)
    model = toolkit.load_model(NAME, evil)
    processor = toolkit.load_processor("ViTImageProcessorPil", evil)

    assert (type(model).__module__.partition(".")[0], type(processor).__module__.partition(".")[0]) == (
        "transformers",
        "transformers",
    )
    assert not (evil / "ran").exists()


def test_a_class_that_exists_in_the_package_only_is_an_error(evil: Path, toolkit: Toolkit, change: Change) -> None:
    change(evil / "preprocessor_config.json", image_processor_type="Evil")
    change(evil / "config.json", model_type="evil")
    with pytest.raises(CorruptedModelPackageError):
        toolkit.load_processor("AutoImageProcessor", evil)
    with pytest.raises(CorruptedModelPackageError, match="of model_type 'evil'"):
        toolkit.load_model(NAME, evil)
    assert not (evil / "ran").exists()


def test_no_option_turns_code_on(toolkit_for: Callable[..., Toolkit]) -> None:
    with pytest.raises(InvalidParameterError, match="no option 'trust_remote_code'"):
        toolkit_for({"trust_remote_code": True})


@pytest.mark.parametrize(
    "changes",
    [
        {"attn_implementation": "somebody/kernels"},
        {"_attn_implementation": "somebody/kernels", "_attn_implementation_internal": "somebody/kernels"},
        {"experts_implementation": "somebody/kernels", "use_kernels": True, "kernel_config": {"a": "b/c"}},
        {"transformers_weights": "../other.safetensors"},
        {"fusion_config": {"everything": {}}},
        {"distributed_config": {"tp_size": 2}},
    ],
)
def test_what_is_no_fact_about_the_network_is_not_read(
    package: Path, toolkit: Toolkit, change: Change, changes: dict[str, Any]
) -> None:
    change(package / "config.json", **changes)
    assert not set(changes) & set(read_config(package))
    assert toolkit.load_model(NAME, package).config._attn_implementation == "sdpa"


def test_it_is_not_read_in_parts_of_the_config_either(package: Path, change: Change) -> None:
    change(package / "config.json", text_config={"hidden_size": 3, "attn_implementation": "somebody/kernels"})
    assert read_config(package)["text_config"] == {"hidden_size": 3}


def test_weights_that_were_quantized_before(package: Path, toolkit: Toolkit, change: Change) -> None:
    change(package / "config.json", quantization_config={"quant_method": "bitsandbytes", "load_in_4bit": True})
    with pytest.raises(ModelLoadingError, match=r"quantized before they were saved .* load_in_4bit=True"):
        toolkit.load_model(NAME, package)


def test_an_adapter_beside_a_model_cannot_name_another_base(package: Path, toolkit: Toolkit) -> None:
    (package / "base").mkdir()
    for file in ("config.json", "model.safetensors"):
        (package / file).rename(package / "base" / file)
    described = {"peft_type": "LORA", "base_model_name_or_path": "/etc", "r": 1}
    for directory in (package, package / "base"):
        (directory / "adapter_config.json").write_text(json.dumps(described))
    with pytest.raises(CorruptedModelPackageError, match="holds an adapter beside a whole model"):
        toolkit.load_model(NAME, package)


@pytest.mark.parametrize("name", ["../other.safetensors", "/etc/passwd", "a/b.safetensors", "model.bin"])
def test_an_index_that_leads_elsewhere(package: Path, toolkit: Toolkit, name: str) -> None:
    (package / "model.safetensors").unlink()
    (package / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": name}}))
    with pytest.raises(CorruptedModelPackageError, match="no safetensors file of this directory"):
        toolkit.load_model(NAME, package)


@pytest.mark.parametrize("content", ["[]", "{}", '{"weight_map": {"a": 1}}', "{", "[" * 100_000])
def test_an_index_that_makes_no_sense(tmp_path: Path, content: str) -> None:
    (tmp_path / "model.safetensors.index.json").write_text(content)
    with pytest.raises(CorruptedModelPackageError):
        uses_safetensors(tmp_path, trusted=False)
