"""Where torch sees a GPU: the network runs there, says the same, and predictions of tensors stay there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from inference_models import AutoModel

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device"),
]


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_the_answers_are_those_of_the_cpu(shapes_package: Path, scenes: list[Any], shapes: Any, dtype: str) -> None:
    with AutoModel.from_pretrained(shapes_package, device="cuda", dtype=dtype) as model:
        assert model.runtime["device"].startswith("cuda")
        pictures = [np.ascontiguousarray(scene.picture[..., ::-1]) for scene in scenes]
        assert model.caption_image(pictures) == shapes.caption_image(pictures)
        tensor = torch.from_numpy(scenes[0].picture.transpose(2, 0, 1).copy()).cuda()
        (found,) = model.detect_objects(tensor)
        (outlined,) = model.segment_region(tensor, scenes[0].shapes[0].box)
        assert found.xyxy.is_cuda
        assert outlined.mask.is_cuda
        np.testing.assert_allclose(found.xyxy.cpu(), [scenes[0].shapes[0].box], atol=0.2)


def test_drawing_at_random_leaves_the_gpus_generator_alone(shapes_package: Path, scenes: list[Any]) -> None:
    with AutoModel.from_pretrained(shapes_package, device="cuda") as model:
        before = torch.cuda.get_rng_state()
        options = {"do_sample": True, "seed": 5, "num_beams": 1}
        texts = {model.prompt(scenes[0].picture, "<CAPTION>", **options)[0] for _ in range(3)}
        assert len(texts) == 1
        assert torch.equal(torch.cuda.get_rng_state(), before)
