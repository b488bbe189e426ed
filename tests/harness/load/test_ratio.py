"""A percentile now and then: slower, faster, no difference shown, unknown."""

from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.load.percentiles import Bounded, bounded
from harness.load.ratio import Change, compare, ratio_of
from tests.harness.load.records import Shape, drawn
from tests.harness.load.trials import MACHINE_NOISE

THEN = Bounded(10.0, 9.5, 10.6)


def times(factor: float, of: Bounded = THEN) -> Bounded:
    return Bounded(of.value * factor, of.low * factor, of.high * factor)


@pytest.mark.parametrize(
    ("factor", "stub_ratio", "expected"),
    [
        (1.0, 1.0, Change.NONE_SHOWN),
        (1.2, 1.0, Change.NONE_SHOWN),
        (1.3, 1.0, Change.NONE_SHOWN),  # 30 % longer, but not for certain more than 25 %
        (1.5, 1.0, Change.SLOWER),
        (1.5, 1.05, Change.SLOWER),
        (1.5, 1.5, Change.UNKNOWN),
        (1.5, 0.5, Change.SLOWER),  # a faster machine excuses nothing, and accuses nobody
        (1.2, 0.5, Change.NONE_SHOWN),
        (2.5, 1.5, Change.SLOWER),
        (1.5, None, Change.UNKNOWN),
        (1.0, None, Change.NONE_SHOWN),
        (0.5, 1.0, Change.FASTER),
        (0.5, 0.5, Change.UNKNOWN),
        (0.5, 2.0, Change.FASTER),
    ],
)
def test_what_a_ratio_shows(factor: float, stub_ratio: float | None, expected: Change) -> None:
    found = compare(times(factor), THEN, stub_ratio=stub_ratio)
    assert found.change is expected, found.reason
    assert f"{factor:.2f} times" in found.reason


def test_the_threshold_is_a_parameter() -> None:
    assert compare(times(1.5), THEN, stub_ratio=1.0, threshold=1.6).change is Change.NONE_SHOWN
    with pytest.raises(ValueError, match="expected 1 or more"):
        compare(THEN, THEN, stub_ratio=1.0, threshold=0.8)


@pytest.mark.parametrize("none", [Bounded(math.inf, 5.0, math.inf), Bounded(0.0, 0.0, 1.0)])
def test_without_a_figure_it_is_unknown(none: Bounded) -> None:
    for pair in ((none, THEN), (THEN, none)):
        assert ratio_of(*pair) is None
        assert compare(*pair, stub_ratio=1.0).change is Change.UNKNOWN


def test_without_a_bound_there_is_none_on_that_side() -> None:
    open_above = Bounded(10.0, 9.0, math.inf)
    ratio = ratio_of(open_above, THEN)
    assert ratio is not None
    assert (ratio.value, ratio.high) == (1.0, math.inf)
    assert 0 < ratio.low < 1
    assert compare(times(9.0), open_above, stub_ratio=1.0).change is Change.NONE_SHOWN


FIGURES = st.tuples(st.floats(0.1, 1e3), st.floats(0.1, 1.0), st.floats(1.0, 10.0)).map(
    lambda parts: Bounded(parts[0], parts[0] * parts[1], parts[0] * parts[2])
)


@given(FIGURES, FIGURES)
def test_the_ratio_lies_between_its_bounds_and_turns_over(now: Bounded, then: Bounded) -> None:
    ratio, turned = ratio_of(now, then), ratio_of(then, now)
    assert ratio is not None
    assert turned is not None
    assert ratio.low <= ratio.value * (1 + 1e-9) <= ratio.high * (1 + 2e-9)
    assert (turned.value, turned.low, turned.high) == pytest.approx((1 / ratio.value, 1 / ratio.high, 1 / ratio.low))
    assert now.low / then.high <= ratio.low * (1 + 1e-9), "never wider than both at their worst"


def test_two_runs_of_one_build_do_not_differ_and_twice_as_slow_is_seen() -> None:
    random = Random(1)

    def run(slower: float = 1.0) -> Bounded:
        samples = drawn(random, Shape(), seconds=80.0)
        return times(math.exp(random.gauss(0, MACHINE_NOISE)) * slower, bounded(samples, 0.95))

    same = [compare(run(), run(), stub_ratio=1.0).change for _ in range(24)]
    assert same.count(Change.NONE_SHOWN) >= 23
    assert [compare(run(2.0), run(), stub_ratio=1.0).change for _ in range(12)].count(Change.SLOWER) >= 11
