"""`rf_detr_max_input_resolution=`: no larger network than the user allows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from attrs import evolve

from inference_models import AutoModel, InvalidParameterError, ModelLoadingError

BOXES, SCORES = np.full((5, 4), 0.5, np.float32), np.zeros((5, 4), np.float32)
REFUSED = r"takes pictures of 64x64 pixels .* allows {}\. Allow more"


def load(bench: Any, **options: Any) -> Any:
    directory = bench.package(network=bench.saying(dets=BOXES, labels=SCORES))
    return AutoModel.from_pretrained(directory, device="cpu", **options)


@pytest.mark.parametrize("limit", [64, (64, 64), (64, 80), 1000, None])
def test_what_is_small_enough_loads(bench: Any, limit: Any) -> None:
    assert load(bench, rf_detr_max_input_resolution=limit)(bench.picture())


@pytest.mark.parametrize(("limit", "allowed"), [(63, "63x63"), ((64, 48), "64x48"), ((48, 64), "48x64")])
def test_what_is_too_large_is_refused(bench: Any, limit: Any, allowed: str) -> None:
    with pytest.raises(ModelLoadingError, match=REFUSED.format(allowed)):
        load(bench, rf_detr_max_input_resolution=limit)


def test_a_size_that_only_the_network_states(bench: Any) -> None:
    free = {"training_input_size": None, "dynamic_spatial_size_supported": True}
    any_size = {"dynamic_spatial_size_mode": {"type": "any-size"}}
    directory = bench.package(network=bench.saying(dets=BOXES, labels=SCORES), network_input={**free, **any_size})
    assert AutoModel.from_pretrained(directory, device="cpu", rf_detr_max_input_resolution=64)
    with pytest.raises(ModelLoadingError, match=REFUSED.format("63x63")):
        AutoModel.from_pretrained(directory, device="cpu", rf_detr_max_input_resolution=63)


@pytest.mark.parametrize("limit", [0, -1, 1.5, True, "640", (64,), (64, 0), ()])
def test_what_is_no_limit(bench: Any, limit: Any) -> None:
    with pytest.raises(InvalidParameterError, match=re.escape(f"not {limit!r}")):
        load(bench, rf_detr_max_input_resolution=limit)


@pytest.mark.usefixtures("tiny_sizes")
def test_checkpoints_at_the_resolution_that_is_asked_for(bench: Any, torch_bench: Any, tmp_path: Path) -> None:
    network = torch_bench.network(evolve(bench.TINY, has_masks=False))
    path = tmp_path / "best.pth"
    torch_bench.torch.save({"model": torch_bench.old_weights(network)}, path)
    options = {"model_type": "rfdetr-nano", "labels": ["a", "b", "c"], "device": "cpu"}
    assert AutoModel.from_pretrained(path, **options, rf_detr_max_input_resolution=64)
    with pytest.raises(ModelLoadingError, match=r"of 96x96 pixels .* allows 64x64"):
        AutoModel.from_pretrained(path, **options, resolution=96, rf_detr_max_input_resolution=64)
