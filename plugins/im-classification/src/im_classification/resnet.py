"""ResNet in torch: transformers' own class, with weights as timm, torchvision or transformers name them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from transformers.models.resnet import ResNetConfig, ResNetForImageClassification

from im_classification.classifiers import Classifier, MultiLabelClassifier
from im_classification.initialization import read_class_count, read_resnet_sizes
from im_classification.modules import ModuleSession, OnTorch
from inference_models import CorruptedModelPackageError
from inference_models.developer_tools import (
    InferenceConfig,
    TorchToolkit,
)

_WEIGHTS = ("weights.safetensors", "weights.pth", "weights.pt", "model.safetensors")
_COUNTER = "num_batches_tracked"  # of training; files may or may not have it
_SHOWN = 5

_STAGE = r"resnet\.encoder\.stages\.(\d+)\.layers\.(\d+)\."
_TIMM_NAMES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"resnet\.embedder\.embedder\.convolution\."), lambda match: "conv1."),
    (re.compile(r"resnet\.embedder\.embedder\.normalization\."), lambda match: "bn1."),
    (re.compile(_STAGE + r"layer\.(\d+)\.convolution\."), lambda match: f"{_block(match)}.conv{int(match[3]) + 1}."),
    (re.compile(_STAGE + r"layer\.(\d+)\.normalization\."), lambda match: f"{_block(match)}.bn{int(match[3]) + 1}."),
    (re.compile(_STAGE + r"shortcut\.convolution\."), lambda match: f"{_block(match)}.downsample.0."),
    (re.compile(_STAGE + r"shortcut\.normalization\."), lambda match: f"{_block(match)}.downsample.1."),
    (re.compile(r"classifier\.1\."), lambda match: "fc."),
)


class _OwnResNet(OnTorch):
    @staticmethod
    def open_network(toolkit: TorchToolkit, directory: Path, config: InferenceConfig, classes: int) -> ModuleSession:
        """Build the network and load its weights; see `open_resnet`."""
        return open_resnet(toolkit, directory, config, classes)


class ResNetClassifier(_OwnResNet, Classifier):
    """Gives each image one class, with a ResNet in torch. Its weights are in weights.safetensors or weights.pth."""


class ResNetMultiLabelClassifier(_OwnResNet, MultiLabelClassifier):
    """Gives each image any number of labels, with a ResNet in torch. Its weights lie as `ResNetClassifier` says."""


def open_resnet(toolkit: TorchToolkit, directory: Path, config: InferenceConfig, classes: int) -> ModuleSession:
    """Build the network that a package describes, and load its weights.

    Args:
        toolkit: of the backend.
        directory: holds the weights.
        config: its `model_initialization` says how large the network is.
        classes: how many class_names.txt names.

    Raises:
        CorruptedModelPackageError: the weights are missing, or of another network.
        ModelLoadingError: the network is no plain ResNet.
    """
    read_class_count(config, directory, classes)
    sizes = read_resnet_sizes(config, directory)
    channels = config.network_input.input_channels
    with torch.device("meta"):  # without memory of its own: it takes over the tensors that are read
        module = ResNetForImageClassification(
            ResNetConfig(
                num_channels=channels,
                embedding_size=sizes.embedding_size,
                hidden_sizes=list(sizes.hidden_sizes),
                depths=list(sizes.depths),
                layer_type=sizes.layer_type,
                num_labels=classes,
            )
        )
    weights = _find_weights(directory)
    toolkit.load_weights(module, rename_weights(toolkit.load_state_dict(weights), module.state_dict(), weights))
    toolkit.place(module)
    return ModuleSession(
        lambda images: module(images).logits,
        toolkit,
        shape=(channels, None, None),
        classes=classes,
        dtype=toolkit.dtype,
    )


def rename_weights(given: Mapping[str, Any], wanted: Collection[str], path: Path) -> dict[str, Any]:
    """Return the weights under transformers' names.

    Args:
        given: tensors under the names of timm and torchvision, or under those of transformers.
        wanted: transformers' names of all weights that the network has.
        path: of the file, for messages.

    Raises:
        CorruptedModelPackageError: weights are missing or left over. The message names them as the file does.
    """
    name_in_file = (lambda name: name) if any(name.startswith("resnet.") for name in given) else timm_name
    names = {name: name_in_file(name) for name in wanted}
    missing = [one for one in names.values() if one not in given and not one.endswith(_COUNTER)]
    unexpected = sorted(set(given) - set(names.values()))
    if missing or unexpected:
        parts = [_listed("missing", missing), _listed("unexpected", unexpected)]
        raise CorruptedModelPackageError(
            f"{path} does not hold the weights of this ResNet: {'; '.join(filter(None, parts))}. Check "
            f"model_initialization in inference_config.json, or export the package again."
        )
    return {name: given[source] if source in given else torch.tensor(0) for name, source in names.items()}


def timm_name(name: str) -> str:
    """Return timm's and torchvision's name of a weight that transformers calls `name`."""
    for pattern, made in _TIMM_NAMES:
        match = pattern.match(name)
        if match is not None:
            return made(match) + name[match.end() :]
    return name


def _block(match: re.Match[str]) -> str:
    return f"layer{int(match[1]) + 1}.{match[2]}"


def _find_weights(directory: Path) -> Path:
    for name in _WEIGHTS:
        if (directory / name).is_file():
            return directory / name
    there = ", ".join(sorted(entry.name for entry in directory.iterdir())) or "nothing"
    raise CorruptedModelPackageError(
        f"{directory} holds no weights: expected {' or '.join(_WEIGHTS[:2])}, found {there}. Download or export the "
        f"package again."
    )


def _listed(what: str, names: list[str]) -> str:
    if not names:
        return ""
    rest = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{len(names)} {what} ({', '.join(names[:_SHOWN])}{rest})"
