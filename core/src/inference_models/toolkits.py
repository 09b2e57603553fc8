"""Toolkits: what a backend hands to families that own their network instead of opening a session.

Plugins do not import each other. A family names `toolkit` in its `from_pretrained` and is given what its backend's
plugin makes; the shape they agree on stands here. `Any` stands for torch's types, because the core never imports torch.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar, runtime_checkable

Module = TypeVar("Module")
"""A `torch.nn.Module`."""


@runtime_checkable
class TorchToolkit(Protocol):
    """Loads and places a torch network for one package, on the device that was asked for.

    The order of use: build the module, `load_state_dict`, `load_weights`, `place`, then call it inside `inference()`.
    Nothing here changes a global setting of torch.
    """

    @property
    def device(self) -> str:
        """The device that it really is, for example "cpu" or "cuda:0"."""

    @property
    def dtype(self) -> Any:
        """The `torch.dtype` of weights and inputs: float16 for an fp16 package off the CPU, else float32."""

    @property
    def runtime(self) -> Mapping[str, object]:
        """Versions, device and dtype. For reports."""

    def load_state_dict(self, path: str | os.PathLike[str], *, allowed_classes: Iterable[Any] = ()) -> dict[str, Any]:
        """Read the weights in a file into main memory.

        Args:
            path: a safetensors file by its suffix, `.safetensors`; anything else is a checkpoint of `torch.save`, which
                is read with `weights_only=True`. Of a checkpoint that holds more than weights, those under "state_dict"
                or "model" are taken.
            allowed_classes: classes that the checkpoint may hold beside tensors and plain values.

        Returns:
            The tensors by name, as they are stored.

        Raises:
            CorruptedModelPackageError: the file is missing, cut short, or holds other objects.
        """

    def load_checkpoint(self, path: str | os.PathLike[str], *, allowed_classes: Iterable[Any] = ()) -> Any:
        """Read all that a checkpoint of `torch.save` holds into main memory, with `weights_only=True`.

        For families that need more of it than the weights: what the network was built with, or names of classes.

        Args:
            path: the file.
            allowed_classes: classes that it may hold beside tensors and plain values.

        Returns:
            What was saved.

        Raises:
            CorruptedModelPackageError: the file is missing, cut short, or holds other objects.
        """

    def load_weights(
        self, module: Any, state_dict: Mapping[str, Any], *, ignore_unexpected: Iterable[str] = ()
    ) -> None:
        """Copy weights into a module that has exactly these.

        Args:
            module: a `torch.nn.Module`.
            state_dict: the tensors by name.
            ignore_unexpected: names that the module need not have, with shell wildcards: "criterion.*".

        Raises:
            CorruptedModelPackageError: weights are missing, unexpected or of another shape. The message names them.
        """

    def place(self, module: Module) -> Module:
        """Make a module ready to run and return it: evaluation mode, no gradients, `dtype`, memory layout, `device`."""

    def inference(self) -> AbstractContextManager[object]:
        """Return the context in which the module is called; what leaves it is on `device` and needs no gradient.

        Raises (inside it):
            ModelRuntimeError: the device has not enough memory; the message says how much was needed and free.
        """
