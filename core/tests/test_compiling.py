from __future__ import annotations

import pytest

from inference_models import InvalidRequestedBatchSizeError, Quantization
from inference_models.developer_tools import CompileOptions


def test_nothing_need_be_said() -> None:
    options = CompileOptions()
    assert (options.device, options.quantization, options.batch_size) == (None, None, None)


def test_what_is_said_is_kept() -> None:
    options = CompileOptions(device="cuda:1", quantization=Quantization.FP16, batch_size=(1, 4, 16))
    assert options.batch_size == (1, 4, 16)


@pytest.mark.parametrize("batch", [(0, 1, 1), (2, 1, 4), (1, 8, 4), (1, 2), (True, 1, 1), (1.0, 1, 1)])
def test_a_batch_that_makes_no_sense(batch: tuple[int, int, int]) -> None:
    with pytest.raises(InvalidRequestedBatchSizeError, match="three rising numbers"):
        CompileOptions(batch_size=batch)
