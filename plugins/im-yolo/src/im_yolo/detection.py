"""YOLO object detection over any session."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from attrs import evolve

from im_yolo.heads import AnchorFreeHead, DetectionHead
from im_yolo.package import YOLOPackage, open_package
from inference_models import (
    ColorFormat,
    Confidence,
    Detections,
    ObjectDetectionModel,
    PreProcessingOverrides,
)
from inference_models.developer_tools import (
    Images,
    NMSParameters,
    PreProcessingMetadata,
    RecommendedParameters,
    SessionOpener,
    as_kind,
    as_numpy,
    check_flag,
    check_fraction,
    check_max_detections,
    non_maximum_suppression,
    rescale_boxes,
    resolve_confidence,
    run_batched,
)

Floats = npt.NDArray[np.floating[Any]]

# Used where the package's nms_parameters do not say otherwise.
FAMILY_DEFAULTS = NMSParameters(max_detections=300, confidence_threshold=0.4, iou_threshold=0.3, class_agnostic=False)


class YOLODetector(ObjectDetectionModel[Floats, list[PreProcessingMetadata], Floats]):
    """A YOLO object detector whose output is anchor-free: YOLOv8.

    Safe to use from several threads at once.
    """

    head: ClassVar[DetectionHead] = AnchorFreeHead()

    def __init__(self, package: YOLOPackage, recommended_parameters: RecommendedParameters | None = None) -> None:
        self._package = package
        self.owns(package.session)
        self._recommended = recommended_parameters
        post_processing = package.config.post_processing
        self._defaults = (post_processing.nms_parameters if post_processing else None) or FAMILY_DEFAULTS

    @classmethod
    def from_pretrained(
        cls,
        model_name_or_path: str | Path,
        *,
        open_session: SessionOpener,
        recommended_parameters: RecommendedParameters | None = None,
    ) -> Self:
        """Load the package in a directory.

        Args:
            model_name_or_path: the directory. It holds inference_config.json, class_names.txt and the network.
            open_session: opens the network; `AutoModel` hands it over.
            recommended_parameters: thresholds behind `confidence="best"`.

        Raises:
            CorruptedModelPackageError: a file is missing or malformed, or the network contradicts one.
            ModelLoadingError: the package needs what is not supported; the message names what is.
        """
        return cls(open_package(model_name_or_path, open_session, cls.head), recommended_parameters)

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
    ) -> tuple[Floats, list[PreProcessingMetadata]]:
        """Return the network's input for `images`, and how to get back from it.

        Args:
            images: one image (H, W, 3) uint8, a list of them of any sizes, or an array (N, H, W, 3).
            input_color_format: the order of the images' colours; default "bgr", as OpenCV reads them.
            pre_processing_overrides: single steps to leave out.

        Returns:
            A new array (N, 3, height, width) float32 (float16 if the network takes that), and N metadata.

        Raises:
            ModelInputError: an image cannot be used.
            InvalidParameterError: an option has a value that does not exist.
        """
        return self._package.pre_processor(
            images, input_color_format=input_color_format, overrides=pre_processing_overrides
        )

    def forward(self, pre_processed_images: Floats) -> Floats:
        """Run the network, in as many batches as it needs.

        Args:
            pre_processed_images: (N, 3, height, width) as `pre_process` returns it.

        Returns:
            The network's output (N, 4 + classes, anchors).

        Raises:
            SessionClosedError: after `close()`.
            ModelRuntimeError: the backend failed.
            CorruptedModelPackageError: the output does not fit class_names.txt.
        """
        session, limits = self._package.session, self._package.config.forward_pass
        outputs = run_batched(
            session,
            {self._package.input_name: as_kind(pre_processed_images, session.array_kind, session.device)},
            min_batch_size=limits.static_batch_size,
            max_batch_size=limits.static_batch_size or limits.max_dynamic_batch_size,
        )
        output = as_numpy(next(iter(outputs.values())))
        self.head.check(output.shape, len(self._package.class_names))
        return output

    def post_process(
        self,
        model_results: Floats,
        pre_processing_meta: list[PreProcessingMetadata],
        *,
        confidence: Confidence = "default",
        iou_threshold: float | None = None,
        max_detections: int | None = None,
        class_agnostic_nms: bool | None = None,
    ) -> list[Detections]:
        """Return what was found in each image.

        Where an argument is left out, the package's nms_parameters apply; where it has none, 0.4 for confidence, 0.3
        for iou_threshold, 300 for max_detections, False for class_agnostic_nms.

        Args:
            model_results: (N, 4 + classes, anchors) as `forward` returns it.
            pre_processing_meta: N metadata as `pre_process` returns them.
            confidence: boxes with a score strictly above are kept: a number in [0, 1]; "default"; or "best", what
                whoever trained the model recommends, by class where they do.
            iou_threshold: of two boxes of one class that overlap more, the lower score is dropped.
            max_detections: at most this many per image, best first.
            class_agnostic_nms: drop overlapping boxes of different classes too.

        Returns:
            Detections for each image, best first: xyxy (n, 4) float32 in source pixels, unrounded and clamped to the
            image; of equal scores the lower anchor first.

        Raises:
            InvalidParameterError: a threshold cannot be used.
        """
        defaults = self._defaults
        threshold = resolve_confidence(
            confidence,
            default=defaults.confidence_threshold,
            class_names=self._package.class_names,
            recommended=self._recommended,
        )
        nms = _nms_parameters(defaults, iou_threshold, max_detections, class_agnostic_nms)
        results = model_results.astype(np.float32, copy=False)
        return [
            self._detections(output, metadata, threshold, nms)
            for output, metadata in zip(results, pre_processing_meta, strict=True)
        ]

    def _detections(
        self,
        output: Floats,
        metadata: PreProcessingMetadata,
        threshold: float | npt.NDArray[np.float32],
        nms: NMSParameters,
    ) -> Detections:
        """Return what the network's output for one image says."""
        found = self.head.decode(output, threshold)
        kept = non_maximum_suppression(
            found.xyxy,
            found.scores,
            found.class_ids,
            iou_threshold=nms.iou_threshold,
            max_detections=nms.max_detections,
            class_agnostic=nms.class_agnostic,
        )
        return Detections(
            xyxy=rescale_boxes(found.xyxy[kept], metadata),
            class_id=found.class_ids[kept].astype(np.int32),
            confidence=found.scores[kept],
            class_names=self._package.class_names,
        )


def _nms_parameters(
    defaults: NMSParameters, iou_threshold: float | None, max_detections: int | None, class_agnostic: bool | None
) -> NMSParameters:
    """Return `defaults` with what was given for one call put in, checked."""
    given: dict[str, Any] = {}
    if iou_threshold is not None:
        given["iou_threshold"] = check_fraction("iou_threshold", iou_threshold)
    if max_detections is not None:
        given["max_detections"] = check_max_detections(max_detections)
    if class_agnostic is not None:
        given["class_agnostic"] = check_flag("class_agnostic_nms", class_agnostic)
    return evolve(defaults, **given)
