"""Loading, pre-processing and running the network: the same for every task that finds boxes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from im_yolo.boxes import BoxPackage, RawBoxes, open_box_package, run_network
from im_yolo.families import BoxFamily
from im_yolo.heads import Floats
from inference_models import ColorFormat, Model, PreProcessingOverrides
from inference_models.developer_tools import (
    Images,
    ModelPackageMetadata,
    PreProcessingMetadata,
    RecommendedParameters,
    SessionOpener,
)


class BoxStages(Model):
    """What models of these tasks share; name it before the task's base class, which declares the stages.

    Attributes:
        family: how the networks find boxes.
        extra_count: how many columns follow the classes, or `boxes.PROTOTYPES`.
    """

    family: ClassVar[BoxFamily]
    extra_count: ClassVar[int | None] = 0

    def __init__(self, boxes: BoxPackage) -> None:
        self._boxes = boxes
        self.owns(boxes.package.network.session)

    @classmethod
    def from_pretrained(
        cls,
        model_name_or_path: str | Path,
        *,
        open_session: SessionOpener,
        recommended_parameters: RecommendedParameters | None = None,
        model_features: Mapping[str, Any] | None = None,
        package: ModelPackageMetadata | None = None,
    ) -> Self:
        """Load the package in a directory.

        Args:
            model_name_or_path: the directory. It holds inference_config.json, class_names.txt and the network.
            open_session: opens the network; `AutoModel` hands it over.
            recommended_parameters: thresholds behind `confidence="best"`.
            model_features: what the package's metadata says of the export, "nms_fused" among it.
            package: the package's metadata; its batch sizes count.

        Raises:
            CorruptedModelPackageError: a file is missing or malformed, or the network contradicts one.
            ModelLoadingError: the package needs what is not supported; the message names what is.
        """
        return cls(
            open_box_package(
                model_name_or_path,
                open_session,
                cls.family,
                extra_count=cls.extra_count,
                recommended_parameters=recommended_parameters,
                model_features=model_features,
                metadata=package,
            )
        )

    @property
    def class_names(self) -> list[str]:
        """The names of all classes, indexed by class id."""
        return list(self._boxes.package.class_names)

    def pre_process(
        self,
        images: Images,
        *,
        input_color_format: ColorFormat | None = None,
        image_size: int | tuple[int, int] | None = None,
        pre_processing_overrides: PreProcessingOverrides | None = None,
    ) -> tuple[Floats, list[PreProcessingMetadata]]:
        """Return the network's input for `images`, and how to get back from it.

        Args:
            images: one image, a list of them of any sizes, an array (N, H, W, 3) or a tensor (N, 3, H, W). An image
                is a numpy array (H, W, 3) uint8, or a torch tensor (3, H, W) of uint8 values or floats in 0 to 1.
            input_color_format: the order of the images' colours; default "bgr" for numpy, as OpenCV reads them, and
                "rgb" for torch.
            image_size: width and height of the network's input for this call, or one number for both, rounded up to
                what the network takes; only for packages that support it. Default: the package's.
            pre_processing_overrides: single steps to leave out.

        Returns:
            A new array (N, channels, height, width) float32 (float16 if the network takes that); a tensor on the
            network's device where that is a GPU's. And N metadata.

        Raises:
            ModelInputError: an image cannot be used.
            InvalidParameterError: an option has a value that does not exist.
        """
        return self._boxes.package.pre_processor(
            images,
            input_color_format=input_color_format,
            overrides=pre_processing_overrides,
            image_size=image_size,
            device=self._boxes.package.device,
        )

    def forward(self, pre_processed_images: Floats) -> RawBoxes:
        """Run the network, in as many batches as it needs.

        Args:
            pre_processed_images: (N, 3, height, width) as `pre_process` returns it.

        Returns:
            The network's outputs.

        Raises:
            SessionClosedError: after `close()`.
            ModelRuntimeError: the backend failed.
            CorruptedModelPackageError: the outputs do not fit class_names.txt.
        """
        return run_network(self._boxes, pre_processed_images)
