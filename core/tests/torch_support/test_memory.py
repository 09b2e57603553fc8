from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from inference_models.torch_support import explain_out_of_memory

torch = pytest.importorskip("torch")
ADVICE = "Run fewer images at once, close other models and programs that use it, or choose another device."

CUDA = (
    "The following operation failed in the TorchScript interpreter.\nTraceback of TorchScript (most recent call):\n"
    "RuntimeError: CUDA out of memory. Tried to allocate 20.00 GiB. GPU 1 has a total capacity of 79.11 GiB of which "
    "3.25 GiB is free. Including non-PyTorch memory, this process has 75.86 GiB memory in use."
)
MPS = (
    "MPS backend out of memory (MPS allocated: 8.00 GB, other allocations: 1.00 GB, max allowed: 9.07 GB). "
    "Tried to allocate 256.00 MB on private pool."
)


def fake_torch(free: int, total: int) -> Any:
    return SimpleNamespace(cuda=SimpleNamespace(mem_get_info=lambda device: (free, total)))


def test_on_cuda_it_says_what_was_needed_and_what_is_free() -> None:
    explained = explain_out_of_memory(fake_torch(3 * 2**30, 79 * 2**30), RuntimeError(CUDA), "cuda:1")

    assert (
        explained == "cuda:1 has not enough memory for another 20.00 GiB, and 3.00 GiB of 79.00 GiB are free. " + ADVICE
    )


def test_on_apple_gpus_it_says_what_was_needed() -> None:
    assert explain_out_of_memory(torch, RuntimeError(MPS), "mps") == (
        "mps has not enough memory for another 256.00 MB. " + ADVICE
    )


def test_on_the_cpu_with_the_real_error() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 50)

    explained = explain_out_of_memory(torch, caught.value, "cpu")

    assert explained is not None
    assert explained.startswith("cpu has not enough memory for another 4194304.00 GiB")


def test_without_numbers_it_says_what_it_knows() -> None:
    error = RuntimeError("CUDA error: out of memory")

    assert explain_out_of_memory(fake_torch(2**20, 2**30), error, "cuda:0") == (
        "cuda:0 has not enough memory, and 1.0 MiB of 1.00 GiB are free. " + ADVICE
    )


@pytest.mark.parametrize("text", ["", "shape mismatch", "CUDA error: device-side assert triggered"])
def test_other_errors_are_none_of_its_business(text: str) -> None:
    assert explain_out_of_memory(torch, RuntimeError(text), "cpu") is None
