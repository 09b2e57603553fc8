from __future__ import annotations

from typing import Any

import pytest

from im_backend_hf.manifest import parse
from inference_models import CorruptedModelPackageError
from inference_models.developer_tools import Quantization

MANIFEST = {"type": "hf-model-package-v1", "backendType": "hf", "quantization": "fp16"}


@pytest.mark.parametrize("name", ["hf", "hugging-face"])
def test_what_a_manifest_states(name: str) -> None:
    assert parse({**MANIFEST, "backendType": name}) == {
        "backend": "hugging-face",
        "quantization": Quantization.FP16,
        "dynamic_batch_size_supported": True,
    }


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"backendType": "torch"}, "'backendType': expected 'hf', got 'torch'"),
        ({"backendType": ["hf"]}, r"'backendType': expected 'hf', got \['hf'\]"),
        ({"quantization": 16}, "'quantization': expected the name of one, got 16"),
        ({"quantization": "fp7"}, "'quantization': expected one of fp32, fp16, bf16, int8, unknown, got 'fp7'"),
    ],
)
def test_what_is_wrong_with_one(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(CorruptedModelPackageError, match=said):
        parse({**MANIFEST, **changes})
