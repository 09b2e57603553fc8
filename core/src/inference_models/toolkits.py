"""Toolkits: what a backend hands to families that own their network instead of opening a session.

Plugins do not import each other. A family names `toolkit` in its `from_pretrained` and is given what its backend's
plugin makes; the shape they agree on stands here. `Any` stands for the types of torch and transformers, because the
core never imports either.
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


@runtime_checkable
class TransformersToolkit(Protocol):
    """Loads models of Hugging Face transformers for one package, on the device that was asked for.

    Everything comes out of the package's directory, as data: no code in it is run, and nothing is fetched. No setting
    of the process is changed, but for transformers' verbosity, which is as before after each load.
    """

    @property
    def device(self) -> str:
        """The device that it really is, for example "cpu" or "cuda:0"."""

    @property
    def runtime(self) -> Mapping[str, object]:
        """Versions and device. For reports."""

    def load_processor(self, name: str, directory: str | os.PathLike[str]) -> Any:
        """Return what prepares the inputs of a model, with images resized by Pillow.

        Args:
            name: of a processor class of transformers, for example "Florence2Processor".
            directory: the package's. Of an adapter (`adapter_config.json`), the processor of its `base/` is read.

        Raises:
            CorruptedModelPackageError: files are missing or damaged.
            ModelImplementationNotFoundError: the installed transformers has no such class.
        """

    def load_model(
        self,
        name: str,
        directory: str | os.PathLike[str],
        *,
        ignore_unexpected: Iterable[str] = (),
        ignore_missing: Iterable[str] = (),
    ) -> Any:
        """Return a model ready to run: on `device`, in evaluation mode, without gradients.

        Its `dtype` is what the user asked for; else float32, or for weights in half precision the one of float16,
        bfloat16 and float32 that the device computes in.

        Args:
            name: of a model class of transformers, for example "Florence2ForConditionalGeneration".
            directory: the package's. An adapter (`adapter_config.json`) is added to the model in its `base/`.
            ignore_unexpected: names of weights that the model need not have, with shell wildcards.
            ignore_missing: names of weights that the files need not have, because nothing uses them; they are random.

        Raises:
            CorruptedModelPackageError: files are missing or damaged, or the weights are not those that config.json
                describes; the message names them.
            ModelLoadingError: the weights are a pickle and nobody vouches for it, or do not fit into memory.
            MissingDependencyError: the package is an adapter and peft is not installed.
            ModelImplementationNotFoundError: the installed transformers has no such class.
        """

    def load_state_dict(self, path: str | os.PathLike[str]) -> dict[str, Any]:
        """Read the weights in a file beside a model into main memory, as `TorchToolkit.load_state_dict` does.

        Raises:
            CorruptedModelPackageError: the file is missing, cut short, or holds other objects.
            ModelLoadingError: it is a pickle and nobody vouches for it.
        """

    def inference(self) -> AbstractContextManager[object]:
        """Return the context in which the model is called; what leaves it is on `device` and needs no gradient.

        Raises (inside it):
            ModelRuntimeError: the device has not enough memory.
        """
