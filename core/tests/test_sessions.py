"""Batching over a session whose runs are recorded, with numpy arrays and with torch tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from inference_models.errors import ModelRuntimeError
from inference_models.sessions import (
    Session,
    TensorInfo,
    batch_limits,
    join_batches,
    run_batched,
    run_failure,
    run_in_batches,
)


class RecordingSession:
    """Doubles what it gets and remembers how much it got; refuses other batch sizes than its own."""

    device = "cpu"
    outputs = (TensorInfo("y", (None, 2), "float32"),)

    def __init__(
        self, batch: int | None = None, kind: str = "numpy", compute: Callable[..., Any] | None = None
    ) -> None:
        self.inputs: tuple[TensorInfo, ...] = (TensorInfo("x", (batch, 2), "float32"),)
        self.array_kind = kind
        self.batch = batch
        self.runs: list[int] = []
        self.seen: list[Any] = []
        self.compute = compute or (lambda feeds: {"y": feeds["x"] * 2})

    @property
    def runtime(self) -> Mapping[str, object]:
        return {}

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        sizes = {len(array) for array in feeds.values()}
        assert len(sizes) == 1
        (size,) = sizes
        assert self.batch is None or size == self.batch
        self.runs.append(size)
        self.seen.append(feeds)
        result: dict[str, Any] = self.compute(feeds)
        return result

    def close(self) -> None:
        pass


def rows(count: int) -> np.ndarray:
    return np.arange(count * 2, dtype=np.float32).reshape(count, 2)


def test_anything_with_these_members_is_a_session() -> None:
    assert isinstance(RecordingSession(), Session)
    assert not isinstance(object(), Session)


@pytest.mark.parametrize(("batch", "limits"), [(None, (1, None)), (1, (1, 1)), (8, (8, 8))])
def test_limits_follow_from_the_first_axis(batch: int | None, limits: tuple[int, int | None]) -> None:
    assert batch_limits(RecordingSession(batch)) == limits


def test_a_session_may_state_the_limits_of_a_free_axis() -> None:
    session = RecordingSession()
    session.batch_range = (2, 4)  # type: ignore[attr-defined]
    assert batch_limits(session) == (2, 4)
    assert len(run_batched(session, {"x": rows(9)})["y"]) == 9
    assert session.runs == [4, 4, 2], "the last one is padded"


def test_a_session_without_inputs_or_axes_has_no_limits() -> None:
    session = RecordingSession()
    session.inputs = ()
    assert batch_limits(session) == (1, None)
    session.inputs = (TensorInfo("x", (), "float32"),)
    assert batch_limits(session) == (1, None)


@pytest.mark.parametrize(
    ("batch", "options", "count", "runs"),
    [
        (None, {}, 1, [1]),
        (None, {}, 100, [100]),
        (None, {"max_batch_size": 4}, 4, [4]),
        (None, {"max_batch_size": 4}, 10, [4, 4, 2]),
        (None, {"min_batch_size": 3}, 2, [3]),
        (None, {"min_batch_size": 3}, 5, [5]),
        (None, {"min_batch_size": 2, "max_batch_size": 4}, 9, [4, 4, 2]),
        (1, {}, 3, [1, 1, 1]),
        (4, {}, 4, [4]),
        (4, {}, 3, [4]),
        (4, {}, 9, [4, 4, 4]),
        (4, {"max_batch_size": 16}, 9, [4, 4, 4]),
        (4, {"max_batch_size": 2}, 3, [4, 4]),
    ],
)
def test_items_are_split_padded_and_joined_in_order(batch, options, count: int, runs: list[int]) -> None:
    session = RecordingSession(batch)
    given = run_batched(session, {"x": rows(count)}, **options)["y"]

    assert session.runs == runs
    np.testing.assert_array_equal(given, rows(count) * 2)
    assert given.dtype == np.float32


def test_runs_can_be_had_one_by_one() -> None:
    runs = run_in_batches(RecordingSession(2), {"x": rows(5)})
    assert [(run.length, run.size, len(run.outputs["y"])) for run in runs] == [(2, 2, 2), (2, 2, 2), (1, 2, 2)]
    np.testing.assert_array_equal(join_batches(runs)["y"], rows(5) * 2)
    (once,) = run_in_batches(RecordingSession(), {"x": rows(5)}, max_batch_size=5)
    assert (once.length, once.size) == (5, 5)
    # A network that says how many it found, not about which.
    counting = RecordingSession(2, compute=lambda feeds: {"found": np.ones((7, 3))})
    assert [run.outputs["found"].shape for run in run_in_batches(counting, {"x": rows(3)})] == [(7, 3), (7, 3)]


def test_what_fits_is_handed_on_as_it_is() -> None:
    session, x = RecordingSession(), rows(3)
    run_batched(session, {"x": x})

    assert session.seen[0]["x"] is x


def test_padding_is_zeros_of_the_same_kind() -> None:
    session = RecordingSession(4)
    run_batched(session, {"x": rows(1).astype(np.float16)})
    padded = session.seen[0]["x"]

    assert padded.dtype == np.float16
    np.testing.assert_array_equal(padded[1:], np.zeros((3, 2), np.float16))


def test_the_caller_s_arrays_are_left_alone() -> None:
    x = rows(5)
    before = x.copy()
    run_batched(RecordingSession(2, compute=lambda feeds: {"y": np.negative(feeds["x"])}), {"x": x})

    np.testing.assert_array_equal(x, before)


def test_all_inputs_and_outputs_are_split_alike() -> None:
    session = RecordingSession(2, compute=lambda feeds: {"sum": feeds["x"] + feeds["z"], "z": feeds["z"]})
    given = run_batched(session, {"x": rows(5), "z": rows(5) * 10})

    np.testing.assert_array_equal(given["sum"], rows(5) * 11)
    np.testing.assert_array_equal(given["z"], rows(5) * 10)


@pytest.mark.parametrize(
    "feeds",
    [{}, {"x": rows(0)}, {"x": rows(2), "z": rows(3)}, {"x": np.array(1.0)}, {"x": rows(1), "z": np.zeros(())}],
)
def test_inputs_that_do_not_agree_on_the_number_of_items_are_refused(feeds) -> None:
    with pytest.raises(ModelRuntimeError, match="the same number of items, at least one"):
        run_batched(RecordingSession(), feeds)


@pytest.mark.parametrize("constant", [np.zeros((5, 2)), np.array(1.0), np.zeros((1, 3))])
@pytest.mark.parametrize("count", [3, 4])
def test_an_output_without_a_batch_axis_can_neither_be_cut_nor_joined(constant: np.ndarray, count: int) -> None:
    session = RecordingSession(2, compute=lambda feeds: {"y": feeds["x"], "anchors": constant})

    with pytest.raises(ModelRuntimeError, match=r"'anchors' has shape .* for a batch of 2: it has no batch axis"):
        run_batched(session, {"x": rows(count)})


def test_an_output_without_a_batch_axis_is_fine_in_a_single_run() -> None:
    session = RecordingSession(2, compute=lambda feeds: {"anchors": np.zeros((5, 2))})

    assert run_batched(session, {"x": rows(2)})["anchors"].shape == (5, 2)


@pytest.mark.parametrize(("batch", "count"), [(None, 3), (2, 4), (4, 3), (2, 5)])
def test_torch_tensors_stay_torch_tensors(batch: int | None, count: int) -> None:
    torch = pytest.importorskip("torch")
    session = RecordingSession(batch, kind="torch")
    given = run_batched(session, {"x": torch.from_numpy(rows(count)).half()})["y"]

    assert isinstance(given, torch.Tensor)
    assert given.dtype == torch.float16
    np.testing.assert_array_equal(given.numpy(), rows(count) * 2)
    assert all(isinstance(feeds["x"], torch.Tensor) for feeds in session.seen)


def test_a_torch_output_without_a_batch_axis_is_refused() -> None:
    torch = pytest.importorskip("torch")
    session = RecordingSession(2, kind="torch", compute=lambda feeds: {"loss": torch.tensor(1.0)})

    with pytest.raises(ModelRuntimeError, match="'loss' has shape"):
        run_batched(session, {"x": torch.zeros(3, 2)})


def test_subclasses_of_tensors_count_as_tensors() -> None:
    torch = pytest.importorskip("torch")
    x = torch.from_numpy(rows(3)).as_subclass(type("Image", (torch.Tensor,), {}))
    given = run_batched(RecordingSession(2, kind="torch"), {"x": x})["y"]

    np.testing.assert_array_equal(given.numpy(), rows(3) * 2)


@pytest.mark.parametrize(
    ("feeds", "given"),
    [
        ({}, "nothing"),
        ({"x": np.zeros((2, 5), np.float16), "y": np.zeros(())}, "x float16 (2, 5), y float64 ()"),
        ({"x": [[1.0]], "y": None}, "x list, y NoneType"),
    ],
)
def test_a_failed_run_says_what_is_expected_and_what_was_given(feeds: Any, given: str) -> None:
    session = RecordingSession()
    session.inputs = (TensorInfo("x", (None, 3), "float32"), TensorInfo("threshold", (), "int64"))
    for reason in ("another shape", "another shape."):
        error = run_failure(session, "weights.net", feeds, reason)
        assert error.message == (
            f"weights.net did not run on cpu: another shape. "
            f"Expected: x float32 (any, 3), threshold int64. Got: {given}."
        )


def test_a_failed_run_of_tensors_names_dtypes_as_numpy_does() -> None:
    torch = pytest.importorskip("torch")
    session = RecordingSession()
    session.inputs = ()
    error = run_failure(session, "A network", {"x": torch.zeros(1, 2, dtype=torch.bfloat16)}, "it has no input")
    assert "Expected: no input. Got: x bfloat16 (1, 2)." in error.message
