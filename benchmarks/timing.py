"""What the scripts around single calls share: a stopwatch inside the calls, the stages, columns of a table, targets."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from statistics import median, quantiles
from typing import Any
from unittest.mock import patch

WARM_UP = 5
Columns = dict[str, list[float]]
"""The milliseconds of each round, by what took them."""


class Stopwatch:
    """Adds up the seconds spent in a function while it is watched, wherever it is called from.

    Args:
        owner: a class or an object.
        name: of the function there.
    """

    def __init__(self, owner: Any, name: str) -> None:
        self.seconds = 0.0
        self._owner, self._name = owner, name

    @classmethod
    def of_onnxruntime(cls) -> Stopwatch:
        """Return one for `session.run`."""
        import onnxruntime

        return cls(onnxruntime.InferenceSession, "run")

    @contextmanager
    def watching(self) -> Iterator[None]:
        original = getattr(self._owner, self._name)

        def timed(*args: Any, **kwargs: Any) -> Any:
            started = time.perf_counter()
            result = original(*args, **kwargs)
            self.seconds += time.perf_counter() - started
            return result

        with patch.object(self._owner, self._name, timed):
            yield


def time_calls(
    call: Callable[[], object],
    stopwatch: Stopwatch,
    rounds: int,
    *,
    before: Callable[[], object] = lambda: None,
    warm_up: int = WARM_UP,
) -> tuple[list[float], list[float]]:
    """Return the milliseconds of each call outside and inside of what is watched.

    Args:
        call: what is timed.
        stopwatch: watches a part of it.
        rounds: how many calls count.
        before: done before each call, and not timed.
        warm_up: how many calls come first and do not count.
    """
    outside, inside = [], []
    with stopwatch.watching():
        for number in range(-warm_up, rounds):
            before()
            stopwatch.seconds = 0.0
            started = time.perf_counter()
            call()
            whole = time.perf_counter() - started
            if number >= 0:
                outside.append((whole - stopwatch.seconds) * 1e3)
                inside.append(stopwatch.seconds * 1e3)
    return outside, inside


def time_stages(model: Any, picture: Any, rounds: int, **options: Any) -> Iterator[tuple[dict[str, float], Any]]:
    """Yield the milliseconds of what one round took, and the network's input; some rounds more, to warm up.

    `run` is onnxruntime's own `session.run`, timed inside the very call of the model that it is part of; `overhead` is
    the `whole` call less that. The stages are timed in further calls, in turns with the whole ones.

    Args:
        model: loaded, over ONNX Runtime.
        picture: what it is called with.
        rounds: how many count; `as_columns` drops the others.
        **options: of the call and of post-processing.
    """
    stopwatch = Stopwatch.of_onnxruntime()
    with stopwatch.watching():
        for _ in range(WARM_UP + rounds):
            stopwatch.seconds = 0.0
            marks = [time.perf_counter()]
            model(picture, **options)
            marks.append(time.perf_counter())
            run = stopwatch.seconds * 1e3
            inputs, metadata = model.pre_process(picture)
            marks.append(time.perf_counter())
            outputs = model.forward(inputs)
            marks.append(time.perf_counter())
            model.post_process(outputs, metadata, **options)
            marks.append(time.perf_counter())
            whole, pre, forward, post = ((after - before) * 1e3 for before, after in pairwise(marks))
            stages = {"pre": pre, "forward": forward, "post": post}
            yield {"run": run, **stages, "whole": whole, "overhead": whole - run}, inputs


def as_columns(rounds: Iterable[Mapping[str, float]]) -> Columns:
    """Return what each round took by its name, without the rounds that only warm up."""
    counted = list(rounds)[WARM_UP:]
    return {name: [one[name] for one in counted] for name in counted[0]}


def late(values: list[float]) -> float:
    """Return the 95th percentile."""
    return quantiles(values, n=20)[-1]


def heading(names: Iterable[str]) -> str:
    """Return the head of what `cells` makes."""
    return "  ".join(f"{name.replace('_', ' ') + ', 95 %':>15}" for name in names)


def cells(columns: Columns, names: Iterable[str]) -> str:
    """Return the median and the 95th percentile of some columns."""
    return "  ".join(f"{median(columns[name]):7.2f} {late(columns[name]):7.2f}" for name in names)


def rounds_parser(description: str, default: int) -> argparse.ArgumentParser:
    """Return a parser with the option `--rounds`, and the first line of the script's docstring as its help."""
    parser = argparse.ArgumentParser(description=description.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=default, help=f"calls per row (default: {default})")
    return parser


def conclude(missed: list[str]) -> int:
    """Print which targets were missed and return the exit status."""
    print("\n" + ("\n".join(missed) or "all targets kept"))
    return 1 if missed else 0
