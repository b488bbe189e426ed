"""How well a sample knows a percentile: confidence bounds from order statistics, without any assumption on the distribution.

The k-th smallest of n values lies below the true percentile p exactly if at least k values do, and how many do is binomial
with n and p. So two ranks bracket the percentile with a confidence that is known beforehand.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

DOUBT = 0.05  # of a 95 % interval; half of it on each side


def percentile_bounds(values: Sequence[float], share: float) -> tuple[float, float]:
    """The lower and upper 95 % confidence bound of a percentile (`share` 0.95: P95), in the values' unit.

    Infinity where the sample is too small to bound it on that side. Raises ValueError if there are no values.
    """
    if not values:
        raise ValueError("a percentile needs at least one value")
    ordered = sorted(values)
    below = list(_cumulative_binomial(len(ordered), share))
    low = max((rank for rank in range(1, len(ordered) + 1) if below[rank - 1] <= DOUBT / 2), default=0)
    high = min((rank for rank in range(1, len(ordered) + 1) if below[rank - 1] >= 1 - DOUBT / 2), default=0)
    return ordered[low - 1] if low else -math.inf, ordered[high - 1] if high else math.inf


def _cumulative_binomial(n: int, share: float) -> Iterator[float]:
    """The chance that at most 0, 1, ..., n - 1 of n values lie below the percentile."""
    total = 0.0
    for k in range(n):
        choose = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
        total += math.exp(choose + k * math.log(share) + (n - k) * math.log1p(-share))
        yield total
