"""Confidence bounds of percentiles: against ranks known from tables, and against many drawn samples."""

from __future__ import annotations

import math
from random import Random

import pytest

from harness.checkers.percentile import bounding_ranks, percentile_bounds


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


def ranks_term_by_term(n: int, share: float, doubt: float) -> tuple[int, int]:
    """The same two ranks the slow way: every term of the binomial for itself, from the first to the last."""
    log_terms = (
        math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * math.log(share) + (n - k) * math.log(1 - share)
        for k in range(n)
    )
    total, low, high = 0.0, 0, n + 1
    for k, log_term in enumerate(log_terms):
        total += math.exp(log_term)
        if total <= doubt / 2:
            low = k + 1
        if total >= 1 - doubt / 2:
            high = k + 1
            break
    return low, high


@pytest.mark.parametrize("doubt", [0.2, 0.05, 0.001])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.95, 0.99, 0.999])
@pytest.mark.parametrize("n", [1, 2, 3, 10, 59, 100, 250, 1000, 20_000])
def test_the_ranks_are_those_of_the_whole_binomial(n: int, share: float, doubt: float) -> None:
    assert bounding_ranks(n, share, doubt=doubt) == ranks_term_by_term(n, share, doubt)


def test_five_percent_of_doubt_is_what_is_meant_if_nothing_is_said() -> None:
    assert bounding_ranks(1000, 0.95) == bounding_ranks(1000, 0.95, doubt=0.05) == (936, 964)


def test_a_million_values_are_bounded_too() -> None:
    low, high = bounding_ranks(1_000_000, 0.95)
    assert (low, high) == (949_572, 950_428)


def test_no_value_is_told_in_words() -> None:
    with pytest.raises(ValueError, match=r"^a percentile needs at least one value$"):
        percentile_bounds([], 0.95)
