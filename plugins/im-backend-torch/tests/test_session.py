from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from im_backend_torch.session import TorchScriptSession, open_session
from inference_models import ModelRuntimeError, SessionClosedError
from inference_models.developer_tools import Session, as_kind, as_numpy, run_batched

Write = Callable[..., Path]


@pytest.fixture
def session(package: Path) -> TorchScriptSession:
    return open_session(package, device="cpu")


def images(count: int = 1, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand((count, 3, 16, 16), generator=generator)


def test_it_is_a_session_that_says_what_it_is(session: TorchScriptSession) -> None:
    assert isinstance(session, Session)
    assert (session.array_kind, session.device, session.outputs) == ("torch", "cpu", ())
    assert session.runtime == {
        "backend": "torch-script",
        "version": torch.__version__,
        "cuda": None,
        "dtype": "float32",
        "threads": torch.get_num_threads(),
    }


@pytest.mark.parametrize("count", [1, 5])
def test_results_are_those_of_the_module(session: TorchScriptSession, networks, count: int) -> None:
    x = images(count)
    with torch.no_grad():
        expected = networks.seeded(networks.Convolutions)(x)

    torch.testing.assert_close(session.run({"images": x})["output0"], expected, rtol=1e-5, atol=1e-6)


def test_each_result_belongs_to_the_caller_and_is_an_ordinary_tensor(session: TorchScriptSession) -> None:
    first = session.run({"images": images()})["output0"]
    before = first.clone()
    session.run({"images": images(seed=1)})
    assert torch.equal(first, before)

    first += 1  # a tensor of inference mode would refuse this
    assert not first.requires_grad
    assert torch.equal(session.run({"images": images()})["output0"], before)


def test_weights_and_inputs_that_a_program_returns_are_copies(write_archive: Write) -> None:
    class Echo(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(2))

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return x, self.weight

    session = open_session(write_archive(Echo(), torch.zeros(2)), device="cpu")
    x = torch.zeros(2)
    for _ in range(2):
        returned = session.run({"x": x})
        assert [returned[name].tolist() for name in returned] == [[0, 0], [1, 1]]
        for tensor in returned.values():
            tensor.fill_(9)
    assert x.tolist() == [0, 0]


def test_what_is_nested_is_numbered_in_order_and_dictionaries_keep_their_keys(write_archive: Write) -> None:
    class Nested(nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, tuple[list[torch.Tensor], torch.Tensor]]:
            return x, ([x + 1, x + 2], x + 3)

    class Keyed(nn.Module):
        def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"boxes": x, "scores": x + 1}

    nested = open_session(write_archive(Nested()), device="cpu").run({"x": torch.zeros(1)})
    assert {name: tensor.item() for name, tensor in nested.items()} == {f"output{i}": i for i in range(4)}
    keyed = open_session(write_archive(Keyed()), device="cpu").run({"x": torch.zeros(1)})
    assert {name: tensor.item() for name, tensor in keyed.items()} == {"boxes": 0, "scores": 1}


def test_several_inputs_go_by_name_and_defaults_may_be_left_out(write_archive: Write) -> None:
    class Sum(nn.Module):
        def forward(self, a: torch.Tensor, b: torch.Tensor, scale: float = 2.0) -> torch.Tensor:
            return (a - b) * scale

    session = open_session(write_archive(Sum()), device="cpu")

    assert [info.name for info in session.inputs] == ["a", "b"]
    assert session.run({"b": torch.ones(1), "a": torch.full((1,), 4.0)})["output0"].item() == 6


def test_arrays_cross_without_a_copy(session: TorchScriptSession) -> None:
    array = np.zeros((1, 3, 16, 16), np.float32)

    tensor = as_kind(array, session.array_kind, session.device)
    assert tensor.data_ptr() == array.ctypes.data
    output = session.run({"images": tensor})["output0"]
    assert as_numpy(output).ctypes.data == output.data_ptr()


@pytest.mark.parametrize(
    ("feeds", "told"),
    [
        ({}, r"input 'images' is missing\. Expected: images float32 \(any, 3, any, any\)\. Got: nothing"),
        ({"x": torch.zeros(1)}, r"input 'images' is missing\. .*Got: x float32 \(1,\)"),
        ({"images": images(), "q": torch.zeros(1)}, "inputs that the program does not have"),
        ({"images": images().double()}, r"another dtype; convert it with \.to\(torch\.float32\).*Got: images float64"),
        (
            {"images": torch.zeros(1, 4, 16, 16)},
            r"expected input\[1, 4, 16, 16\] to have 3 channels.*Got: images float32",
        ),
        ({"images": images().numpy()}, "takes torch tensors, not numpy.ndarray"),
        ({"images": None}, "takes torch tensors, not builtins.NoneType"),
        ({"images": images().to("meta")}, r"is on meta; move it with \.to\('cpu'\)"),
    ],
)
def test_wrong_inputs_are_told_beside_the_right_ones(session: TorchScriptSession, feeds, told: str) -> None:
    with pytest.raises(ModelRuntimeError, match=f"weights.torchscript did not run on cpu: .*{told}"):
        session.run(feeds)


def test_what_a_program_returns_must_be_tensors(write_archive: Write) -> None:
    class Counting(nn.Module):
        def forward(self, x: torch.Tensor) -> int:
            return x.shape[0]

    session = open_session(write_archive(Counting()), device="cpu")

    with pytest.raises(ModelRuntimeError, match="a value of type int, which is no tensor"):
        session.run({"x": torch.zeros(1)})


def test_out_of_memory_says_how_much_was_needed_and_the_session_lives_on(write_archive: Write) -> None:
    class Grow(nn.Module):
        def forward(self, x: torch.Tensor, size: torch.Tensor) -> torch.Tensor:
            return torch.zeros([int(size.item())])

    session = open_session(write_archive(Grow()), device="cpu")

    with pytest.raises(
        ModelRuntimeError, match=r"cpu has not enough memory for another 4194304\.00 GiB, and .*are free"
    ):
        session.run({"x": torch.zeros(1), "size": torch.tensor(1 << 50)})
    assert session.run({"x": torch.zeros(1), "size": torch.tensor(3)})["output0"].shape == (3,)


def test_batches_are_split_and_padded_over_it(session: TorchScriptSession) -> None:
    x = images(7)

    joined = run_batched(session, {"images": x}, min_batch_size=4, max_batch_size=4)["output0"]

    torch.testing.assert_close(joined, session.run({"images": x})["output0"])


def test_after_closing_nothing_runs_and_closing_again_does_nothing(session: TorchScriptSession) -> None:
    session.close()
    session.close()

    with pytest.raises(SessionClosedError, match=r"weights\.torchscript is closed"):
        session.run({"images": images()})
    assert session.inputs


def test_many_threads_get_their_own_results(session: TorchScriptSession) -> None:
    expected = [session.run({"images": images(number % 3 + 1, number)})["output0"] for number in range(6)]
    wrong: list[int] = []

    def work(number: int) -> None:
        for _ in range(30):
            given = session.run({"images": images(number % 3 + 1, number)})["output0"]
            if not torch.allclose(given, expected[number], atol=1e-6):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []


def test_closing_while_others_run_lets_them_finish_and_stops_the_rest(session: TorchScriptSession) -> None:
    outcomes: list[str] = []

    def work() -> None:
        while True:
            try:
                assert session.run({"images": images(8)})["output0"].shape == (8, 4, 8, 8)
            except SessionClosedError:
                outcomes.append("closed")
                return
            except Exception as error:
                outcomes.append(repr(error))
                return

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(0.05)
    session.close()
    for thread in threads:
        thread.join(timeout=20)

    assert outcomes == ["closed"] * 3
