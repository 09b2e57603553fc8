"""ViT in torch: transformers' own class, and a linear layer over what it says of the class token."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from torch import nn
from transformers.models.vit import ViTConfig, ViTModel

from im_classification.checkpoint import CONFIG, read_config
from im_classification.classifiers import Classifier, MultiLabelClassifier
from im_classification.initialization import read_class_count
from im_classification.modules import ModuleSession, OnTorch, sides
from inference_models import CorruptedModelPackageError, ModelLoadingError
from inference_models.developer_tools import (
    InferenceConfig,
    TorchToolkit,
)

BACKBONE, HEAD = "vit", "classifier_layer_weights.pth"
# What files of backbones may hold beside it: a pooler, and the head of the network that it was part of.
_UNUSED = ("pooler.", "vit.pooler.", "classifier.")
_LAYER = re.compile(r"\blayers?\.(\d+)\.")
# What counts of config.json: facts about the network. Other keys tell transformers what to fetch from the Hugging Face
# hub, code among it, or to take other classes than its own.
_FACTS = frozenset(
    {
        "hidden_act",
        "hidden_size",
        "image_size",
        "intermediate_size",
        "layer_norm_eps",
        "num_attention_heads",
        "num_channels",
        "num_hidden_layers",
        "patch_size",
        "qkv_bias",
    }
)


class BackboneAndHead(nn.Module):
    """A linear layer over what a backbone says of the class token."""

    def __init__(self, backbone: ViTModel, head: nn.Linear) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head

    def forward(self, images: Any) -> Any:
        """Map (N, channels, height, width) to logits (N, classes)."""
        return self.head(self.backbone(images).last_hidden_state[:, 0])


class _OwnViT(OnTorch):
    @staticmethod
    def open_network(toolkit: TorchToolkit, directory: Path, config: InferenceConfig, classes: int) -> ModuleSession:
        """Build the network and load its weights; see `open_vit`."""
        return open_vit(toolkit, directory, config, classes)


class ViTClassifier(_OwnViT, Classifier):
    """Gives each image one class, with a ViT in torch.

    Its backbone is in vit/config.json and vit/model.safetensors, the last layer's "weight" and "bias" in
    classifier_layer_weights.pth.
    """


class ViTMultiLabelClassifier(_OwnViT, MultiLabelClassifier):
    """Gives each image any number of labels, with a ViT in torch. Its weights lie as `ViTClassifier` says."""


def open_vit(toolkit: TorchToolkit, directory: Path, config: InferenceConfig, classes: int) -> ModuleSession:
    """Build the network that a package describes, and load its weights.

    Args:
        toolkit: of the backend.
        directory: holds the weights.
        config: its `model_initialization` says how many classes there are.
        classes: how many class_names.txt names.

    Raises:
        CorruptedModelPackageError: the weights are missing, or of another network.
    """
    read_class_count(config, directory, classes)
    backbone = load_backbone(toolkit, directory / BACKBONE)
    head = nn.Linear(backbone.config.hidden_size, classes)
    toolkit.load_weights(head, toolkit.load_state_dict(directory / HEAD))
    network = toolkit.place(BackboneAndHead(backbone, head))
    height, width = sides(backbone.config.image_size)
    shape = (backbone.config.num_channels, height, width)
    return ModuleSession(network, toolkit, shape=shape, classes=classes, dtype=toolkit.dtype)


def load_backbone(toolkit: TorchToolkit, directory: Path) -> ViTModel:
    """Load the backbone in a directory, without the internet and without code from there.

    Args:
        toolkit: reads the weights.
        directory: holds config.json and model.safetensors, the weights under the names that any release of transformers
            gave them.

    Raises:
        CorruptedModelPackageError: a file is missing or malformed, of another network, or lacks weights.
        ModelLoadingError: the weights were quantized before.
    """
    facts = _read_facts(directory)
    weights = toolkit.load_state_dict(directory / "model.safetensors")
    used = {name: tensor for name, tensor in weights.items() if not name.startswith(_UNUSED)}
    _check_layers(facts, used, directory)
    try:
        backbone, outcome = ViTModel.from_pretrained(
            None,
            config=ViTConfig(**facts),
            state_dict=used,
            add_pooling_layer=False,
            output_loading_info=True,
            attn_implementation="sdpa",  # torch's own
        )
    except MemoryError:
        raise
    except Exception as error:  # what is wrong shows in as many ways as there are keys
        if "memory" in str(error).lower():
            raise
        told = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}".rstrip(": .")
        raise CorruptedModelPackageError(
            f"{directory} does not hold a ViT: {told}. Download or export it again."
        ) from error
    lacking = sorted(outcome["missing_keys"])
    if lacking:
        raise CorruptedModelPackageError(
            f"{directory / 'model.safetensors'} lacks {len(lacking)} weights of the ViT that config.json describes, "
            f"among them {lacking[0]}. Export the package again."
        )
    return backbone


def _check_layers(facts: Mapping[str, Any], weights: Iterable[str], directory: Path) -> None:
    """Compare the layers that config.json states with those that have weights: left out, they would go unnoticed."""
    stated = facts.get("num_hidden_layers", ViTConfig().num_hidden_layers)
    found = {int(match[1]) for name in weights if (match := _LAYER.search(name))}
    if found != set(range(len(found))) or stated != len(found):
        raise CorruptedModelPackageError(
            f"{directory} does not hold a ViT: config.json states {stated!r} layers, and model.safetensors has weights "
            f"of {len(found)}. Download or export it again."
        )


def _read_facts(directory: Path) -> dict[str, Any]:
    path = directory / CONFIG
    if not path.is_file():
        raise CorruptedModelPackageError(f"{path} is missing. Download or export the package again.")
    content = read_config(path, "vit")
    if content.get("quantization_config"):
        raise ModelLoadingError(
            f"The weights in {directory} were quantized before they were saved (quantization_config in config.json), "
            f"which is not supported. Use a package in fp32, fp16 or bf16."
        )
    return {name: value for name, value in content.items() if name in _FACTS}
