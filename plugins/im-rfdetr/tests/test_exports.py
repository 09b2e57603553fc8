"""The same weights in ONNX and TorchScript give the same instances. For detections see test_examples.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from attrs import evolve

from inference_models import AutoModel

pytest.importorskip("onnxscript")


@pytest.mark.usefixtures("tiny_sizes")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("backend", "file"), [("onnx", "weights.onnx"), ("torch-script", "weights.torchscript")])
def test_exports_and_torch_agree_about_masks(bench, torch_bench, tmp_path: Path, backend: str, file: str) -> None:
    size = evolve(bench.TINY, has_masks=True)
    network = torch_bench.network(size)
    torch_bench.torch.save({"model": torch_bench.old_weights(network)}, tmp_path / "best.pth")
    directory = bench.package("instance-segmentation", backend=backend, forward_pass={"static_batch_size": 1})
    torch_bench.export(network, size.resolution, ["dets", "labels", "masks"], directory / file)
    options = {"model_type": "rfdetr-seg-nano", "labels": bench.NAMES}
    by_torch = AutoModel.from_pretrained(tmp_path / "best.pth", **options, device="cpu")
    by_session = AutoModel.from_pretrained(directory, device="cpu")
    pictures = [bench.picture(90, 140), bench.picture(200, 150, seed=1)]
    total = 0
    for first, second in zip(by_torch(pictures, confidence=0.3), by_session(pictures, confidence=0.3), strict=True):
        total += len(first)
        np.testing.assert_array_equal(first.class_id, second.class_id)
        np.testing.assert_allclose(first.confidence, second.confidence, atol=1e-4)
        np.testing.assert_allclose(first.xyxy, second.xyxy, atol=1e-2)
        assert (first.mask != second.mask).mean() < 1e-4
    assert total > 5
