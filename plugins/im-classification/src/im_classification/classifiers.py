"""Classification over any network that is a session: one class per image, or any number of labels."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

from im_classification.package import Activation, ClassifierPackage, OpenNetwork, open_package
from inference_models import (
    ClassificationModel,
    ClassificationPrediction,
    ColorFormat,
    Confidence,
    Model,
    MultiLabelClassificationModel,
    MultiLabelClassificationPrediction,
    PreProcessingOverrides,
)
from inference_models.developer_tools import (
    Array,
    Images,
    ModelPackageMetadata,
    RecommendedParameters,
    as_like,
    predict_class,
    predict_labels,
    resolve_confidence,
)

_DEFAULT_CONFIDENCE = 0.4


class ClassifierStages(Model):
    """What both kinds share: everything but post-processing.

    Attributes:
        activation: what makes probabilities of the network's output.
    """

    activation: ClassVar[Activation]

    def __init__(self, package: ClassifierPackage, recommended_parameters: RecommendedParameters | None = None) -> None:
        self._package = package
        self._recommended = recommended_parameters
        self.owns(package.network.session)

    @classmethod
    def _open(
        cls,
        directory: str | Path,
        open_network: OpenNetwork,
        metadata: ModelPackageMetadata | None,
        recommended_parameters: RecommendedParameters | None,
    ) -> Self:
        package = open_package(directory, open_network, activation=cls.activation, metadata=metadata)
        return cls(package, recommended_parameters)

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
            image and where it lies: what follows is in kind too.

        Raises:
            ModelInputError: an image cannot be used.
            InvalidParameterError: an option has a value that does not exist.
        """
        return self._package.prepare(
            images,
            input_color_format=input_color_format,
            image_size=image_size,
            overrides=pre_processing_overrides,
        )

    def forward(self, pre_processed_images: Array) -> Array:
        """Run the network, in as many batches as it needs. Safe from several threads at once.

        Args:
            pre_processed_images: (N, 3, height, width) as `pre_process` returns it.

        Returns:
            The network's output (N, classes), in kind.

        Raises:
            SessionClosedError: after `close()`.
            ModelRuntimeError: the backend failed.
            CorruptedModelPackageError: the output does not fit class_names.txt.
        """
        return as_like(self._package.run(pre_processed_images), pre_processed_images)


class Classifier(ClassifierStages, ClassificationModel[Array, Array]):
    """Gives each image one class. Safe to use from several threads at once."""

    activation = "softmax"

    def post_process(self, model_results: Array) -> ClassificationPrediction:
        """Return the class of each image.

        Args:
            model_results: (N, classes) as `forward` returns it.

        Returns:
            One prediction for all N images, with the probability of every class. Of equal ones the lower id is best.
            Where the package removes classes, the others' probabilities are as if it did not, and do not sum to 1.
        """
        return predict_class(model_results, self._package.classes, is_fused=self._package.is_fused)


class MultiLabelClassifier(ClassifierStages, MultiLabelClassificationModel[Array, Array]):
    """Gives each image any number of labels. Safe to use from several threads at once."""

    activation = "sigmoid"

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
        return predict_labels(model_results, package.classes, threshold, is_fused=package.is_fused)
