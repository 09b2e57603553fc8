from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from im_backend_torch import threads


def with_threads(count: int) -> Any:
    return SimpleNamespace(get_num_threads=lambda: count)


def test_more_threads_than_cpus_are_told_once(monkeypatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(threads, "available_cpus", lambda: 2)
    with caplog.at_level(logging.WARNING, "im_backend_torch"):
        for _ in range(2):
            threads.warn_about_threads(with_threads(64), "cpu")

    (record,) = caplog.records
    assert record.getMessage() == (
        "torch uses 64 threads, and this process may use 2 CPUs, so they wait for each other. Set OMP_NUM_THREADS=2 "
        "before the program starts, or call torch.set_num_threads(2)"
    )


@pytest.mark.parametrize(("count", "device"), [(2, "cpu"), (1, "cpu"), (64, "cuda:0")])
def test_otherwise_there_is_nothing_to_say(monkeypatch, caplog, count: int, device: str) -> None:
    monkeypatch.setattr(threads, "available_cpus", lambda: 2)
    with caplog.at_level(logging.WARNING, "im_backend_torch"):
        threads.warn_about_threads(with_threads(count), device)

    assert caplog.records == []
