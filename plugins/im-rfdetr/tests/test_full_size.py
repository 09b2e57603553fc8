"""The smallest size as it is trained, 30 million weights: the numbers of transformers' own class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from im_rfdetr.sizes import SIZES
from inference_models import AutoModel


@pytest.mark.slow
@pytest.mark.parametrize("model_type", ["rfdetr-nano"])
def test_a_network_of_full_size(bench, torch_bench, tmp_path: Path, model_type: str) -> None:
    network = torch_bench.network(SIZES[model_type], classes=91, groups=13)
    path = tmp_path / "checkpoint_best.pth"
    torch_bench.torch.save({"model": torch_bench.old_weights(network)}, path)
    with AutoModel.from_pretrained(path, model_type=model_type, labels="coco", device="cpu") as model:
        picture = bench.picture(480, 640)
        inputs, metadata = model.pre_process(picture)
        raw = model.forward(inputs)
        boxes, logits = torch_bench.by_hand(network, inputs)
        np.testing.assert_allclose(raw.boxes.numpy(), boxes, atol=1e-5)
        np.testing.assert_allclose(raw.logits.numpy(), logits, atol=1e-4)
        assert model.post_process(raw, metadata, confidence=0.0)[0].xyxy.shape[1] == 4
