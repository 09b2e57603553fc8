"""Models that give other masks, or other types, in one of their formats are found out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from inference_models import InstanceDetections, InstanceSegmentationModel, InstancesRLEMasks
from inference_models.testing.checks.findings import Finding, NotChecked
from inference_models.testing.checks.masks import check_mask_formats


def masks_of(xyxy: Any, size: tuple[int, int]) -> Any:
    """Return (n, height, width): all within the boxes."""
    masks = np.zeros((len(xyxy), *size), bool)
    for mask, (left, top, right, bottom) in zip(masks, np.asarray(xyxy).astype(int), strict=True):
        mask[top:bottom, left:right] = True
    return masks


@pytest.fixture
def broken(finder: SimpleNamespace) -> Any:
    """Return a function from what replaces methods of a good model to what the check takes."""

    base: Any = finder.ColorFinder

    class MaskFinder(base, InstanceSegmentationModel[Any, Any, Any]):
        supported_mask_formats = frozenset({"dense", "rle"})

        def post_process(self, results: Any, metadata: Any, mask_format: str = "dense") -> Any:
            found = base.post_process(self, results, metadata)
            return [
                InstanceDetections(one.xyxy, one.class_id, one.confidence, self.encode(one.xyxy, mask_format))
                for one in found
            ]

        def encode(self, xyxy: Any, mask_format: str) -> Any:
            masks = masks_of(xyxy, (40, 60))
            return masks if mask_format == "dense" else InstancesRLEMasks.from_dense(masks)

    return lambda **methods: finder.subject(type("Broken", (MaskFinder,), methods)(), images=finder.PICTURES[:1])


def test_a_good_model(broken: Any) -> None:
    check_mask_formats(broken())


def test_formats_that_nobody_knows(broken: Any) -> None:
    for formats in ({"dense", "polygons"}, set()):
        with pytest.raises(Finding, match="supported_mask_formats is"):
            check_mask_formats(broken(supported_mask_formats=formats))


def test_dense_masks_whatever_was_asked_for(broken: Any) -> None:
    with pytest.raises(Finding, match='gives ndarray for mask_format="rle"'):
        check_mask_formats(broken(encode=lambda self, xyxy, _: masks_of(xyxy, (40, 60))))


def test_other_masks_as_run_lengths(broken: Any) -> None:
    def encode(self: Any, xyxy: Any, mask_format: str) -> Any:
        masks = masks_of(xyxy, (40, 60))
        return masks if mask_format == "dense" else InstancesRLEMasks.from_dense(~masks)

    with pytest.raises(Finding, match=r"are others as run lengths: the mask differs in 100.00%"):
        check_mask_formats(broken(encode=encode))


def test_run_lengths_of_another_size(broken: Any) -> None:
    def encode(self: Any, xyxy: Any, mask_format: str) -> Any:
        dense = mask_format == "dense"
        return masks_of(xyxy, (40, 60)) if dense else InstancesRLEMasks.from_dense(masks_of(xyxy, (20, 30)))

    with pytest.raises(Finding, match=r"InstanceDetections.mask has the size \(20, 30\)"):
        check_mask_formats(broken(encode=encode))


def test_a_model_with_one_format(broken: Any) -> None:
    check_mask_formats(broken(supported_mask_formats={"rle"}))


def test_what_is_not_checked(broken: Any, finder: SimpleNamespace) -> None:
    with pytest.raises(NotChecked, match="no masks"):
        check_mask_formats(finder.subject(finder.ColorFinder()))
    with pytest.raises(NotChecked, match="takes no mask_format"):
        check_mask_formats(broken(post_process=finder.ColorFinder.post_process))
