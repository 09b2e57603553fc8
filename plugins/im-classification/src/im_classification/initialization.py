"""What `model_initialization` in inference_config.json says of a network that this plugin builds itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from inference_models import CorruptedModelPackageError, ModelLoadingError
from inference_models.developer_tools import InferenceConfig

_BASIC, _BOTTLENECK = "basic", "bottleneck"
_SIZES = ("layer_type", "embedding_size", "hidden_sizes", "depths")


@frozen
class ResNetSizes:
    """How large a plain ResNet is.

    Attributes:
        layer_type: "basic" (two 3x3 convolutions) or "bottleneck" (1x1, 3x3, 1x1).
        embedding_size: channels after the first convolution.
        hidden_sizes: channels after each stage.
        depths: blocks in each stage.
    """

    layer_type: str
    embedding_size: int
    hidden_sizes: tuple[int, ...]
    depths: tuple[int, ...]


def _standard(layer_type: str, *depths: int) -> ResNetSizes:
    widths = (64, 128, 256, 512) if layer_type == _BASIC else (256, 512, 1024, 2048)
    return ResNetSizes(layer_type, 64, widths, depths)


# By the names that timm gives them.
PLAIN_RESNETS = {
    "resnet18": _standard(_BASIC, 2, 2, 2, 2),
    "resnet26": _standard(_BOTTLENECK, 2, 2, 2, 2),
    "resnet34": _standard(_BASIC, 3, 4, 6, 3),
    "resnet50": _standard(_BOTTLENECK, 3, 4, 6, 3),
    "resnet101": _standard(_BOTTLENECK, 3, 4, 23, 3),
    "resnet152": _standard(_BOTTLENECK, 3, 8, 36, 3),
}


def read_class_count(config: InferenceConfig, directory: Path, classes: int) -> None:
    """Make sure that `num_classes` is how many names class_names.txt has.

    Raises:
        CorruptedModelPackageError: it is missing, no number, or another one.
    """
    stated = _initialization(config, directory).get("num_classes")
    if isinstance(stated, int) and not isinstance(stated, bool) and stated == classes:
        return
    said = "is missing" if stated is None else f"is {stated!r}"
    raise CorruptedModelPackageError(
        f"model_initialization.num_classes in {directory / 'inference_config.json'} {said}, and class_names.txt names "
        f"{classes} classes. Correct the one that is wrong."
    )


def read_resnet_sizes(config: InferenceConfig, directory: Path) -> ResNetSizes:
    """Return the sizes that `model_name` stands for, or that are stated one by one.

    Raises:
        CorruptedModelPackageError: they are missing or malformed.
        ModelLoadingError: the name is of a network that is no plain ResNet.
    """
    stated = _initialization(config, directory)
    name = stated.get("model_name")
    if name is None and any(key in stated for key in _SIZES):
        return _stated_sizes(stated, directory)
    if not isinstance(name, str):
        raise CorruptedModelPackageError(
            f'model_initialization in {directory / "inference_config.json"} has no model_name, such as "resnet18", and '
            f"no sizes ({', '.join(_SIZES)}). Add one of the two, or export the package again."
        )
    # "timm/resnet18.a1_in1k": what follows the dot says how the weights were trained.
    plain = PLAIN_RESNETS.get(name.rpartition("/")[2].partition(".")[0])
    if plain is None:
        raise ModelLoadingError(
            f"model_initialization.model_name is {name!r}, which is no plain ResNet: its layers would not match. "
            f"Supported with the backend torch: {', '.join(PLAIN_RESNETS)}. Export the network to ONNX instead."
        )
    return plain


def _initialization(config: InferenceConfig, directory: Path) -> Mapping[str, Any]:
    if config.model_initialization is None:
        raise CorruptedModelPackageError(
            f"{directory / 'inference_config.json'} has no model_initialization, which says how to build the network. "
            f"Export the package again, or add it."
        )
    return config.model_initialization


def _stated_sizes(stated: Mapping[str, Any], directory: Path) -> ResNetSizes:
    layer_type, embedding, widths, depths = (stated.get(key) for key in _SIZES)
    lists = [value for value in (widths, depths) if isinstance(value, (list, tuple)) and value]
    numbers = [embedding, *(one for value in lists for one in value)]
    if (
        layer_type in (_BASIC, _BOTTLENECK)
        and len(lists) == 2
        and len(lists[0]) == len(lists[1])
        and all(isinstance(one, int) and not isinstance(one, bool) and one > 0 for one in numbers)
    ):
        return ResNetSizes(str(layer_type), numbers[0], tuple(lists[0]), tuple(lists[1]))
    found = ", ".join(f"{key}: {stated.get(key)!r}" for key in _SIZES)
    raise CorruptedModelPackageError(
        f"model_initialization in {directory / 'inference_config.json'} does not describe a ResNet: expected "
        f'layer_type "{_BASIC}" or "{_BOTTLENECK}", embedding_size, and hidden_sizes and depths of one length, all of '
        f"them positive whole numbers; found {found}. Correct it."
    )
