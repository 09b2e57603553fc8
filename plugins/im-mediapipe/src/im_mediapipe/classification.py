"""Classifying images with MediaPipe: one class per image, or any number of labels."""

from __future__ import annotations

from collections.abc import Collection
from math import prod
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from im_mediapipe.categories import check_categories
from im_mediapipe.frames import Frame, make_frames
from im_mediapipe.model_file import Outputs
from im_mediapipe.package import open_package
from im_mediapipe.runtime import IMAGE_CLASSIFICATION
from im_mediapipe.stages import PackageStages
from inference_models import (
    ClassificationModel,
    ClassificationPrediction,
    ColorFormat,
    Confidence,
    MultiLabelClassificationModel,
    MultiLabelClassificationPrediction,
)
from inference_models.developer_tools import Array, Images, RecommendedParameters, as_kind, as_like, as_numpy

_CONFIDENCE = 0.4


class _ClassifierStages(PackageStages):
    """What both kinds share."""

    @classmethod
    def from_pretrained(
        cls,
        model_name_or_path: str | Path,
        *,
        device: str | None = None,
        recommended_parameters: RecommendedParameters | None = None,
    ) -> Self:
        """Load the package in a directory.

        Args:
            model_name_or_path: the directory. It holds one `.tflite` or `.task` file, and class_names.txt unless the
                file carries labels.
            device: "cpu" or None.
            recommended_parameters: thresholds behind `confidence="best"`.

        Raises:
            CorruptedModelPackageError: a file is missing, damaged, not a classifier or contradicts another.
            DeviceUnavailableError: another device was asked for.
            MissingDependencyError: MediaPipe cannot be imported or started.
        """
        package = open_package(
            model_name_or_path, IMAGE_CLASSIFICATION, device=device, options={}, check_outputs=_check_outputs
        )
        return cls(package, recommended_parameters)

    def pre_process(self, images: Images, *, input_color_format: ColorFormat | None = None) -> list[Frame]:
        """Return the images as MediaPipe takes them.

        Args:
            images: one image, a list of them of any sizes, an array (N, H, W, 3) or a tensor (N, 3, H, W). An image
                is a numpy array (H, W, 3) uint8, or a torch tensor (3, H, W) of uint8 values or floats in 0 to 1.
            input_color_format: the order of the images' colours; default "bgr" for numpy, as OpenCV reads them, and
                "rgb" for torch.

        Raises:
            ModelInputError: an image cannot be used.
            InvalidParameterError: `input_color_format` is not one of those there are.
        """
        return make_frames(images, input_color_format)

    def forward(self, pre_processed_images: list[Frame]) -> Array:
        """Run MediaPipe, one image after the other.

        Returns:
            (N, classes) float32, the score of each class, in the library and on the device of the first image.

        Raises:
            SessionClosedError: the model is closed.
            ModelRuntimeError: MediaPipe failed.
        """
        scores = np.zeros((len(pre_processed_images), len(self._package.class_names)), np.float32)
        for row, result in zip(scores, self._tasks.run(pre_processed_images, {}), strict=True):
            for category in result.classifications[0].categories:
                row[category.index] = category.score
        first = pre_processed_images[0]
        return as_kind(scores, first.array_kind, first.device)

    def _wanted(self, allowed: Collection[str] | None, denied: Collection[str] | None) -> npt.NDArray[np.bool_]:
        """Return (classes,), whether each class is asked for."""
        names = self._package.class_names
        allow, deny = check_categories(names, allowed, denied)
        return np.array([(not allow or name in allow) and name not in deny for name in names])


class MediaPipeClassifier(_ClassifierStages, ClassificationModel[list[Frame], Array]):
    """Gives each image one class. Safe to use from several threads at once, which take turns."""

    def post_process(
        self,
        model_results: Array,
        *,
        category_allowlist: Collection[str] | None = None,
        category_denylist: Collection[str] | None = None,
    ) -> ClassificationPrediction:
        """Return the class of each image.

        Args:
            model_results: (N, classes) as `forward` returns it.
            category_allowlist: names of the classes to choose among; None: all.
            category_denylist: names of classes to leave out. One of the two lists can be given.

        Returns:
            One prediction for all images. The scores are the network's own; 0 for classes that are left out.

        Raises:
            InvalidParameterError: an option cannot be used.
        """
        wanted = self._wanted(category_allowlist, category_denylist)
        scores = np.where(wanted, as_numpy(model_results), np.float32(0))
        return ClassificationPrediction(
            class_id=as_like(scores.argmax(axis=1), model_results),
            confidence=as_like(scores, model_results),
            class_names=self._package.class_names,
        )


class MediaPipeMultiLabelClassifier(_ClassifierStages, MultiLabelClassificationModel[list[Frame], Array]):
    """Gives each image any number of labels. Safe to use from several threads at once, which take turns."""

    def post_process(
        self,
        model_results: Array,
        *,
        confidence: Confidence = "default",
        category_allowlist: Collection[str] | None = None,
        category_denylist: Collection[str] | None = None,
    ) -> list[MultiLabelClassificationPrediction]:
        """Return which classes apply to each image.

        Args:
            model_results: (N, classes) as `forward` returns it.
            confidence: classes with at least this score apply: a number in [0, 1]; "default", 0.4; or "best", what
                whoever trained the model recommends, by class where they do.
            category_allowlist: names of the classes to choose among; None: all.
            category_denylist: names of classes to leave out. One of the two lists can be given.

        Returns:
            A prediction for each image, with the score of every class; 0 for classes that are left out.

        Raises:
            InvalidParameterError: an option cannot be used.
        """
        names = self._package.class_names
        threshold = self._threshold(confidence, _CONFIDENCE)
        wanted = self._wanted(category_allowlist, category_denylist)
        return [
            MultiLabelClassificationPrediction(
                class_ids=as_like(np.flatnonzero((image >= threshold) & wanted), model_results),
                confidence=as_like(image, model_results),
                class_names=names,
            )
            for image in np.where(wanted, as_numpy(model_results), np.float32(0))
        ]


def _check_outputs(outputs: Outputs) -> int | None:
    shape = outputs[0] if len(outputs) == 1 else ()
    if len(shape) not in (2, 4) or prod(shape[:-1]) != 1:
        raise ValueError(
            f"its outputs have the shapes {', '.join(map(str, outputs))}; a classifier has one output, (1, classes) or "
            f"(1, 1, 1, classes)"
        )
    return shape[-1]
