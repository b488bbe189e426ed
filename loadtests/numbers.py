"""Locust's page shows the percentiles that the record gives, to a tenth of a millisecond.

Locust keeps each latency rounded to two digits (12.6 ms as 13, 147 as 150), and takes the percentile one rank too high
(P95 of 1..100 is 96). Both are functions of `locust.stats` made to be replaced: here latencies are kept to 0.1 ms, and the
percentile is the nearest rank, the smallest value that at least that share of all does not exceed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import locust.stats

FINE_BELOW_MS = 10_000.0


def bucket(response_time_ms: float) -> float:
    """To 0.1 ms. From 10 s on to 10 ms, so that a long, bad run does not fill the memory with buckets of one."""
    return round(response_time_ms, 1 if response_time_ms < FINE_BELOW_MS else -1)


def nearest_rank(counts: Mapping[float, int], total: int, share: float) -> float:
    """The percentile of `total` values counted by value; 0 without values."""
    wanted = max(1, math.ceil(total * share - 1e-9))  # 0.07 * 100 is a little more than 7
    for value in sorted(counts):
        wanted -= counts[value]
        if wanted <= 0:
            return value
    return 0.0


def install() -> None:
    """Make Locust count and rank this way, in this process."""
    stats: Any = locust.stats  # declared with whole milliseconds, but any number does
    stats.bucket_response_time = bucket
    stats.calculate_response_time_percentile = nearest_rank
