"""YOLO classification over any session: one class per image, or any number of labels."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from im_yolo.heads import Floats, Shape
from im_yolo.one_output import OneOutputStages
from inference_models import (
    ClassificationModel,
    ClassificationPrediction,
    ColorFormat,
    Confidence,
    CorruptedModelPackageError,
    ModelLoadingError,
    MultiLabelClassificationModel,
    MultiLabelClassificationPrediction,
    PreProcessingOverrides,
)
from inference_models.developer_tools import Images, InferenceConfig, resolve_confidence

_DEFAULT_CONFIDENCE = 0.4


class _ClassificationStages(OneOutputStages):
    """What both kinds share: everything but post-processing.

    Attributes:
        post_processing: the type that inference_config.json must state.
    """

    post_processing: ClassVar[str]

    @property
    def class_names(self) -> list[str]:
        """The names of all classes, indexed by class id."""
        return list(self._package.class_names)

    def pre_process(
        self,
        images: Images,
        *,
        input_color_format: ColorFormat | None = None,
        pre_processing_overrides: PreProcessingOverrides | None = None,
    ) -> Floats:
        """Return the network's input for `images`.

        Args:
            images: one image (H, W, 3) uint8, a list of them of any sizes, or an array (N, H, W, 3).
            input_color_format: the order of the images' colours; default "bgr", as OpenCV reads them.
            pre_processing_overrides: single steps to leave out.

        Returns:
            A new array (N, 3, height, width) float32 (float16 if the network takes that).

        Raises:
            ModelInputError: an image cannot be used.
            InvalidParameterError: an option has a value that does not exist.
        """
        inputs, _ = self._package.pre_processor(
            images, input_color_format=input_color_format, overrides=pre_processing_overrides
        )
        return inputs

    @classmethod
    def _check_config(cls, config: InferenceConfig, directory: Path) -> None:
        if config.post_processing is None:
            raise CorruptedModelPackageError(
                f"{directory / 'inference_config.json'} has no post_processing. This task needs "
                f'{{"type": "{cls.post_processing}", "fused": false}}, or "fused": true if the network ends in it; '
                f"export the package again or add it."
            )
        if config.post_processing.type != cls.post_processing:
            raise ModelLoadingError(
                f'This model package asks for post-processing of type "{config.post_processing.type}"; supported for '
                f'this task: "{cls.post_processing}". Use a package exported so, or correct its task_type.'
            )

    @classmethod
    def _expected(cls, shape: Shape, class_names: tuple[str, ...]) -> str | None:
        count = len(class_names)
        if len(shape) == 2 and shape[1] in (count, None):
            return None
        return f"(batch, {count}): a score for each class that class_names.txt names"


class YOLOClassifier(_ClassificationStages, ClassificationModel[Floats, Floats]):
    """A YOLO classifier: YOLOv8 and v11. Safe to use from several threads at once."""

    post_processing = "softmax"

    def post_process(self, model_results: Floats) -> ClassificationPrediction:
        """Return the class of each image.

        Args:
            model_results: (N, classes) as `forward` returns it.

        Returns:
            One prediction for all N images, with the probability of every class. Of equal ones the lower id is best.
        """
        scores = model_results.astype(np.float32, copy=False)
        if not self._fused:
            scores = softmax(scores)
        return ClassificationPrediction(
            class_id=scores.argmax(axis=1), confidence=scores, class_names=self._package.class_names
        )


class YOLOMultiLabelClassifier(_ClassificationStages, MultiLabelClassificationModel[Floats, Floats]):
    """A YOLO classifier whose classes do not exclude each other. Safe to use from several threads at once."""

    post_processing = "sigmoid"

    def post_process(
        self, model_results: Floats, *, confidence: Confidence = "default"
    ) -> list[MultiLabelClassificationPrediction]:
        """Return which classes apply to each image.

        Args:
            model_results: (N, classes) as `forward` returns it.
            confidence: classes that are at least this probable apply: a number in [0, 1]; "default", 0.4; or "best",
                what whoever trained the model recommends, by class where they do.

        Returns:
            A prediction for each image, with the probability of every class.

        Raises:
            InvalidParameterError: `confidence` cannot be used.
        """
        names = self._package.class_names
        threshold = resolve_confidence(
            confidence, default=_DEFAULT_CONFIDENCE, class_names=names, recommended=self._recommended
        )
        scores = model_results.astype(np.float32, copy=False)
        if not self._fused:
            scores = sigmoid(scores)
        return [
            MultiLabelClassificationPrediction(
                class_ids=np.flatnonzero(image >= threshold), confidence=image, class_names=names
            )
            for image in scores
        ]


def softmax(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the softmax over the last axis, in a new array. Large values do not overflow."""
    with np.errstate(invalid="ignore"):  # infinite logits give NaN
        powers: npt.NDArray[np.float32] = np.exp(logits - logits.max(axis=-1, keepdims=True))
        powers /= powers.sum(axis=-1, keepdims=True)
    return powers


def sigmoid(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return 1 / (1 + exp(-x)), in a new array. Large values do not overflow."""
    small = np.exp(-np.abs(logits))
    result: npt.NDArray[np.float32] = np.where(logits >= 0, np.float32(1), small) / (1 + small)
    return result
