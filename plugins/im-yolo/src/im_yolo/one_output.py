"""Loading and running a network that says all it says in one output: classification, segmentation maps, depth."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Self

from im_yolo.heads import Floats, Shape
from im_yolo.package import YOLOPackage, open_package
from inference_models import CorruptedModelPackageError, Model
from inference_models.developer_tools import InferenceConfig, ModelPackageMetadata, RecommendedParameters, SessionOpener


class OneOutputStages(Model):
    """What models of these tasks share; name it before the task's base class, which declares the stages.

    Attributes:
        has_class_names: whether packages have a class_names.txt.
    """

    has_class_names: ClassVar[bool] = True

    def __init__(self, package: YOLOPackage, recommended_parameters: RecommendedParameters | None = None) -> None:
        self._package = package
        self._recommended = recommended_parameters
        stated = package.config.post_processing
        self._fused = stated is not None and stated.fused
        self.owns(package.network.session)

    @classmethod
    def from_pretrained(
        cls,
        model_name_or_path: str | Path,
        *,
        open_session: SessionOpener,
        recommended_parameters: RecommendedParameters | None = None,
        package: ModelPackageMetadata | None = None,
    ) -> Self:
        """Load the package in a directory.

        Args:
            model_name_or_path: the directory. It holds inference_config.json, the network and, but for depth
                estimation, class_names.txt.
            open_session: opens the network; `AutoModel` hands it over.
            recommended_parameters: thresholds behind `confidence="best"`.
            package: the package's metadata; its batch sizes count.

        Raises:
            CorruptedModelPackageError: a file is missing or malformed, or the network contradicts one.
            ModelLoadingError: the package needs what is not supported; the message names what is.
        """
        opened = open_package(
            model_name_or_path,
            open_session,
            check_config=cls._check_config,
            check_outputs=lambda outputs, names: cls._check(outputs[0].shape, names),
            has_class_names=cls.has_class_names,
            metadata=package,
        )
        return cls(opened, recommended_parameters)

    def forward(self, pre_processed_images: Floats) -> Floats:
        """Run the network, in as many batches as it needs.

        Args:
            pre_processed_images: (N, 3, height, width) as `pre_process` returns it.

        Returns:
            The network's first output, N first.

        Raises:
            SessionClosedError: after `close()`.
            ModelRuntimeError: the backend failed.
            CorruptedModelPackageError: the output is not the task's, or does not fit class_names.txt.
        """
        output = self._package.run(pre_processed_images)[0]
        self._check(output.shape, self._package.network_class_names)
        return output

    @classmethod
    @abstractmethod
    def _check_config(cls, config: InferenceConfig, directory: Path) -> None:
        """Raise when the task cannot do with what the config says."""

    @classmethod
    @abstractmethod
    def _expected(cls, shape: Shape, class_names: tuple[str, ...]) -> str | None:
        """Return None when an output of that shape is the task's, else what is expected instead, in words."""

    @classmethod
    def _check(cls, shape: tuple[Any, ...], class_names: tuple[str, ...]) -> None:
        expected = cls._expected(shape, class_names)
        if expected is None:
            return
        found = ", ".join("?" if size is None else str(size) for size in shape)
        names = (
            "Put the class_names.txt that the network was trained with into the package (a blank line before the last "
            "name counts as a class), or export the model again."
        )
        raise CorruptedModelPackageError(
            f"The network's first output has the shape ({found}); expected {expected}. "
            f"{names if cls.has_class_names else 'Export the model again.'}"
        )
