"""The same weights in ONNX and TorchScript give the same detections."""

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
    """Write the network as an ONNX or TorchScript file, with torch's own exporters."""

    class Plain(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, images):
            outputs = self.network(images)
            return tuple(outputs[key] for key in ("pred_boxes", "logits", "pred_masks")[: len(names)])

    images = torch.zeros(1, 3, edge, edge)
    if path.suffix == ".torchscript":
        torch.jit.save(torch.jit.trace(Plain().eval(), images), path)
        return
    torch.onnx.export(
        Plain().eval(),
        (images,),
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
@pytest.mark.parametrize(("backend", "file"), [("onnx", "weights.onnx"), ("torch-script", "weights.torchscript")])
def test_exports_and_torch_agree(bench, torch_bench, tmp_path: Path, task: str, backend: str, file: str) -> None:
    size = evolve(bench.TINY, has_masks=task == "instance-segmentation")
    network = torch_bench.network(size)
    torch_bench.torch.save({"model": torch_bench.old_weights(network)}, tmp_path / "best.pth")
    directory = bench.package(task, backend=backend, forward_pass={"static_batch_size": 1})
    export(torch_bench.torch, network, size.resolution, NAMES[task], directory / file)
    by_torch = AutoModel.from_pretrained(
        tmp_path / "best.pth", model_type=TYPES[task], labels=bench.NAMES, device="cpu"
    )
    by_session = AutoModel.from_pretrained(directory, device="cpu")
    pictures = [bench.picture(90, 140), bench.picture(200, 150, seed=1)]
    total = 0
    for first, second in zip(by_torch(pictures, confidence=0.3), by_session(pictures, confidence=0.3), strict=True):
        total += len(first)
        np.testing.assert_array_equal(first.class_id, second.class_id)
        np.testing.assert_allclose(first.confidence, second.confidence, atol=1e-4)
        np.testing.assert_allclose(first.xyxy, second.xyxy, atol=1e-2)
        if task == "instance-segmentation":
            assert (first.mask != second.mask).mean() < 1e-4
    assert total > 5
