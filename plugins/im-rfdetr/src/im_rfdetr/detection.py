"""RF-DETR object detection."""

from __future__ import annotations

import numpy as np

from im_rfdetr.outputs import RawResults
from im_rfdetr.stages import RFDETRStages, place_boxes
from inference_models import Confidence, Detections, ObjectDetectionModel
from inference_models.developer_tools import Array, PreProcessingMetadata, as_numpy, in_kind

__all__ = ["RFDETRDetector"]


class RFDETRDetector(RFDETRStages, ObjectDetectionModel[Array, list[PreProcessingMetadata], RawResults]):
    """An RF-DETR object detector. Safe to use from several threads at once."""

    def post_process(
        self,
        model_results: RawResults,
        pre_processing_meta: list[PreProcessingMetadata],
        *,
        confidence: Confidence = "default",
        max_detections: int | None = None,
    ) -> list[Detections]:
        """Return what was found in each image.

        The network was trained not to find an object twice, so there is no non-maximum suppression.

        Args:
            model_results: what `forward` returned for N images.
            pre_processing_meta: N metadata as `pre_process` returns them.
            confidence: boxes with a score strictly above are kept: a number in [0, 1]; "default", 0.4; or "best", what
                whoever trained the model recommends, by class where they do.
            max_detections: at most this many per image, best first. Default: as many as the network has queries.

        Returns:
            Detections for each image, best first: xyxy (n, 4) float32 in source pixels, unrounded and clamped to the
            image. Numpy arrays where the image was one; tensors on the image's device where it was a tensor.

        Raises:
            InvalidParameterError: a threshold cannot be used.
            CorruptedModelPackageError: the network has another number of classes than class_names.txt.
        """
        ids, found = self._select(model_results, confidence, max_detections)
        names = self._package.classes.names
        return [
            in_kind(
                Detections(
                    xyxy=place_boxes(boxes, pairs.queries, metadata),
                    class_id=ids[pairs.columns].astype(np.int32),
                    confidence=pairs.scores,
                    class_names=names,
                ),
                metadata,
            )
            for boxes, pairs, metadata in zip(as_numpy(model_results.boxes), found, pre_processing_meta, strict=True)
        ]
