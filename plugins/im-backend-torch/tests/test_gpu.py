"""On a real GPU: run with `-m gpu` on a machine that has one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from im_backend_torch.session import open_session
from im_backend_torch.toolkit import make_toolkit
from inference_models import DeviceUnavailableError, ModelRuntimeError
from inference_models.developer_tools import ModelPackageMetadata

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device here"),
]


def test_cuda_is_the_default_and_the_device_is_named_in_full(package: Path) -> None:
    for asked in (None, "cuda", "cuda:0"):
        session = open_session(package, device=asked)
        assert session.device == "cuda:0"
        assert session.runtime["cuda"] == torch.version.cuda


def test_results_are_those_of_the_cpu_and_stay_on_the_device(package: Path) -> None:
    x = torch.rand(2, 3, 16, 16)
    expected = open_session(package, device="cpu").run({"images": x})["output0"]

    given = open_session(package, device="cuda").run({"images": x.cuda()})["output0"]

    assert given.device == torch.device("cuda:0")
    torch.testing.assert_close(given.cpu(), expected, rtol=1e-3, atol=1e-3)


def test_half_precision(write_archive: Callable[..., Path], networks) -> None:
    network = networks.seeded(networks.Convolutions)
    x = torch.rand(1, 3, 16, 16)
    with torch.no_grad():
        expected = network(x)
    session = open_session(write_archive(network.half()), device="cuda")

    assert session.inputs[0].dtype == session.runtime["dtype"] == "float16"
    given = session.run({"images": x.half().cuda()})["output0"]
    torch.testing.assert_close(given.float().cpu(), expected, rtol=2e-2, atol=2e-2)
    with pytest.raises(ModelRuntimeError, match=r"another dtype; convert it with \.to\(torch\.float16\)"):
        session.run({"images": x.cuda()})


def test_tensors_elsewhere_are_refused(package: Path) -> None:
    with pytest.raises(ModelRuntimeError, match=r"input 'images' is on cpu; move it with \.to\('cuda:0'\)"):
        open_session(package, device="cuda").run({"images": torch.rand(1, 3, 16, 16)})


def test_a_gpu_that_is_not_there_is_an_error(package: Path) -> None:
    count = torch.cuda.device_count()
    with pytest.raises(DeviceUnavailableError, match=f"the highest that this process can use is cuda:{count - 1}"):
        open_session(package, device=f"cuda:{count}")


def test_out_of_memory_says_how_much_was_needed_and_free_and_the_session_lives_on(
    write_archive: Callable[..., Path],
) -> None:
    class Grow(nn.Module):
        def forward(self, x: torch.Tensor, size: torch.Tensor) -> torch.Tensor:
            return torch.zeros([int(size.item())], device=x.device)

    session = open_session(write_archive(Grow()), device="cuda")
    x = torch.zeros(1, device="cuda")

    with pytest.raises(
        ModelRuntimeError, match=r"cuda:0 has not enough memory for another \S+ \w+, and .* GiB are free"
    ):
        session.run({"x": x, "size": torch.tensor(1 << 46, device="cuda")})
    assert session.run({"x": x, "size": torch.tensor(3, device="cuda")})["output0"].tolist() == [0, 0, 0]


def test_many_threads_get_their_own_results(package: Path) -> None:
    session = open_session(package, device="cuda")
    inputs = [torch.rand((number % 3 + 1, 3, 16, 16), device="cuda") for number in range(6)]
    expected = [session.run({"images": x})["output0"] for x in inputs]
    wrong: list[int] = []

    def work(number: int) -> None:
        for _ in range(50):
            given = session.run({"images": inputs[number]})["output0"]
            if not torch.allclose(given, expected[number], rtol=1e-3, atol=1e-3):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []


def test_a_half_precision_package_is_placed_so(networks) -> None:
    package = ModelPackageMetadata("p", "torch", directory=Path("x"), quantization="fp16")
    network = networks.seeded(networks.Convolutions)
    x = torch.rand(2, 3, 16, 16)
    with torch.no_grad():
        expected = network(x).clone()
    toolkit = make_toolkit(package=package)

    placed = toolkit.place(network)

    assert (toolkit.device, toolkit.dtype) == ("cuda:0", torch.float16)
    assert placed.first.weight.is_contiguous(memory_format=torch.channels_last)
    with toolkit.inference():
        given = placed(x.to(toolkit.device, toolkit.dtype))
    torch.testing.assert_close(given.float().cpu(), expected, rtol=2e-2, atol=2e-2)


def test_a_full_precision_package_is_placed_so(networks) -> None:
    network = networks.seeded(networks.Convolutions)
    toolkit = make_toolkit(device="cuda")

    placed = toolkit.place(network)

    assert placed.first.weight.dtype == torch.float32
    assert placed.first.weight.is_contiguous()
