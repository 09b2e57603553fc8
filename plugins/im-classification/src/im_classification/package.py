"""Opening a classification package: its files are read, checked against each other and against the network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeAlias

from attrs import frozen

from im_classification.preparation import ByConfig, Preparation
from inference_models import CorruptedModelPackageError
from inference_models.developer_tools import (
    Array,
    ClassMapping,
    ImageNetwork,
    InferenceConfig,
    ModelPackageMetadata,
    ResizeMode,
    Session,
    map_classes,
    parse_class_names,
    parse_inference_config,
    require_activation,
    require_supported,
    substitute_resize_mode,
)

Activation: TypeAlias = Literal["softmax", "sigmoid"]

OpenNetwork: TypeAlias = Callable[[Path, InferenceConfig, int], Session]
"""`(directory, config, number of classes)`: opens the network as a session."""


@frozen
class ClassifierPackage:
    """An opened package.

    Attributes:
        network: what the session opened.
        classes: the network's classes, and those of predictions.
        prepare: makes the network's input.
        is_fused: whether the network ends in its softmax or sigmoid.
    """

    network: ImageNetwork
    classes: ClassMapping
    prepare: Preparation
    is_fused: bool

    @property
    def class_names(self) -> tuple[str, ...]:
        """Of the classes in predictions, by id."""
        return self.classes.names

    def run(self, inputs: Array) -> Array:
        """Run the network, in as many batches as it needs, and return its first output, (N, classes).

        Args:
            inputs: (N, channels, height, width) as `prepare` returns it.

        Raises:
            SessionClosedError: after `close()`.
            ModelRuntimeError: the backend failed.
            CorruptedModelPackageError: the output is not a score for each class.
        """
        scores = next(iter(self.network.run(inputs).values()))
        _check_output(tuple(scores.shape), len(self.classes.network_names))
        return scores


def open_package(
    directory: str | Path,
    open_network: OpenNetwork,
    *,
    activation: Activation,
    metadata: ModelPackageMetadata | None = None,
) -> ClassifierPackage:
    """Open the package in `directory`.

    Args:
        directory: holds inference_config.json, class_names.txt and what `open_network` needs.
        open_network: opens the network.
        activation: what makes probabilities of the network's output for this task.
        metadata: what the weights provider says about the package, its batch sizes among it.

    Raises:
        CorruptedModelPackageError: a file is missing or malformed, or the network contradicts one.
        ModelLoadingError: the package needs what is not supported; the message names what is.
    """
    directory = Path(directory)
    config = parse_inference_config(directory / "inference_config.json")
    # What "fit-longer-edge" means for these families: their training stretched the images.
    config = substitute_resize_mode(config, ResizeMode.FIT_LONGER_EDGE, ResizeMode.STRETCH)
    class_names = parse_class_names(directory / "class_names.txt")
    is_fused = require_activation(config, activation, directory)
    classes = map_classes(class_names, config.class_names_operations)
    require_supported(config)  # before opening a network takes its time
    session = open_network(directory, config, len(class_names))
    try:
        network = ImageNetwork.from_session(session, config, metadata)
        if session.outputs and session.outputs[0].shape:
            _check_output(session.outputs[0].shape, len(class_names))
        return ClassifierPackage(network, classes, ByConfig(network.make_pre_processor(config)), is_fused)
    except BaseException:
        session.close()
        raise


def _check_output(shape: tuple[Any, ...], classes: int) -> None:
    if len(shape) == 2 and shape[1] in (classes, None):
        return
    found = ", ".join("?" if size is None else str(size) for size in shape)
    raise CorruptedModelPackageError(
        f"The network's first output has the shape ({found}); expected (batch, {classes}): a score for each class that "
        f"class_names.txt names. Put the class_names.txt that the network was trained with into the package (a blank "
        f"line before the last name counts as a class), or export the model again."
    )
