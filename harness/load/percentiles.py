"""Percentiles with confidence bounds for latencies that come in bursts.

Order statistics bound a percentile without any assumption on the distribution (`checkers/percentile.py`), but they take the
samples for independent, and latencies are not: one pause hits a whole row of neighbours. So a value is a bound if an *effective*
number of samples says so: how much more the share of samples beyond it varies between slices of time than it would by chance is
the design effect there, and all counts are divided by it (as surveys of households are judged: Woodruff, Korn and Graubard).
Two lengths of slices are tried, since what slows a machine may last longer than the shorter one; few slices know their own
variance badly, which Student's t pays for; and as the few samples beyond a high value do not show how they come, at least half
the effect at the percentile itself is taken for granted.

Why not a block bootstrap: it can say nothing beyond the largest value seen, so that its upper bound missed the P99 of 1,500
samples in bursts 13 to 55 times in a hundred; and bounds that are wrong once in a thousand times would take ten thousands of
draws. Next: decision.py.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

from harness.checkers.percentile import DOUBT, bounding_ranks
from harness.load.samples import Sample

SLICES_S = (1, 3)
FEWEST_SLICES = 4  # of one length, to know how much they vary
TAKEN_FOR_GRANTED = 0.5  # of the design effect at the percentile itself

Count = Callable[[Sequence[float]], int]  # how many of some sorted latencies lie beyond a value


@dataclass(frozen=True, slots=True)
class Bounded:
    """A percentile and its confidence bounds, in milliseconds (or a ratio); `high` is infinity where nothing bounds it."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        value, low, high = (f"{ms:.1f}" if math.isfinite(ms) else "∞" for ms in (self.value, self.low, self.high))
        return f"{value} ms (between {low} and {high})"


def bounded(samples: Sequence[Sample], share: float, *, doubt: float = DOUBT) -> Bounded:
    """A percentile (`share` 0.95: P95) by nearest rank, with bounds that are wrong with chance `doubt`, half on each side.

    A failure is a sample of infinity. The order of the samples does not matter. Raises ValueError if there are none.
    """
    bursts = Bursts.of(samples, share=share, doubt=doubt)
    value = nearest_rank(bursts.ordered, share)
    at = bisect_left(bursts.ordered, value)
    lower, upper = bursts.ordered[: at + 1], bursts.ordered[at:]
    low = bisect_left(lower, True, key=lambda ms: not bursts.bound_below(ms))
    high = bisect_left(upper, True, key=bursts.bound_above)
    return Bounded(
        value=value,
        low=lower[low - 1] if low else 0.0,
        high=upper[high] if high < len(upper) else math.inf,
    )


def nearest_rank(ordered: Sequence[float], share: float) -> float:
    """The smallest of the values, sorted already, that at least `share` of them do not exceed. Raises ValueError without any."""
    if not ordered:
        raise ValueError("a percentile needs at least one value")
    return ordered[max(1, math.ceil(len(ordered) * share - 1e-9)) - 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bursts:
    """Samples in slices of time, and what they tell of one percentile: whether a value bounds it."""

    ordered: Sequence[float]
    slices: Sequence[Sequence[Sequence[float]]]  # for each length of slices that is judged: the sorted latencies of every slice
    share: float
    doubt: float
    granted: float = 1.0  # the least design effect

    @classmethod
    def of(cls, samples: Sequence[Sample], *, share: float, doubt: float = DOUBT) -> Bursts:
        """Cut `samples` into slices. Raises ValueError if there are none."""
        seconds = _seconds(samples)
        judged = [slices for length_s in SLICES_S if len(slices := _slices(seconds, length_s)) >= FEWEST_SLICES]
        ordered = sorted(sample.ms for sample in samples)
        bare = cls(ordered=ordered, slices=judged, share=share, doubt=doubt)
        value = nearest_rank(ordered, share)
        granted = TAKEN_FOR_GRANTED * max(bare.effect(_below(value)), bare.effect(_above(value)))
        return cls(ordered=ordered, slices=judged, share=share, doubt=doubt, granted=granted)

    def bound_below(self, ms: float) -> bool:
        """Whether the true percentile is at least `ms`, but for half the doubt."""
        effective, below = self._effective(_below(ms))
        return below < bounding_ranks(effective, self.share, doubt=self.doubt)[0]

    def bound_above(self, ms: float) -> bool:
        """Whether the true percentile is at most `ms`, but for half the doubt."""
        effective, above = self._effective(_above(ms))
        return effective - above >= bounding_ranks(effective, self.share, doubt=self.doubt)[1]

    def effect(self, beyond: Count) -> float:
        """How many of these samples tell as much about the share beyond a value as one independent sample: 1 or more.

        Infinity if they span too few seconds to tell.
        """
        effects = (
            max(1.0, _times_chance([(len(each), beyond(each)) for each in slices])) * _widening(len(slices) - 1, self.doubt)
            for slices in self.slices
        )
        return max(self.granted, max(effects, default=math.inf))

    def _effective(self, beyond: Count) -> tuple[int, int]:
        """The effective number of samples, and how many of them lie beyond the value: rounded against it."""
        effect = self.effect(beyond)
        return int(len(self.ordered) / effect), math.ceil(beyond(self.ordered) / effect - 1e-9)


def _below(ms: float) -> Count:
    return lambda ordered: bisect_left(ordered, ms)


def _above(ms: float) -> Count:
    return lambda ordered: len(ordered) - bisect_right(ordered, ms)


def _seconds(samples: Sequence[Sample]) -> dict[int, list[float]]:
    seconds: dict[int, list[float]] = {}
    for sample in samples:
        second = int(sample.at_s // 1)
        if second in seconds:
            seconds[second].append(sample.ms)
        else:
            seconds[second] = [sample.ms]
    return seconds


def _slices(seconds: Mapping[int, Sequence[float]], length_s: int) -> list[list[float]]:
    slices: dict[int, list[float]] = {}
    for second, latencies in seconds.items():
        slices.setdefault(second // length_s, []).extend(latencies)
    return [sorted(each) for each in slices.values()]


def _times_chance(slices: Sequence[tuple[int, int]]) -> float:
    """The variance of a share between slices (samples, and those that count), as a multiple of what independent ones had."""
    n, total = sum(each for each, _ in slices), sum(hits for _, hits in slices)
    if total in (0, n):
        return 1.0
    share = total / n
    squares = math.fsum((hits - share * each) ** 2 for each, hits in slices)
    return len(slices) / (len(slices) - 1) * squares / (n * share * (1 - share))


def _widening(freedom: int, doubt: float) -> float:
    """(t / z) squared: what it costs to know the variance from `freedom` + 1 slices only."""
    z = -NormalDist().inv_cdf(doubt / 2)
    return (math.fsum(_student_terms(z, freedom)) / z) ** 2


def _student_terms(z: float, freedom: int) -> Iterator[float]:
    """Fisher's expansion of Student's quantile around the normal one."""
    yield z
    yield (z**3 + z) / (4 * freedom)
    yield (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
    yield (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
