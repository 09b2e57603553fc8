"""Opening an RF-DETR package: its files are read, checked against each other and against the network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from im_rfdetr.classes import Classes
from im_rfdetr.inputs import RFDETRPreProcessor
from im_rfdetr.outputs import RawResults, find_roles
from im_rfdetr.resolution import MaxResolution, check_resolution
from inference_models import Confidence, CorruptedModelPackageError, ModelLoadingError
from inference_models.developer_tools import (
    Array,
    ImageDimensions,
    ImageNetwork,
    InferenceConfig,
    ModelPackageMetadata,
    RecommendedParameters,
    Session,
    SessionOpener,
    agreed_input_size,
    find_image_input,
    map_classes,
    parse_class_names,
    parse_inference_config,
    require_supported,
    resolve_confidence,
)

__all__ = ["RFDETRPackage", "join_package", "open_package", "read_files"]

_DEFAULT_CONFIDENCE = 0.4


@frozen(kw_only=True)
class RFDETRPackage:
    """An opened package.

    Attributes:
        network: what the session opened.
        classes: its classes, and those of predictions.
        pre_processor: makes its input.
        needs: "masks" or "key points", as the task does; None for detection.
        recommended: thresholds behind `confidence="best"`.
        select_count: how many pairs of query and class are taken; None: as many as there are queries.
    """

    network: ImageNetwork
    classes: Classes
    pre_processor: RFDETRPreProcessor
    needs: str | None
    recommended: RecommendedParameters | None = None
    select_count: int | None = None

    @property
    def device(self) -> str | None:
        """Where images are prepared, as torch names it; None: on the host."""
        return self.network.device

    def run(self, inputs: Array) -> RawResults:
        """Run the network, in as many batches as it needs.

        Args:
            inputs: (N, 3, height, width) as `pre_processor` returns it.

        Raises:
            SessionClosedError: after the session was closed.
            ModelRuntimeError: the backend failed.
            CorruptedModelPackageError: the outputs are not those of the task.
        """
        outputs = self.network.run(inputs)
        roles = find_roles({name: tuple(output.shape) for name, output in outputs.items()}, needs=self.needs)
        return RawResults.by_role(outputs, roles)

    def threshold(self, confidence: Confidence) -> Any:
        """Return the threshold that `confidence` stands for, one or by class. Raises: InvalidParameterError."""
        return resolve_confidence(
            confidence, default=_DEFAULT_CONFIDENCE, class_names=self.classes.names, recommended=self.recommended
        )


def read_files(directory: Path) -> tuple[InferenceConfig, Classes]:
    """Return what inference_config.json and class_names.txt of a package say.

    Raises:
        CorruptedModelPackageError: one is missing or malformed.
        ModelLoadingError: the config asks for what is not supported.
    """
    config = parse_inference_config(directory / "inference_config.json")
    if config.post_processing is not None and config.post_processing.fused:
        raise ModelLoadingError(
            f"{directory / 'inference_config.json'} says that post-processing is part of the network; supported: "
            f'"fused": false. Export the network without it.'
        )
    require_supported(config)
    return config, Classes(map_classes(parse_class_names(directory / "class_names.txt"), config.class_names_operations))


def open_package(
    directory: str | Path,
    open_session: SessionOpener,
    *,
    needs: str | None,
    metadata: ModelPackageMetadata | None = None,
    recommended: RecommendedParameters | None = None,
    features: Mapping[str, Any] | None = None,
    max_resolution: MaxResolution = None,
) -> RFDETRPackage:
    """Open the package in `directory`.

    Args:
        directory: holds inference_config.json, class_names.txt and what `open_session` needs.
        open_session: opens the network.
        needs: what the task takes from the network besides boxes and scores.
        metadata: what the weights provider says about the package, its batch sizes among it.
        recommended: thresholds behind `confidence="best"`.
        features: what the metadata says of the export; "num_select" counts.
        max_resolution: the largest input that the user allows.

    Raises:
        CorruptedModelPackageError: a file is missing or malformed, or the network contradicts one.
        ModelLoadingError: the package needs what is not supported; the message names what is.
    """
    directory = Path(directory)
    config, classes = read_files(directory)
    stated = config.network_input.training_input_size
    # Before a network is opened that is too large to be.
    check_resolution(None if stated is None else ImageDimensions(stated.height, stated.width), max_resolution)
    session = open_session(directory)
    try:
        check_resolution(agreed_input_size(find_image_input(session.inputs, config), config), max_resolution)
        return join_package(
            session,
            config,
            classes,
            needs=needs,
            metadata=metadata,
            recommended=recommended,
            features=features,
        )
    except BaseException:
        session.close()
        raise


def join_package(
    session: Session,
    config: InferenceConfig,
    classes: Classes,
    *,
    needs: str | None,
    metadata: ModelPackageMetadata | None = None,
    recommended: RecommendedParameters | None = None,
    features: Mapping[str, Any] | None = None,
) -> RFDETRPackage:
    """Return the package of an opened network, once what is said about it fits. For errors, see `open_package`."""
    network = ImageNetwork.from_session(session, config, metadata)
    if session.outputs and all(output.shape for output in session.outputs):
        shapes = {output.name: output.shape for output in session.outputs}
        columns = shapes[find_roles(shapes, needs=needs).logits][-1]
        if columns is not None:
            classes.shown_ids(columns)
    return RFDETRPackage(
        network=network,
        classes=classes,
        pre_processor=RFDETRPreProcessor.from_config(
            config, size=agreed_input_size(network.input, config), dtype=network.input.dtype
        ),
        needs=needs,
        recommended=recommended,
        select_count=_select_count(features or {}),
    )


def _select_count(features: Mapping[str, Any]) -> int | None:
    count = features.get("num_select")
    if count is None or (isinstance(count, int) and not isinstance(count, bool) and count >= 1):
        return count
    raise CorruptedModelPackageError(
        f"The package's metadata says num_select={count!r}: how many pairs of query and class are taken. Expected a "
        f"whole number of at least 1. Correct it in the model features, or leave it out."
    )
