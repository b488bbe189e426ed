"""Percentiles and their bounds: against known ranks, the properties they must have, and how often they miss the truth."""

from __future__ import annotations

import math
import time
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.checkers.percentile import percentile_bounds
from harness.load.percentiles import SLICES_S, Bursts, bounded, nearest_rank
from harness.load.samples import Sample
from tests.harness.load.records import Shape, drawn
from tests.harness.load.trials import SHAPES, misses

SHARES = st.sampled_from([0.5, 0.95, 0.99])
MS = st.one_of(st.floats(0.1, 1e4), st.just(math.inf), st.sampled_from([1.0, 2.0, 3.0]))
SAMPLES = st.lists(st.builds(Sample, st.floats(0, 60), MS), min_size=1, max_size=300)


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.95, 95), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_the_value_is_the_nearest_rank(share: float, expected: float) -> None:
    assert nearest_rank([float(ms) for ms in range(1, 101)], share) == expected


def test_no_sample_has_no_percentile() -> None:
    with pytest.raises(ValueError, match="at least one value"):
        bounded([], 0.95)


@settings(max_examples=150, deadline=None)
@given(SAMPLES, SHARES, st.randoms(use_true_random=False))
def test_value_lies_between_bounds_and_order_does_not_matter(samples: list[Sample], share: float, random: Random) -> None:
    found = bounded(samples, share)
    assert 0 <= found.low <= found.value <= found.high
    shuffled = samples.copy()
    random.shuffle(shuffled)
    assert bounded(shuffled, share) == found


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
def test_less_doubt_is_wider(name: str, share: float) -> None:
    # Not a law: where few samples come in odd clumps the search may stop at another value. It holds where it matters.
    samples = drawn(Random(5), SHAPES[name], seconds=60.0)
    sure, surer = bounded(samples, share, doubt=0.05), bounded(samples, share, doubt=0.001)
    assert surer.low <= sure.low <= sure.high <= surer.high


@settings(max_examples=100, deadline=None)
@given(SAMPLES, SHARES, st.sampled_from([0.25, 2.0, 16.0]))
def test_bounds_scale_with_the_samples(samples: list[Sample], share: float, factor: float) -> None:
    found = bounded(samples, share)
    scaled = bounded([Sample(sample.at_s, sample.ms * factor) for sample in samples], share)
    assert (scaled.low, scaled.value, scaled.high) == (found.low * factor, found.value * factor, found.high * factor)


@settings(max_examples=100, deadline=None)
@given(st.lists(MS, min_size=1, max_size=300), SHARES)
def test_one_more_sample_above_all_others_lowers_no_bound(values: list[float], share: float) -> None:
    def between(values: list[float]) -> tuple[float, float]:
        return percentile_bounds(values, share)

    (low, high), (low_with, high_with) = between(values), between([*values, math.inf])
    assert low <= low_with
    assert high <= high_with


@settings(max_examples=100, deadline=None)
@given(SAMPLES, SHARES, st.data())
def test_a_sample_made_slower_never_lowers_the_value(samples: list[Sample], share: float, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(samples) - 1))
    slower = [*samples[:index], Sample(samples[index].at_s, math.inf), *samples[index + 1 :]]
    assert bounded(slower, share).value >= bounded(samples, share).value


def test_bursts_count_less_than_scattered_samples() -> None:
    random = Random(1)
    times = [k / 50 for k in range(3000)]
    scattered = [Sample(at_s, 100.0 if random.random() < 0.05 else 10.0 + random.random()) for at_s in times]
    bursts = [Sample(at_s, 100.0 if at_s % 20 < 1 else 10.0 + random.random()) for at_s in times]

    def effect(samples: list[Sample]) -> float:
        return Bursts.of(samples, share=0.95).effect(lambda ordered: sum(ms > 50 for ms in ordered))

    assert 1.0 <= effect(scattered) < 2.0
    assert effect(bursts) > 30.0, "a second of 50 slow requests tells little more than one"


def test_failures_in_a_burst_do_not_count_as_many() -> None:
    values = [Sample(k / 50, math.inf if 20 <= k / 50 < 22 else 10.0) for k in range(1500)]
    assert bounded(values, 0.95).value == math.inf
    assert bounded(values, 0.95).low == 10.0, "one outage of 2 s in 30 s says little about the share of failures"
    spread = [Sample(k / 50, math.inf if k % 10 == 0 else 10.0) for k in range(1500)]
    assert bounded(spread, 0.95).low == math.inf


def test_samples_of_a_moment_bound_nothing() -> None:
    found = bounded([Sample(0.5, float(k)) for k in range(1, 1001)], 0.5)
    assert (found.value, found.low, found.high) == (500.0, 0.0, math.inf)


def test_independent_samples_have_nearly_the_bounds_of_order_statistics() -> None:
    samples = drawn(Random(3), SHAPES["independent"], seconds=90.0)
    low, high = percentile_bounds([sample.ms for sample in samples], 0.95)
    found = bounded(samples, 0.95)
    assert found.low <= low <= high <= found.high
    assert found.high - found.low < 1.5 * (high - low)


@pytest.mark.parametrize("name", ["independent", "body and pauses of 60 ms", "swing of 0.3 s"])
def test_the_bounds_seldom_miss_the_truth(name: str) -> None:
    for percentile, (below, above, _) in misses(SHAPES[name], seconds=60.0, trials=60).items():
        assert below + above <= 0.10, f"P{percentile}: {below:.0%} below, {above:.0%} above; nominal 5 %"


def test_ignoring_bursts_would_miss_it_often() -> None:
    shape = SHAPES["swing of 0.3 s"]
    true_ms = nearest_rank(sorted(sample.ms for sample in drawn(Random(1), shape, seconds=2000.0)), 0.95)
    missed = 0
    for number in range(60):
        low, high = percentile_bounds([sample.ms for sample in drawn(Random(number), shape, seconds=60.0)], 0.95)
        missed += not low <= true_ms <= high
    assert missed >= 12, "order statistics alone take bursts for knowledge: this is what the slices are for"


def test_ten_thousand_samples_are_quick() -> None:
    samples = drawn(Random(1), Shape(), seconds=200.0)
    spent_s = []
    for _ in range(3):
        begin_s = time.process_time()
        bounded(samples, 0.95)
        spent_s.append(time.process_time() - begin_s)
    assert min(spent_s) < 0.05, f"{min(spent_s) * 1e3:.0f} ms for {len(samples)} samples"


def test_the_slices_divide_each_other() -> None:
    assert all(length % SLICES_S[0] == 0 for length in SLICES_S)
