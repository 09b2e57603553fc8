"""The same weights in ONNX give the same detections."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from attrs import evolve

from inference_models import AutoModel

pytest.importorskip("onnxscript")

NAMES = {"object-detection": ["dets", "labels"], "instance-segmentation": ["dets", "labels", "masks"]}
TYPES = {"object-detection": "rfdetr-nano", "instance-segmentation": "rfdetr-seg-nano"}


def export(torch: Any, network: Any, edge: int, names: list[str], path: Path) -> None:
    """Write the network as an ONNX file, with torch's own exporter."""

    class Plain(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, images):
            outputs = self.network(images)
            return tuple(outputs[key] for key in ("pred_boxes", "logits", "pred_masks")[: len(names)])

    torch.onnx.export(
        Plain().eval(),
        (torch.zeros(1, 3, edge, edge),),
        path,
        dynamo=True,
        external_data=False,
        verbose=False,
        input_names=["input"],
        output_names=names,
    )


@pytest.mark.usefixtures("tiny_sizes")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("task", NAMES)
def test_onnx_and_torch_agree(bench, torch_bench, tmp_path: Path, task: str) -> None:
    size = evolve(bench.TINY, has_masks=task == "instance-segmentation")
    network = torch_bench.network(size)
    torch_bench.torch.save({"model": torch_bench.old_weights(network)}, tmp_path / "best.pth")
    directory = bench.package(task)
    export(torch_bench.torch, network, size.resolution, NAMES[task], directory / "weights.onnx")
    by_torch = AutoModel.from_pretrained(
        tmp_path / "best.pth", model_type=TYPES[task], labels=bench.NAMES, device="cpu"
    )
    by_onnx = AutoModel.from_pretrained(directory, device="cpu")
    pictures = [bench.picture(90, 140), bench.picture(200, 150, seed=1)]
    total = 0
    for first, second in zip(by_torch(pictures, confidence=0.3), by_onnx(pictures, confidence=0.3), strict=True):
        total += len(first)
        np.testing.assert_array_equal(first.class_id, second.class_id)
        np.testing.assert_allclose(first.confidence, second.confidence, atol=1e-4)
        np.testing.assert_allclose(first.xyxy, second.xyxy, atol=1e-2)
        if task == "instance-segmentation":
            assert (first.mask != second.mask).mean() < 1e-4
    assert total > 5
