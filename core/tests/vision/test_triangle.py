"""Weights of the triangle filter and the order of work with them, against loops over single pixels."""

from __future__ import annotations

import sys
from math import gcd
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from inference_models.vision.triangle import Block, Plan, Run, plan_rows, triangle_taps

LENGTH = st.integers(1, 400)
Matrix = npt.NDArray[np.float64]


def by_loops(length: int, resized: int) -> Matrix:
    """Return how much each pixel of the source counts for each of the result, as Pillow computes it."""
    scale = length / resized
    reach = max(scale, 1.0)
    weights = np.zeros((resized, length))
    for place, row in enumerate(weights):
        centre = (place + 0.5) * scale
        low, high = max(int(centre - reach + 0.5), 0), min(int(centre + reach + 0.5), length)
        for pixel in range(low, high):
            row[pixel] = max(1 - abs(pixel + 0.5 - centre) / reach, 0)
    sums: Matrix = weights.sum(axis=1, keepdims=True)
    return weights / sums


def carried_out(plan: Plan, length: int, rows: int) -> Matrix:
    """Return the weights that a plan gives each source row; every row of the result must be made once."""
    weights, made = np.zeros((rows, length)), np.zeros(rows, int)
    for one in plan:
        if isinstance(one, Block):
            count, taps = one.weights.shape
            weights[one.first : one.first + count, one.source_first : one.source_first + taps] = one.weights
            made[one.first : one.first + count] += 1
            continue
        for number in range(one.count):
            row, source = one.first + number * one.step, one.source_first + number * one.source_step
            made[row] += 1
            for tap, share in enumerate(one.shares):
                weights[row] *= 1 - share
                weights[row, source + tap] += share
    assert (made == 1).all()
    return weights


@settings(max_examples=150, deadline=None)
@given(LENGTH, LENGTH)
@example(400, 1)
@example(1, 400)
@example(399, 133)
def test_taps_are_those_of_loops(length: int, resized: int) -> None:
    taps = triangle_taps(length, resized)
    weights = np.zeros((resized, length))
    for row, low, some in zip(weights, taps.low, taps.weights, strict=True):
        row[low : low + len(some)] = some
    np.testing.assert_allclose(weights, by_loops(length, resized), atol=1e-8)


@settings(max_examples=150, deadline=None)
@given(LENGTH, LENGTH, st.data())
def test_a_plan_makes_every_row_once(length: int, resized: int, data: Any) -> None:
    start = data.draw(st.integers(0, resized - 1))
    stop = data.draw(st.integers(start + 1, resized))
    weights = carried_out(plan_rows(length, resized, start, stop), length, stop - start)
    np.testing.assert_allclose(weights, by_loops(length, resized)[start:stop], atol=1e-6)


@pytest.mark.parametrize(("length", "resized"), [(1080, 384), (1920, 560), (640, 560), (480, 384), (427, 560)])
def test_what_comes_up_often_is_made_in_runs(length: int, resized: int) -> None:
    plan = plan_rows(length, resized, 0, resized)
    assert all(isinstance(one, Run) for one in plan)
    sets = resized // gcd(length, resized)
    assert len(plan) <= sets + 2 * 6, "one of each set, but for rows at the edges"


@pytest.mark.parametrize(("length", "resized"), [(1079, 384), (1913, 560), (641, 560), (3847, 560)])
def test_what_hardly_comes_up_is_made_in_blocks(length: int, resized: int) -> None:
    plan = plan_rows(length, resized, 0, resized)
    assert len(plan) == resized // 4
    assert all(isinstance(one, Block) for one in plan)


@pytest.mark.parametrize("length", [901, 905, 1080, 1913])
def test_a_size_that_is_new_costs_few_calls(length: int) -> None:
    """Every picture of a data set may have one. Calls are counted: time says more about what else the machine does."""
    calls: list[str] = []
    before = sys.getprofile()
    sys.setprofile(lambda frame, event, argument: calls.append(event))
    try:
        plan_rows(length, 560, 0, 560 - 1)  # no other test asks for so many rows, so they are not remembered
    finally:
        sys.setprofile(before)
    assert 50 < len(calls) < 10 * 560
