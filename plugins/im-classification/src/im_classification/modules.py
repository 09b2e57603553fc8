"""A torch module as a session, so that the families are written once."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

from im_classification.classifiers import ClassifierStages
from inference_models import ModelRuntimeError, SessionClosedError
from inference_models.developer_tools import (
    ArrayKind,
    InferenceConfig,
    ModelPackageMetadata,
    RecommendedParameters,
    TensorInfo,
    TorchToolkit,
    TransformersToolkit,
)

INPUT, OUTPUT = "images", "logits"


class ModuleSession:
    """A network in torch; see `inference_models.developer_tools.Session`. Takes and gives tensors on `device`.

    Args:
        network: from (N, channels, height, width) to logits (N, classes), its module already placed by `toolkit`.
        toolkit: what the backend hands out.
        shape: channels, height and width of the input; None where the network takes any.
        classes: how many logits it gives.
        dtype: of the input, a `torch.dtype` or its name.
    """

    array_kind: ArrayKind = "torch"

    def __init__(
        self,
        network: Callable[[Any], Any],
        toolkit: TorchToolkit | TransformersToolkit,
        *,
        shape: tuple[int, int | None, int | None],
        classes: int,
        dtype: Any = "float32",
    ) -> None:
        self._network: Callable[[Any], Any] | None = network
        self._toolkit = toolkit
        self.device = toolkit.device
        self.runtime: Mapping[str, object] = toolkit.runtime
        self.inputs = (TensorInfo(INPUT, (None, *shape), str(dtype).removeprefix("torch.")),)
        self.outputs = (TensorInfo(OUTPUT, (None, classes), "float32"),)

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Run the network once.

        Args:
            feeds: the images, (N, channels, height, width), by the input's name.

        Raises:
            SessionClosedError: after `close()`.
            ModelRuntimeError: torch failed, or has not enough memory.
        """
        network = self._network
        if network is None:
            raise SessionClosedError("This network was closed and cannot be run any more. Load the model again.")
        images = feeds[INPUT]
        try:
            with self._toolkit.inference():
                logits = network(images).float()
        except RuntimeError as error:
            raise ModelRuntimeError(
                f"The network did not run on {tuple(images.shape)} {images.dtype}: {str(error).partition(chr(10))[0]}"
            ) from error
        return {OUTPUT: logits.clone()}  # outside, where it becomes a tensor like any other

    def close(self) -> None:
        """Release the network once the runs in progress are through. Calling it again does nothing."""
        self._network = None


class OnTorch(ClassifierStages):
    """What classifiers share whose network is built here and whose weights are read by the backend `torch`."""

    @classmethod
    def from_pretrained(
        cls,
        model_name_or_path: str | Path,
        *,
        toolkit: TorchToolkit,
        recommended_parameters: RecommendedParameters | None = None,
        package: ModelPackageMetadata | None = None,
    ) -> Self:
        """Load the package in a directory.

        Args:
            model_name_or_path: the directory. It holds inference_config.json with `model_initialization`,
                class_names.txt and the weights, in the files that the class says.
            toolkit: reads weights and places the network; `AutoModel` hands it over.
            recommended_parameters: thresholds behind `confidence="best"`.
            package: the package's metadata; its batch sizes count.

        Raises:
            CorruptedModelPackageError: a file is missing or malformed, or the weights are of another network.
            ModelLoadingError: the package needs what is not supported; the message names what is.
        """
        return cls._open(model_name_or_path, partial(cls.open_network, toolkit), package, recommended_parameters)

    @staticmethod
    @abstractmethod
    def open_network(toolkit: TorchToolkit, directory: Path, config: InferenceConfig, classes: int) -> ModuleSession:
        """Build the network that a package describes, and load its weights."""


def sides(image_size: int | Sequence[int] | None) -> tuple[int | None, int | None]:
    """Return height and width of pictures for a network whose config states `image_size`; None where it states none."""
    if image_size is None or isinstance(image_size, int):
        return image_size, image_size
    height, width = image_size
    return height, width
