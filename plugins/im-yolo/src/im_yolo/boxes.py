"""What detection, segmentation and key points share: a package whose network finds boxes, and which boxes to keep."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

from attrs import evolve, frozen

from im_yolo.families import BoxFamily
from im_yolo.fused import FlatHead, split_by_image
from im_yolo.heads import DecodedBoxes, DetectionHead, Floats, Threshold
from im_yolo.layouts import HEADS
from im_yolo.outputs import check_shapes, tell_apart
from im_yolo.package import YOLOPackage, open_package
from inference_models import Confidence, CorruptedModelPackageError, InvalidParameterError, ModelLoadingError
from inference_models.developer_tools import (
    BatchRun,
    InferenceConfig,
    ModelPackageMetadata,
    NMSParameters,
    RecommendedParameters,
    SessionOpener,
    as_float32,
    as_like,
    best_first,
    check_flag,
    check_fraction,
    check_max_detections,
    join_batches,
    non_maximum_suppression,
    resolve_confidence,
)


@frozen
class Thresholds:
    """Which boxes to keep.

    Attributes:
        confidence: one for all classes, or one for each of the network's.
        nms: the rest.
    """

    confidence: Threshold
    nms: NMSParameters


@frozen(kw_only=True)
class BoxPackage:
    """An opened package whose network finds boxes.

    Attributes:
        package: the package.
        heads: the layouts that the network's outputs may have.
        extra_count: how many columns follow the classes, or `outputs.PROTOTYPES`.
        defaults: where the caller gives none: the package's, or the family's.
        default_thresholds: the same as thresholds, of a call that gives nothing.
        recommended: thresholds behind `confidence="best"`.
    """

    package: YOLOPackage
    heads: tuple[DetectionHead, ...]
    extra_count: int | None
    defaults: NMSParameters
    default_thresholds: Thresholds
    recommended: RecommendedParameters | None

    @property
    def needs_nms(self) -> bool:
        """Whether the network leaves overlapping boxes for us to drop."""
        return self.heads[0].needs_nms


PerImage: TypeAlias = Floats | list[Floats]
"""An array for each of N images: rows of one array, or a list where the network ran more than once."""


@frozen
class RawBoxes:
    """The outputs of a network that finds boxes, for N images, by role.

    Attributes:
        head: their layout.
        boxes: what the head reads.
        extra_count: how many columns follow the classes.
        prototypes: (channels, height, width) of masks; None where the network has none.
    """

    head: DetectionHead
    boxes: tuple[PerImage, ...]
    extra_count: int
    prototypes: PerImage | None = None


def open_box_package(
    directory: str | Path,
    open_session: SessionOpener,
    family: BoxFamily,
    *,
    extra_count: int | None = 0,
    recommended_parameters: RecommendedParameters | None = None,
    model_features: Mapping[str, Any] | None = None,
    metadata: ModelPackageMetadata | None = None,
) -> BoxPackage:
    """Open the package in `directory`.

    Args:
        directory: holds inference_config.json, class_names.txt and what `open_session` needs.
        open_session: opens the network.
        family: how its network finds boxes.
        extra_count: how many columns follow the classes, or `outputs.PROTOTYPES`.
        recommended_parameters: thresholds behind `confidence="best"`.
        model_features: what the package's metadata says of the export, "nms_fused" among it.
        metadata: what the weights provider says about the package, its batch sizes among it.

    Raises:
        CorruptedModelPackageError: a file is missing or malformed, or the network contradicts one.
        ModelLoadingError: the package needs what is not supported; the message names what is.
    """
    heads: list[DetectionHead] = []

    def check_config(config: InferenceConfig, directory: Path) -> None:
        fused = _is_fused(config, directory, family, model_features or {})
        layouts = family.fused_layouts if fused else family.layouts
        heads.extend(HEADS[layout] for layout in layouts)

    package = open_package(
        directory,
        open_session,
        check_config=check_config,
        check_outputs=lambda outputs, names: check_shapes(
            tuple(heads), tuple(output.shape for output in outputs), names, extra_count
        ),
        metadata=metadata,
    )
    defaults = _defaults(package.config, family)
    return BoxPackage(
        package=package,
        heads=tuple(heads),
        extra_count=extra_count,
        defaults=defaults,
        default_thresholds=Thresholds(package.classes.network_thresholds(defaults.confidence_threshold), defaults),
        recommended=recommended_parameters,
    )


def run_network(boxes: BoxPackage, inputs: Floats) -> RawBoxes:
    """Run the network on what the pre-processor made, and sort its outputs by role.

    Raises:
        SessionClosedError: after `close()`.
        ModelRuntimeError: the backend failed.
        CorruptedModelPackageError: the outputs do not fit class_names.txt, or are not of this family.
    """
    runs = boxes.package.network.run_in_batches(inputs)
    shapes = tuple([tuple(output.shape) for output in runs[0].outputs.values()])
    roles = tell_apart(boxes.heads, shapes, len(boxes.package.network_class_names), boxes.extra_count)
    if isinstance(roles.head, FlatHead):
        tables = [boxes.package.in_order(run.outputs)[roles.boxes[0]] for run in runs]
        rows = split_by_image(tables, [run.length for run in runs], [run.size for run in runs])
        return RawBoxes(roles.head, (rows,), roles.extra_count)
    outputs = _by_image(boxes.package, runs)
    return RawBoxes(
        roles.head,
        tuple([outputs[place] for place in roles.boxes]),
        roles.extra_count,
        None if roles.prototypes is None else outputs[roles.prototypes],
    )


def _by_image(package: YOLOPackage, runs: list[BatchRun]) -> list[PerImage]:
    """Return each output of the network, image by image; joined in one array they would all be copied."""
    first, *others = [package.in_order(join_batches([run])) for run in runs]
    if not others:
        return [*first]
    return [list(chain.from_iterable(arrays)) for arrays in zip(first, *others, strict=True)]


def choose_thresholds(
    boxes: BoxPackage,
    *,
    confidence: Confidence = "default",
    iou_threshold: float | None = None,
    max_detections: int | None = None,
    class_agnostic_nms: bool | None = None,
) -> Thresholds:
    """Return the thresholds of one call: what was given, else the package's, else the family's.

    Raises:
        InvalidParameterError: one cannot be used, or is about boxes that the network has dropped already.
    """
    by_default = isinstance(confidence, str) and confidence == "default"  # an array compares with each of its elements
    if by_default and iou_threshold is max_detections is class_agnostic_nms is None:
        return boxes.default_thresholds
    defaults = boxes.defaults
    if not boxes.needs_nms:
        _refuse(iou_threshold=iou_threshold, class_agnostic_nms=class_agnostic_nms)
    threshold = resolve_confidence(
        confidence,
        default=defaults.confidence_threshold,
        class_names=boxes.package.class_names,
        recommended=boxes.recommended,
    )
    nms = NMSParameters(
        max_detections=defaults.max_detections if max_detections is None else check_max_detections(max_detections),
        confidence_threshold=defaults.confidence_threshold,
        iou_threshold=(
            defaults.iou_threshold if iou_threshold is None else check_fraction("iou_threshold", iou_threshold)
        ),
        class_agnostic=(
            defaults.class_agnostic
            if class_agnostic_nms is None
            else check_flag("class_agnostic_nms", class_agnostic_nms)
        ),
    )
    return Thresholds(boxes.package.classes.network_thresholds(threshold), nms)


def find_boxes(boxes: BoxPackage, raw: RawBoxes, thresholds: Thresholds) -> list[DecodedBoxes]:
    """Return the boxes to keep of each image, best first, of equal scores in the network's order.

    Args:
        boxes: the package.
        raw: what `run_network` returned for N images.
        thresholds: which boxes to keep.

    Returns:
        N `DecodedBoxes` in pixels of the network's input, in new arrays or tensors, with the class ids of predictions.
    """
    classes = boxes.package.classes
    threshold = as_like(thresholds.confidence, raw.boxes[0][0])
    found = []
    for arrays in zip(*raw.boxes, strict=True):
        outputs = [as_float32(array) for array in arrays]
        decoded = raw.head.decode(outputs, threshold, len(classes.network_names), raw.extra_count)
        found.append(_keep(decoded, raw.head, thresholds.nms))
    return [evolve(one, class_ids=classes.shown_ids(one.class_ids)) for one in found] if classes.removes else found


def _keep(found: DecodedBoxes, head: DetectionHead, nms: NMSParameters) -> DecodedBoxes:
    if not head.needs_nms:
        return found.take(best_first(found.scores)[: nms.max_detections])
    kept = non_maximum_suppression(
        found.xyxy,
        found.scores,
        found.class_ids,
        iou_threshold=nms.iou_threshold,
        max_detections=nms.max_detections,
        class_agnostic=nms.class_agnostic,
    )
    return found.take(kept)


def _refuse(**given: object) -> None:
    names = [name for name, value in given.items() if value is not None]
    if names:
        raise InvalidParameterError(
            f"{' and '.join(names)} cannot be given for this model: its network has dropped overlapping boxes itself, "
            f"with settings that were fixed when it was exported. Leave it out; confidence and max_detections apply. "
            f"Or use a package of the model without NMS in its network, if there is one."
        )


def _is_fused(config: InferenceConfig, directory: Path, family: BoxFamily, features: Mapping[str, Any]) -> bool:
    """Return whether the network has NMS added to it."""
    post_processing = config.post_processing
    nms_free = not HEADS[family.layouts[0]].needs_nms
    if post_processing is None:
        if nms_free:
            return False
        raise CorruptedModelPackageError(
            f"{directory / 'inference_config.json'} has no post_processing. A network of this family needs "
            f'{{"type": "nms", "fused": false}}, or "fused": true if NMS is part of it; export the package again or '
            f"add it."
        )
    if post_processing.type != "nms":
        raise ModelLoadingError(
            f'This model package asks for post-processing of type "{post_processing.type}"; supported: "nms". '
            f"Use a package exported so."
        )
    feature = features.get("nms_fused")
    if feature not in (None, False) and not post_processing.fused and not nms_free:
        raise CorruptedModelPackageError(
            f'The metadata of this model package says that its network has fused NMS ("nms_fused": {feature!r}), but '
            f"post_processing.fused in inference_config.json is false. Correct the one that is wrong."
        )
    return post_processing.fused


def _defaults(config: InferenceConfig, family: BoxFamily) -> NMSParameters:
    stated = config.post_processing.nms_parameters if config.post_processing else None
    return stated or NMSParameters(
        max_detections=family.max_detections,
        confidence_threshold=family.confidence,
        iou_threshold=family.iou_threshold,
        class_agnostic=family.class_agnostic,
    )
