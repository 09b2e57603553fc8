"""A torch module as a session, so that the families are written once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from inference_models import ModelRuntimeError, SessionClosedError
from inference_models.developer_tools import ArrayKind, TensorInfo, TorchToolkit

INPUT, OUTPUT = "images", "logits"


class ModuleSession:
    """A network in torch; see `inference_models.developer_tools.Session`. Takes and gives tensors on `device`.

    Args:
        network: from (N, channels, height, width) to logits (N, classes), its module already placed by `toolkit`.
        toolkit: what the backend hands out.
        shape: channels, height and width of the input; None where the network takes any.
        classes: how many logits it gives.
    """

    array_kind: ArrayKind = "torch"

    def __init__(
        self,
        network: Callable[[Any], Any],
        toolkit: TorchToolkit,
        *,
        shape: tuple[int, int | None, int | None],
        classes: int,
    ) -> None:
        self._network: Callable[[Any], Any] | None = network
        self._toolkit = toolkit
        self.device = toolkit.device
        self.runtime: Mapping[str, object] = toolkit.runtime
        dtype = str(toolkit.dtype).removeprefix("torch.")
        self.inputs = (TensorInfo(INPUT, (None, *shape), dtype),)
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
