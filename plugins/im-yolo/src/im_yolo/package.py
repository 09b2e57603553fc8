"""Opening a YOLO package: its files are read, checked against each other and against the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import frozen

from inference_models.developer_tools import (
    Array,
    ClassMapping,
    ImageNetwork,
    ImagePreProcessor,
    InferenceConfig,
    ModelPackageMetadata,
    ResizeMode,
    SessionOpener,
    TensorInfo,
    as_numpy,
    map_classes,
    parse_class_names,
    parse_inference_config,
    require_supported,
    substitute_resize_mode,
)

Floats = npt.NDArray[np.floating[Any]]


@frozen
class YOLOPackage:
    """An opened package.

    Attributes:
        network: what the session opened.
        config: what `inference_config.json` says.
        classes: the network's classes, and those of predictions; none where the task has none.
        pre_processor: makes the network's input.
    """

    network: ImageNetwork
    config: InferenceConfig
    classes: ClassMapping
    pre_processor: ImagePreProcessor

    @property
    def class_names(self) -> tuple[str, ...]:
        """Of the classes in predictions, by id."""
        return self.classes.names

    @property
    def network_class_names(self) -> tuple[str, ...]:
        """Of the classes in the network's output, by id: those that are removed too."""
        return self.classes.network_names

    @property
    def device(self) -> str | None:
        """Where images are prepared and outputs read, as torch names it; None: on the host, with arrays."""
        return self.network.device

    def run(self, inputs: Floats) -> list[Floats]:
        """Run the network, in as many batches as it needs, and return its outputs in its own order.

        Args:
            inputs: (N, channels, height, width) as `pre_processor` returns it.

        Returns:
            Arrays; where there is a `device`, tensors on it.

        Raises:
            SessionClosedError: after `close()`.
            ModelRuntimeError: the backend failed.
        """
        return self.in_order(self.network.run(inputs))

    def in_order(self, outputs: Mapping[str, Array]) -> list[Floats]:
        """Return the outputs of the session in its own order, as `run` does."""
        return list(outputs.values()) if self.device else [as_numpy(output) for output in outputs.values()]


def open_package(
    directory: str | Path,
    open_session: SessionOpener,
    *,
    check_config: Callable[[InferenceConfig, Path], None],
    check_outputs: Callable[[tuple[TensorInfo, ...], tuple[str, ...]], None],
    has_class_names: bool = True,
    metadata: ModelPackageMetadata | None = None,
) -> YOLOPackage:
    """Open the package in `directory`.

    Args:
        directory: holds inference_config.json, class_names.txt and what `open_session` needs.
        open_session: opens the network.
        check_config: `(config, directory)`: raises when the task cannot do with what the config says.
        check_outputs: `(outputs, the network's class names)`: raises when the outputs are not the task's. Not called
            for a session that does not know its outputs before it runs.
        has_class_names: whether the task has a class_names.txt.
        metadata: what the weights provider says about the package, its batch sizes among it.

    Raises:
        CorruptedModelPackageError: a file is missing or malformed, or the network contradicts one.
        ModelLoadingError: the package needs what is not supported; the message names what is.
    """
    directory = Path(directory)
    config = _as_trained(parse_inference_config(directory / "inference_config.json"))
    class_names = parse_class_names(directory / "class_names.txt") if has_class_names else ()
    check_config(config, directory)
    classes = map_classes(class_names, config.class_names_operations)
    require_supported(config)  # before opening a network takes its time
    session = open_session(directory)
    try:
        network = ImageNetwork.from_session(session, config, metadata)
        if session.outputs and all(output.shape for output in session.outputs):
            check_outputs(session.outputs, class_names)
        return YOLOPackage(network, config, classes, network.make_pre_processor(config))
    except BaseException:
        session.close()
        raise


def _as_trained(config: InferenceConfig) -> InferenceConfig:
    """Return `config` with what "fit-longer-edge" means for this family: a letterbox, padded with 127."""
    return substitute_resize_mode(config, ResizeMode.FIT_LONGER_EDGE, ResizeMode.LETTERBOX, padding_value=127)
