"""YOLO networks that say something about every pixel, over any session: semantic segmentation and depth."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from im_yolo import families
from im_yolo.heads import Floats, Shape, Threshold
from im_yolo.one_output import OneOutputStages
from im_yolo.package import YOLOPackage
from im_yolo.pictures import PictureStages
from inference_models import (
    Confidence,
    CorruptedModelPackageError,
    DepthEstimationModel,
    ModelLoadingError,
    SemanticSegmentationModel,
    SemanticSegmentationResult,
)
from inference_models.developer_tools import (
    Array,
    InferenceConfig,
    PreProcessingMetadata,
    RecommendedParameters,
    as_float32,
    as_kind,
    as_like,
    in_kind,
    library_of,
    resolve_confidence,
    restore_map,
    sigmoid,
)

BACKGROUND = "background"

Ids = npt.NDArray[np.int64]
Map = npt.NDArray[np.float32]


class _MapStages(PictureStages, OneOutputStages):
    """What both share: which post-processing a package may ask for.

    Attributes:
        post_processing: the types that inference_config.json may state; "nms", which is about boxes, has no meaning
            here and is let pass.
    """

    post_processing: ClassVar[tuple[str, ...]]

    @classmethod
    def _check_config(cls, config: InferenceConfig, directory: Path) -> None:
        stated = config.post_processing
        if stated is not None and not stated.fused and stated.type not in (*cls.post_processing, "nms"):
            supported = " or ".join(f'"{one}"' for one in cls.post_processing) or "none"
            raise ModelLoadingError(
                f'This model package asks for post-processing of type "{stated.type}"; supported for this task: '
                f"{supported}. Use a package exported so, or correct its task_type."
            )


class YOLOSemanticSegmenter(_MapStages, SemanticSegmentationModel[Floats, list[PreProcessingMetadata], Floats]):
    """YOLO26 with a class for every pixel. Safe to use from several threads at once."""

    post_processing = ("softmax", "sigmoid")

    def __init__(self, package: YOLOPackage, recommended_parameters: RecommendedParameters | None = None) -> None:
        super().__init__(package, recommended_parameters)
        self._background = _find_background(package.network_class_names)

    @property
    def class_names(self) -> list[str]:
        """The names of all classes, indexed by class id."""
        return list(self._package.class_names)

    def post_process(
        self,
        model_results: Floats,
        pre_processing_meta: list[PreProcessingMetadata],
        *,
        confidence: Confidence = "default",
    ) -> list[SemanticSegmentationResult]:
        """Return the class of every pixel of each image.

        Args:
            model_results: (N, classes, h, w) as `forward` returns it; (N, 1, h, w) where there is one class beside
                the background.
            pre_processing_meta: N metadata as `pre_process` returns them.
            confidence: pixels whose best class is less probable are background: a number in [0, 1]; "default", 0.25;
                or "best", what whoever trained the model recommends, by class where they do.

        Returns:
            For each image a map (H, W) int64 of class ids at the source image's size and a map of the probability of
            that class. What the network did not see, outside a static crop for example, is background of
            probability 0; pixels of a class that the package removes are background too, with the probability of that.

        Raises:
            InvalidParameterError: `confidence` cannot be used.
        """
        classes = self._package.classes
        threshold = resolve_confidence(
            confidence, default=families.YOLO26.confidence, class_names=classes.names, recommended=self._recommended
        )
        lowest = as_like(classes.network_thresholds(threshold), model_results)
        results = []
        for output, metadata in zip(model_results, pre_processing_meta, strict=True):
            scores = as_float32(output)
            if len(scores) < len(classes.network_names):  # one for the only class beside the background
                ids, probability = find_foreground(scores[0], metadata, lowest, self._background, self._fused)
            else:
                ids, probability = find_classes(scores, metadata, lowest, self._background, self._fused)
            shown = SemanticSegmentationResult(classes.shown_ids(ids), probability, class_names=classes.names)
            results.append(in_kind(shown, metadata))
        return results

    @classmethod
    def _check_config(cls, config: InferenceConfig, directory: Path) -> None:
        super()._check_config(config, directory)
        if any(one.class_name.casefold() == BACKGROUND for one in config.class_names_operations):
            raise CorruptedModelPackageError(
                f'{directory / "inference_config.json"}: class_names_operations remove the class "{BACKGROUND}", which '
                f"pixels of no other class are given. Remove that operation."
            )

    @classmethod
    def _expected(cls, shape: Shape, class_names: tuple[str, ...]) -> str | None:
        _find_background(class_names)
        count = len(class_names)
        if len(shape) == 4 and (shape[1] in (count, None) or (shape[1] == 1 and count == 2)):
            return None
        alone = " or (batch, 1, height, width)" if count == 2 else ""
        return f"(batch, {count}, height, width){alone}: a score per pixel for each class that class_names.txt names"


class YOLODepthEstimator(_MapStages, DepthEstimationModel[Floats, list[PreProcessingMetadata], Floats]):
    """YOLO26 with a depth for every pixel. Safe to use from several threads at once.

    The values are the network's own: unit and direction are those that it was trained with.
    """

    post_processing = ()
    has_class_names = False

    def post_process(self, model_results: Floats, pre_processing_meta: list[PreProcessingMetadata]) -> list[Array]:
        """Return the depth of every pixel of each image.

        Args:
            model_results: (N, 1, h, w) or (N, h, w) as `forward` returns it.
            pre_processing_meta: N metadata as `pre_process` returns them.

        Returns:
            (H, W) float32 for each image, at the source image's size. 0 where the network did not see the image,
            outside a static crop for example.
        """
        maps = as_float32(model_results).reshape(len(model_results), *model_results.shape[-2:])
        return [
            as_kind(restore_map(depth, metadata, fill=0.0), metadata.array_kind, metadata.device)
            for depth, metadata in zip(maps, pre_processing_meta, strict=True)
        ]

    @classmethod
    def _expected(cls, shape: Shape, class_names: tuple[str, ...]) -> str | None:
        if len(shape) == 3 or (len(shape) == 4 and shape[1] in (1, None)):
            return None
        return "(batch, 1, height, width) or (batch, height, width): a depth per pixel"


def find_classes(
    scores: Map, metadata: PreProcessingMetadata, threshold: Threshold, background: int, are_probabilities: bool
) -> tuple[Ids, Map]:
    """Return the best class of each pixel of the source image and its probability.

    Class by class, so that there are never more than a few maps of the source image's size at once.

    Args:
        scores: (classes, h, w) logits, or probabilities, over the network's input.
        metadata: how the image was brought there.
        threshold: pixels whose best class has a lower probability are background.
        background: the id of that class.
        are_probabilities: whether no softmax is left to do.

    Returns:
        (H, W) int64 and (H, W) float32. Pixels that the network did not see, or has no number for, are background of
        probability 0.
    """
    library = library_of(scores)
    best = restore_map(scores[0], metadata, fill=np.nan)
    ids = library.zeros_like(best, dtype=library.int64)
    for class_id in range(1, len(scores)):
        one = restore_map(scores[class_id], metadata, fill=np.nan)
        ids[one > best] = class_id
        library.maximum(best, one, out=best)  # NaN wins, and is looked after below
    if are_probabilities:
        probability = best
        of_background = restore_map(scores[background], metadata, fill=np.nan)
    else:
        probability, of_background = _softmax_of(scores, best, metadata, background)
    return _below_to_background(ids, probability, of_background, threshold, background)


def find_foreground(
    scores: Map, metadata: PreProcessingMetadata, threshold: Threshold, background: int, are_probabilities: bool
) -> tuple[Ids, Map]:
    """Return which pixels of the source image are of the only class beside the background.

    Args:
        scores: (h, w) logits, or probabilities, of that class over the network's input.
        metadata: how the image was brought there.
        threshold: pixels with a lower probability are background.
        background: the id of that class, 0 or 1; the other one is the foreground's.
        are_probabilities: whether no sigmoid is left to do.

    Returns:
        As `find_classes`; the probability of background is what is missing to 1.
    """
    restored = restore_map(scores, metadata, fill=np.nan)
    probability = restored if are_probabilities else sigmoid(restored)
    library = library_of(scores)
    ids = library.full_like(probability, 1 - background, dtype=library.int64)
    return _below_to_background(ids, probability, 1 - probability, threshold, background)


def _softmax_of(scores: Map, best: Map, metadata: PreProcessingMetadata, background: int) -> tuple[Map, Map]:
    """Return the softmax of the best class and of the background; `best` is the largest logit."""
    library = library_of(best)
    total, of_background = library.zeros_like(best), best
    with np.errstate(invalid="ignore"):  # what is not a number is found by the caller
        for class_id, one in enumerate(scores):
            power = restore_map(one, metadata, fill=np.nan)
            power -= best
            library.exp(power, out=power)
            total += power
            if class_id == background:
                of_background = power
        return library.reciprocal(total), of_background / total


def _below_to_background(
    ids: Ids, probability: Map, of_background: Map, threshold: Threshold, background: int
) -> tuple[Ids, Map]:
    lowest = threshold if isinstance(threshold, float) else threshold[ids]
    below = ~(probability >= lowest)  # true for NaN too
    ids[below] = background
    library = library_of(probability)
    shown = library.where(below, of_background, probability)
    shown[library.isnan(probability)] = 0
    return ids, shown


def _find_background(class_names: tuple[str, ...]) -> int:
    found = [class_id for class_id, name in enumerate(class_names) if name.casefold() == BACKGROUND]
    if len(found) != 1:
        raise CorruptedModelPackageError(
            f'class_names.txt must name one class "{BACKGROUND}", which pixels of no other class are given; found '
            f"{len(found)} among {len(class_names)} names. Put the class_names.txt that the network was trained with "
            f"into the package."
        )
    return found[0]
