"""Confidence bounds of percentiles: against ranks known from tables, and against many drawn samples."""

from __future__ import annotations

import math
from random import Random

import pytest

from harness.checkers.percentile import percentile_bounds


@pytest.mark.parametrize(("n", "ranks"), [(100, (90, 100)), (200, (184, 197)), (1000, (936, 964))])
def test_the_bounds_are_the_ranks_of_the_binomial(n: int, ranks: tuple[int, int]) -> None:
    values = [float(rank) for rank in range(n, 0, -1)]
    low, high = percentile_bounds(values, 0.95)
    assert (low, high) == ranks


def test_a_sample_that_is_too_small_is_bounded_on_one_side_only() -> None:
    assert percentile_bounds([float(rank) for rank in range(1, 72)], 0.95)[1] == math.inf
    assert percentile_bounds([float(rank) for rank in range(1, 73)], 0.95)[1] == 72.0
    assert percentile_bounds([1.0], 0.95)[0] == -math.inf
    assert percentile_bounds([1.0, 2.0, 3.0], 0.5) == (-math.inf, math.inf)


def test_no_value_has_no_percentile() -> None:
    with pytest.raises(ValueError, match="at least one value"):
        percentile_bounds([], 0.95)


def test_the_true_percentile_lies_between_the_bounds_in_95_percent_of_samples() -> None:
    random = Random(1)
    inside = 0
    for _ in range(600):
        low, high = percentile_bounds([random.random() for _ in range(150)], 0.95)
        inside += low <= 0.95 <= high
    assert 0.94 <= inside / 600 <= 1.0
