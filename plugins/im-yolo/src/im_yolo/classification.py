"""YOLO classification over any session: one class per image, or any number of labels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from im_yolo.heads import Shape
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
from inference_models.developer_tools import Array, Images, InferenceConfig, as_kind, as_numpy, resolve_confidence

Floats = npt.NDArray[np.float32]

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
        image_size: int | tuple[int, int] | None = None,
        pre_processing_overrides: PreProcessingOverrides | None = None,
    ) -> Array:
        """Return the network's input for `images`.

        Args:
            images: one image, a list of them of any sizes, an array (N, H, W, 3) or a tensor (N, 3, H, W). An image
                is a numpy array (H, W, 3) uint8, or a torch tensor (3, H, W) of uint8 values or floats in 0 to 1.
            input_color_format: the order of the images' colours; default "bgr" for numpy, as OpenCV reads them, and
                "rgb" for torch.
            image_size: width and height of the network's input for this call, or one number for both; only for
                packages that support it.
            pre_processing_overrides: single steps to leave out.

        Returns:
            A new array (N, 3, height, width) float32 (float16 if the network takes that), in the library of the first
            image: what follows is in kind too.

        Raises:
            ModelInputError: an image cannot be used.
            InvalidParameterError: an option has a value that does not exist.
        """
        inputs, metadata = self._package.pre_processor(
            images,
            input_color_format=input_color_format,
            image_size=image_size,
            overrides=pre_processing_overrides,
        )
        return as_kind(inputs, metadata[0].array_kind, metadata[0].device)

    def forward(self, pre_processed_images: Array) -> Array:
        """Run the network, in as many batches as it needs.

        Args:
            pre_processed_images: (N, 3, height, width) as `pre_process` returns it.

        Returns:
            The network's output (N, classes), in kind.

        Raises:
            SessionClosedError: after `close()`.
            ModelRuntimeError: the backend failed.
            CorruptedModelPackageError: the output does not fit class_names.txt.
        """
        return _like(super().forward(as_numpy(pre_processed_images)), pre_processed_images)

    def _probabilities(self, scores: npt.NDArray[np.floating[Any]], activation: Callable[[Floats], Floats]) -> Floats:
        """Return (N, classes) float32 for the classes in predictions; those that are removed keep their share."""
        scores = scores.astype(np.float32, copy=False)
        probabilities = scores if self._fused else activation(scores)
        classes = self._package.classes
        return probabilities[:, classes.kept] if classes.removes else probabilities

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


class YOLOClassifier(_ClassificationStages, ClassificationModel[Array, Array]):
    """A YOLO classifier: YOLOv8 and v11. Safe to use from several threads at once."""

    post_processing = "softmax"

    def post_process(self, model_results: Array) -> ClassificationPrediction:
        """Return the class of each image.

        Args:
            model_results: (N, classes) as `forward` returns it.

        Returns:
            One prediction for all N images, with the probability of every class. Of equal ones the lower id is best.
            Where the package removes classes, the others' probabilities are as if it did not, and do not sum to 1.
        """
        scores = self._probabilities(as_numpy(model_results), softmax)
        return ClassificationPrediction(
            class_id=_like(scores.argmax(axis=1), model_results),
            confidence=_like(scores, model_results),
            class_names=self._package.class_names,
        )


class YOLOMultiLabelClassifier(_ClassificationStages, MultiLabelClassificationModel[Array, Array]):
    """A YOLO classifier whose classes do not exclude each other. Safe to use from several threads at once."""

    post_processing = "sigmoid"

    def post_process(
        self, model_results: Array, *, confidence: Confidence = "default"
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
        scores = self._probabilities(as_numpy(model_results), sigmoid)
        return [
            MultiLabelClassificationPrediction(
                class_ids=_like(np.flatnonzero(image >= threshold), model_results),
                confidence=_like(image, model_results),
                class_names=names,
            )
            for image in scores
        ]


def _like(values: npt.NDArray[Any], array: Array) -> Array:
    """Return `values` in the library and on the device of `array`."""
    return values if isinstance(array, np.ndarray) else as_kind(values, "torch", str(array.device))


def softmax(logits: Floats) -> Floats:
    """Return the softmax over the last axis, in a new array. Large values do not overflow."""
    with np.errstate(invalid="ignore"):  # infinite logits give NaN
        powers: Floats = np.exp(logits - logits.max(axis=-1, keepdims=True))
        powers /= powers.sum(axis=-1, keepdims=True)
    return powers


def sigmoid(logits: Floats) -> Floats:
    """Return 1 / (1 + exp(-x)), in a new array. Large values do not overflow."""
    small = np.exp(-np.abs(logits))
    result: Floats = np.where(logits >= 0, np.float32(1), small) / (1 + small)
    return result
