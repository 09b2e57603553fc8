from __future__ import annotations

import numpy as np
import pytest

from inference_models.vision import as_kind, as_numpy

VALUES = np.arange(6, dtype=np.float32).reshape(2, 3)


def test_numpy_stays_numpy() -> None:
    assert as_numpy(VALUES) is VALUES
    assert as_kind(VALUES, "numpy", "cpu") is VALUES


def test_torch_tensors_share_the_memory_of_numpy_arrays() -> None:
    torch = pytest.importorskip("torch")
    tensor = as_kind(VALUES, "torch", "cpu")
    assert isinstance(tensor, torch.Tensor)
    back = as_numpy(tensor.requires_grad_())
    np.testing.assert_array_equal(back, VALUES)
    assert np.shares_memory(back, VALUES)
