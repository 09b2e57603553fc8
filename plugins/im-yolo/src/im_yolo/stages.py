"""Loading and running the network: the same for every task that finds boxes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self

from im_yolo.boxes import BoxPackage, RawBoxes, open_box_package, run_network
from im_yolo.families import BoxFamily
from im_yolo.heads import DecodedBoxes, Floats
from im_yolo.pictures import PictureStages
from inference_models import Detections
from inference_models.developer_tools import (
    ModelPackageMetadata,
    PreProcessingMetadata,
    RecommendedParameters,
    SessionOpener,
    rescale_boxes,
)


class BoxStages(PictureStages):
    """What models of these tasks share; name it before the task's base class, which declares the stages.

    Attributes:
        family: how the networks find boxes.
        extra_count: how many columns follow the classes, or `boxes.PROTOTYPES`.
    """

    family: ClassVar[BoxFamily]
    extra_count: ClassVar[int | None] = 0

    def __init__(self, boxes: BoxPackage) -> None:
        self._boxes = boxes
        self._package = boxes.package
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
            model_name_or_path: the directory. It holds inference_config.json, class_names.txt, the network, and for key
                points keypoints_metadata.json.
            open_session: opens the network; `AutoModel` hands it over.
            recommended_parameters: thresholds behind `confidence="best"`.
            model_features: what the package's metadata says of the export, "nms_fused" among it.
            package: the package's metadata; its batch sizes count.

        Raises:
            CorruptedModelPackageError: a file is missing or malformed, or the network contradicts one.
            ModelLoadingError: the package needs what is not supported; the message names what is.
        """
        open_boxes = partial(
            open_box_package,
            model_name_or_path,
            open_session,
            cls.family,
            recommended_parameters=recommended_parameters,
            model_features=model_features,
            metadata=package,
        )
        return cls._open(Path(model_name_or_path), open_boxes)

    @classmethod
    def _open(cls, directory: Path, open_boxes: Callable[..., BoxPackage]) -> Self:
        """Return the model of a package, with what else its task needs from the directory."""
        return cls(open_boxes(extra_count=cls.extra_count))

    @property
    def class_names(self) -> list[str]:
        """The names of all classes, indexed by class id."""
        return list(self._package.class_names)

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

    def _to_detections(self, boxes: DecodedBoxes, metadata: PreProcessingMetadata) -> Detections:
        return Detections(
            xyxy=rescale_boxes(boxes.xyxy, metadata),
            class_id=boxes.class_ids,
            confidence=boxes.scores,
            class_names=self._package.class_names,
        )
