"""The table of sizes, the declared checkpoint types and the README say the same."""

from __future__ import annotations

import re
from pathlib import Path

from im_rfdetr.plugin import DETECTORS, SEGMENTERS, im_models
from im_rfdetr.sizes import SIZES

RESOLUTIONS = {
    "rfdetr-nano": 384,
    "rfdetr-small": 512,
    "rfdetr-base": 560,
    "rfdetr-medium": 576,
    "rfdetr-large": 704,
    "rfdetr-xlarge": 700,
    "rfdetr-2xlarge": 880,
    "rfdetr-seg-preview": 432,
    "rfdetr-seg-nano": 312,
    "rfdetr-seg-small": 384,
    "rfdetr-seg-medium": 432,
    "rfdetr-seg-large": 504,
    "rfdetr-seg-xlarge": 624,
    "rfdetr-seg-2xlarge": 768,
    "rfdetr-seg-xxlarge": 768,
}


def test_every_size_is_there_at_its_resolution() -> None:
    assert {name: size.resolution for name, size in SIZES.items()} == RESOLUTIONS


def test_every_checkpoint_type_is_a_size_of_its_task() -> None:
    assert {*DETECTORS, *SEGMENTERS} == set(SIZES)
    assert all(SIZES[name].has_masks == (name in SEGMENTERS) for name in SIZES)
    declared = {name: spec.task_type for spec in im_models() for name in spec.checkpoint_types}
    assert declared["rfdetr-base"] == "object-detection"
    assert declared["rfdetr-seg-nano"] == "instance-segmentation"
    assert set(declared) == set(SIZES)


def test_windows_divide_the_picture() -> None:
    for size in SIZES.values():
        assert size.resolution % (size.patch * size.windows) == 0


def test_the_readme_lists_them() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    rows = re.findall(r"^\| `(rfdetr-[\w-]+)` \| (\d+) \|", readme, flags=re.MULTILINE)
    assert {name: int(resolution) for name, resolution in rows} == RESOLUTIONS
