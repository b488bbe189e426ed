"""How well a sample knows a percentile: confidence bounds from order statistics, without any assumption on the distribution.

The k-th smallest of n values lies below the true percentile p exactly if at least k values do, and how many do is binomial
with n and p. So two ranks bracket the percentile with a confidence that is known beforehand.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

DOUBT = 0.05  # of a 95 % interval; half of it on each side
TAIL = 12  # in standard deviations, and at least as many values: what lies beyond it is below 1e-15


def percentile_bounds(values: Sequence[float], share: float) -> tuple[float, float]:
    """The lower and upper 95 % confidence bound of a percentile (`share` 0.95: P95), in the values' unit.

    Infinity where the sample is too small to bound it on that side. Raises ValueError if there are no values.
    """
    if not values:
        raise ValueError("a percentile needs at least one value")
    ordered = [-math.inf, *sorted(values), math.inf]
    low, high = bounding_ranks(len(values), share)
    return ordered[low], ordered[high]


def bounding_ranks(n: int, share: float, *, doubt: float = DOUBT) -> tuple[int, int]:
    """The ranks (1: the smallest of `n` values) that bound the percentile but for `doubt`, half of it on each side.

    0 and n + 1 where no value does: the sample is too small on that side.
    """
    spread = TAIL * math.sqrt(n * share * (1 - share)) + TAIL
    first, end = max(0, int(n * share - spread)), min(n, int(n * share + spread))
    below = list(_cumulative_binomial(n, share, ranks=range(first, end)))
    return first + bisect_right(below, doubt / 2), first + bisect_left(below, 1 - doubt / 2) + 1


def _cumulative_binomial(n: int, share: float, *, ranks: range) -> Iterator[float]:
    """The chance that at most k of n values lie below the percentile, for every k of `ranks`."""
    first = ranks.start
    choose = math.lgamma(n + 1) - math.lgamma(first + 1) - math.lgamma(n - first + 1)
    exactly = math.exp(choose + first * math.log(share) + (n - first) * math.log1p(-share))
    total = 0.0
    for k in ranks:
        total += exactly
        yield total
        exactly *= (n - k) / (k + 1) * share / (1 - share)
