"""YOLO classification over any session: one class per image, or any number of labels."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from im_yolo.heads import Shape
from im_yolo.one_output import OneOutputStages
from inference_models import (
    ClassificationModel,
    ClassificationPrediction,
    ColorFormat,
    Confidence,
    MultiLabelClassificationModel,
    MultiLabelClassificationPrediction,
    PreProcessingOverrides,
)
from inference_models.developer_tools import (
    Array,
    Images,
    InferenceConfig,
    as_kind,
    as_like,
    predict_class,
    predict_labels,
    require_activation,
    resolve_confidence,
)

_DEFAULT_CONFIDENCE = 0.4


class _ClassificationStages(OneOutputStages):
    """What both kinds share: everything but post-processing.

    Attributes:
        post_processing: the type that inference_config.json must state.
    """

    post_processing: ClassVar[Literal["softmax", "sigmoid"]]

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
            device=self._device_of(images),
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
        return as_like(super().forward(pre_processed_images), pre_processed_images)

    def _device_of(self, images: Images) -> str | None:
        """Return the network's device if the images lie on one.

        Arrays are prepared on the host: all stages are in kind here, and the input of a classifier is smaller than most
        images are.
        """
        first = images[0] if isinstance(images, (list, tuple)) and images else images
        lies_on = getattr(getattr(first, "device", None), "type", None)
        device = self._package.device
        return device if device is not None and lies_on == device.partition(":")[0] else None

    @classmethod
    def _check_config(cls, config: InferenceConfig, directory: Path) -> None:
        require_activation(config, cls.post_processing, directory)

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
        package = self._package
        return predict_class(model_results, package.classes, is_fused=self._fused, device=package.device)


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
        package = self._package
        threshold = resolve_confidence(
            confidence, default=_DEFAULT_CONFIDENCE, class_names=package.class_names, recommended=self._recommended
        )
        return predict_labels(model_results, package.classes, threshold, is_fused=self._fused, device=package.device)
