"""Loading, pre-processing and running the network: the same for every task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from im_rfdetr.outputs import RawResults
from im_rfdetr.package import RFDETRPackage, open_package
from im_rfdetr.resolution import MaxResolution
from im_rfdetr.selection import Floats, Selected, select
from inference_models import ColorFormat, Confidence, Model, PreProcessingOverrides
from inference_models.developer_tools import (
    Array,
    Images,
    ModelPackageMetadata,
    PreProcessingMetadata,
    RecommendedParameters,
    SessionOpener,
    as_numpy,
    check_max_detections,
    cxcywh_to_xyxy,
    rescale_boxes,
)

__all__ = ["RFDETRStages", "place_boxes"]


class RFDETRStages(Model):
    """What models of these tasks share; name it before the task's base class, which declares the stages.

    Attributes:
        needs: "masks" or "key points", as the task does; None for detection.
    """

    needs: ClassVar[str | None] = None

    def __init__(self, package: RFDETRPackage) -> None:
        self._package = package
        self.owns(package.network.session)

    @classmethod
    def from_pretrained(
        cls,
        model_name_or_path: str | Path,
        *,
        open_session: SessionOpener,
        recommended_parameters: RecommendedParameters | None = None,
        model_features: Mapping[str, Any] | None = None,
        package: ModelPackageMetadata | None = None,
        rf_detr_max_input_resolution: MaxResolution = None,
    ) -> Self:
        """Load the package in a directory.

        Args:
            model_name_or_path: the directory. It holds inference_config.json, class_names.txt, the network, and for key
                points keypoints_metadata.json.
            open_session: opens the network; `AutoModel` hands it over.
            recommended_parameters: thresholds behind `confidence="best"`.
            model_features: what the package's metadata says of the export, "num_select" among it.
            package: the package's metadata; its batch sizes count.
            rf_detr_max_input_resolution: refuse a larger input, in pixels: a number, or width and height.

        Raises:
            CorruptedModelPackageError: a file is missing or malformed, or the network contradicts one.
            ModelLoadingError: the package needs what is not supported; the message names what is.
        """
        opened = open_package(
            model_name_or_path,
            open_session,
            needs=cls.needs,
            metadata=package,
            recommended=recommended_parameters,
            features=model_features,
            max_resolution=rf_detr_max_input_resolution,
        )
        try:
            return cls._from_package(opened, Path(model_name_or_path))
        except BaseException:
            opened.network.session.close()
            raise

    @classmethod
    def _from_package(cls, opened: RFDETRPackage, directory: Path) -> Self:
        """Return the model of an opened package, with what else its task needs from the directory."""
        return cls(opened)

    @property
    def class_names(self) -> list[str]:
        """The names of all classes, indexed by class id. One without a name, "", is never predicted."""
        return list(self._package.classes.names)

    def pre_process(
        self,
        images: Images,
        *,
        input_color_format: ColorFormat | None = None,
        image_size: int | tuple[int, int] | None = None,
        pre_processing_overrides: PreProcessingOverrides | None = None,
    ) -> tuple[Array, list[PreProcessingMetadata]]:
        """Return the network's input for `images`, and how to get back from it.

        Args:
            images: one image, a list of them of any sizes, an array (N, H, W, 3) or a tensor (N, 3, H, W). An image
                is a numpy array (H, W, 3) uint8, or a torch tensor (3, H, W) of uint8 values or floats in 0 to 1.
            input_color_format: the order of the images' colours; default "bgr" for numpy, as OpenCV reads them, and
                "rgb" for torch.
            image_size: width and height of the network's input, or one number for both; must be the network's own.
            pre_processing_overrides: single steps to leave out.

        Returns:
            A new array (N, 3, height, width) float32 (float16 if the network takes that), or a tensor on the network's
            device where that is not the CPU; and N metadata.

        Raises:
            ModelInputError: an image cannot be used.
            InvalidParameterError: an option has a value that does not exist.
        """
        return self._package.pre_processor(
            images,
            input_color_format=input_color_format,
            overrides=pre_processing_overrides,
            image_size=image_size,
            device=self._package.device,
        )

    def forward(self, pre_processed_images: Array) -> RawResults:
        """Run the network, in as many batches as it needs.

        Args:
            pre_processed_images: (N, 3, height, width) as `pre_process` returns it.

        Returns:
            The network's outputs.

        Raises:
            SessionClosedError: after `close()`.
            ModelRuntimeError: the backend failed.
            CorruptedModelPackageError: the outputs are not those of the task.
        """
        return self._package.run(pre_processed_images)

    def _select(
        self, results: RawResults, confidence: Confidence, max_detections: int | None
    ) -> tuple[npt.NDArray[np.intp], Iterator[Selected]]:
        """Return the ids in predictions of the network's classes, and of each image the pairs that are predictions."""
        limit = None if max_detections is None else check_max_detections(max_detections)
        logits = as_numpy(results.logits)
        ids, thresholds = self._package.classes.column_thresholds(logits.shape[2], self._package.threshold(confidence))
        count = self._package.select_count or logits.shape[1]
        images = zip(logits, as_numpy(results.boxes), strict=True)
        return ids, (select(one, thresholds, count).with_boxes(boxes).take(slice(limit)) for one, boxes in images)


def place_boxes(
    boxes: Floats, queries: npt.NDArray[np.intp] | Sequence[int], metadata: PreProcessingMetadata
) -> npt.NDArray[np.float32]:
    """Return the boxes of some queries in the source image, unrounded and clamped to it.

    Args:
        boxes: (queries, 4) centre x, centre y, width, height in shares of the picture.
        queries: (n,) which.
        metadata: how the picture was brought to the network.

    Returns:
        (n, 4) float32 left, top, right, bottom in source pixels.
    """
    size = metadata.inference_size
    pixels = boxes[queries].astype(np.float32) * np.array([size.width, size.height] * 2, np.float32)
    return rescale_boxes(cxcywh_to_xyxy(pixels), metadata)
