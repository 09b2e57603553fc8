from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from inference_models.errors import CorruptedModelPackageError
from inference_models.metadata import ModelPackageMetadata
from inference_models.vision import BatchSizes, choose_batch_sizes
from inference_models.vision.inference_config import ForwardPass


def metadata(**sizes: int) -> ModelPackageMetadata:
    dynamic = None if "static_batch_size" in sizes else True
    return ModelPackageMetadata(
        "package", "onnx", directory=Path("/package"), dynamic_batch_size_supported=dynamic, **sizes
    )


@pytest.mark.parametrize(
    ("network", "config", "package", "expected"),
    [
        (None, {}, None, (1, None)),
        (4, {}, None, (4, 4)),
        (None, {"static_batch_size": 2}, None, (2, 2)),
        (None, {}, {"static_batch_size": 8}, (8, 8)),
        (4, {"static_batch_size": 4}, {"static_batch_size": 4}, (4, 4)),
        (None, {"max_dynamic_batch_size": 8}, None, (1, 8)),
        (None, {}, {"max_dynamic_batch_size": 16}, (1, 16)),
        (None, {"max_dynamic_batch_size": 8}, {"max_dynamic_batch_size": 16}, (1, 8)),
        (None, {"max_dynamic_batch_size": 32}, {"min_dynamic_batch_size": 4, "max_dynamic_batch_size": 16}, (4, 16)),
        (None, {}, {"min_dynamic_batch_size": 4}, (4, None)),
        # What is fixed has no range.
        (1, {"max_dynamic_batch_size": 8}, {"min_dynamic_batch_size": 2}, (1, 1)),
    ],
)
def test_what_all_agree_on(network: int | None, config: Any, package: Any, expected: Any) -> None:
    described = None if package is None else metadata(**package)
    assert choose_batch_sizes((network or 1, network), ForwardPass(**config), described) == BatchSizes(*expected)


@pytest.mark.parametrize(
    ("network", "config", "package", "expected"),
    [
        (4, {"static_batch_size": 2}, None, r"The network takes a batch of 4, but forward_pass.static_.* is 2\."),
        (4, {}, {"static_batch_size": 2}, r"batch of 4, but static_batch_size in the package's metadata is 2\."),
        (None, {"static_batch_size": 1}, {"static_batch_size": 2}, r"inference_config.json is 1, but static_batch"),
        (None, {"max_dynamic_batch_size": 2}, {"min_dynamic_batch_size": 4}, "at least 4, but max_dynamic.* is 2"),
    ],
)
def test_a_contradiction_says_who_says_what(network: int | None, config: Any, package: Any, expected: str) -> None:
    described = None if package is None else metadata(**package)
    with pytest.raises(CorruptedModelPackageError, match=expected):
        choose_batch_sizes((network or 1, network), ForwardPass(**config), described)
