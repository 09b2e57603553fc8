from __future__ import annotations

import numpy as np
import pytest

from inference_models import Detections, InstanceDetections
from inference_models.predictions import download as module
from inference_models.predictions.download import download

torch = pytest.importorskip("torch")

TENSORS = [
    torch.arange(3, dtype=torch.int32),
    torch.rand(3, 4),
    torch.tensor([True, False, True]),
    torch.rand(2, 3, dtype=torch.float64)[:, ::2],
    torch.zeros((0, 4)),
    torch.rand(5).half(),
    torch.tensor(3),
]


def test_tensors_become_arrays_and_arrays_stay() -> None:
    array = np.arange(3)
    found = download([array, *TENSORS])
    assert found[0] is array
    for tensor, values in zip(TENSORS, found[1:], strict=True):
        np.testing.assert_array_equal(values, tensor.numpy())


# Main memory takes the way of a GPU here.
@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
@pytest.mark.parametrize("most", [2**20, 20])
def test_small_tensors_come_together(most: int, device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("torch sees no CUDA device")
    monkeypatch.setattr(module, "_is_away", torch.is_tensor)
    monkeypatch.setattr(module, "_MOST_BYTES", most)
    given = [tensor.to(device) for tensor in TENSORS]
    for tensor, values in zip(given, download(given), strict=True):
        assert values.flags.aligned
        assert str(tensor.dtype) == f"torch.{values.dtype}"
        np.testing.assert_array_equal(values, tensor.cpu().numpy())


def test_predictions_keep_their_values() -> None:
    boxes = InstanceDetections(
        torch.rand(2, 4), torch.tensor([1, 0]), torch.rand(2, requires_grad=True), mask=torch.ones(2, 3, 4).bool()
    )
    found = boxes.to_numpy()
    assert found.array_kind == "numpy"
    np.testing.assert_array_equal(found.xyxy, boxes.xyxy)
    np.testing.assert_array_equal(found.mask, boxes.mask)
    host = Detections(np.zeros((1, 4)), np.zeros(1, np.int32), np.zeros(1))
    assert host.to_numpy() is host
