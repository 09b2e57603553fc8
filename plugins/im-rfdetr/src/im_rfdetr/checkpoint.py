"""Reading a checkpoint of the rf-detr project: its weights, and what it says beside them. It is read as data."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from attrs import frozen

from im_rfdetr.weights import PREFIXES
from inference_models import CorruptedModelPackageError
from inference_models.developer_tools import TorchToolkit

__all__ = ["Checkpoint", "read_checkpoint"]

# Options of the training program. Loaded, they run nothing: their attributes are set, and that is all.
_ALLOWED = (Namespace, SimpleNamespace)


@frozen
class Checkpoint:
    """What a checkpoint holds.

    Attributes:
        weights: tensors by the names of the rf-detr project.
        said: what it says beside them, by the names of the rf-detr project; empty when nothing.
    """

    weights: Mapping[str, Any]
    said: Mapping[str, Any]


def read_checkpoint(path: Path, toolkit: TorchToolkit) -> Checkpoint:
    """Return what a checkpoint holds.

    The rf-detr project writes the weights under "model" beside "args", newer releases "model_config" too; Lightning
    writes them under "state_dict" beside "hyper_parameters". Weights alone are taken as well.

    Args:
        path: a checkpoint of `torch.save`, or safetensors.
        toolkit: reads it, with `weights_only=True`.

    Raises:
        CorruptedModelPackageError: the file is missing or damaged, holds code, or holds no weights.
    """
    if path.suffix == ".safetensors":
        return Checkpoint(_plain_names(toolkit.load_state_dict(path)), {})
    contents = toolkit.load_checkpoint(path, allowed_classes=_ALLOWED)
    if not isinstance(contents, Mapping):
        raise CorruptedModelPackageError(
            f"{path} holds a {type(contents).__name__}, expected a checkpoint of the rf-detr project: a mapping with "
            f'the weights under "model". Save it again.'
        )
    weights = contents.get("model", contents.get("state_dict", contents))
    if not isinstance(weights, Mapping) or not weights or not all(map(_is_weight, weights, weights.values())):
        raise CorruptedModelPackageError(
            f'{path} holds no weights under "model": {", ".join(map(str, list(contents)[:8])) or "nothing"}. Save the '
            f"checkpoint again."
        )
    said: dict[str, Any] = {}
    for key in ("hyper_parameters", "args", "model_config"):
        said |= _attributes(contents.get(key))
    return Checkpoint(_plain_names(weights), said)


def _is_weight(name: object, value: object) -> bool:
    return isinstance(name, str) and hasattr(value, "shape") and str(getattr(value, "layout", "")) == "torch.strided"


def _attributes(options: object) -> Mapping[str, Any]:
    if isinstance(options, _ALLOWED):
        return vars(options)
    return options if isinstance(options, Mapping) else {}


def _plain_names(weights: Mapping[str, Any]) -> dict[str, Any]:
    """Return the weights without what other programs put before all of their names."""
    named = dict(weights)
    while prefix := next((one for one in PREFIXES if all(name.startswith(one) for name in named)), None):
        named = {name.removeprefix(prefix): tensor for name, tensor in named.items()}
    return named
