"""Counts and timings as plain numbers, turned into Prometheus' families when somebody reads them.

prometheus-client's own Counter and Histogram take a lock for every count, and take their time to be made. A process here counts
in one thread, and a simulation makes and forgets thousands of processes. Where to go next: ``metrics``.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

# Every limit anybody is held to is a bound, so that a percentile at the limit is not interpolated past it.
LATENCY_BUCKETS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5)


class Tally:
    """How often each outcome came about; those given are there from the start, with 0."""

    def __init__(self, outcomes: Iterable[str]) -> None:
        self._counts = dict.fromkeys(outcomes, 0)

    def add(self, outcome: str) -> None:
        """Once more."""
        self._counts[outcome] = self._counts.get(outcome, 0) + 1

    def family(self, name: str, documentation: str) -> CounterMetricFamily:
        """For a collector."""
        family = CounterMetricFamily(name, documentation, labels=["outcome"])
        for outcome, count in self._counts.items():
            family.add_metric([outcome], count)
        return family


class Timings:
    """How long things took, by outcome; a time equal to a bound is within it."""

    def __init__(self) -> None:
        self._counts: dict[str, list[int]] = {}
        self._sums_s: dict[str, float] = {}

    def add(self, outcome: str, seconds: float) -> None:
        """One more."""
        counts = self._counts.get(outcome)
        if counts is None:
            counts = self._counts[outcome] = [0] * (len(LATENCY_BUCKETS) + 1)
            self._sums_s[outcome] = 0.0
        counts[bisect_left(LATENCY_BUCKETS, seconds)] += 1
        self._sums_s[outcome] += seconds

    def family(self, name: str, documentation: str) -> HistogramMetricFamily:
        """For a collector."""
        family = HistogramMetricFamily(name, documentation, labels=["outcome"])
        bounds = [*map(str, LATENCY_BUCKETS), "+Inf"]
        for outcome, counts in self._counts.items():
            buckets = list(zip(bounds, map(float, accumulate(counts)), strict=True))
            family.add_metric([outcome], buckets, self._sums_s[outcome])
        return family
