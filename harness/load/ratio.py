"""A percentile now and then, on two days: their ratio with confidence bounds, and what it shows.

Only value and bounds of the other run are left, so the bounds of the ratio are recovered from those of both (MOVER, Zou and
Donner 2008, on the logarithms): as far apart as both together can be by chance, not as far as both at their worst. The other
day's machine may have been faster. Nothing is corrected for that; but a stub that became slower too takes its share off what the
service is accused of, and what then remains must still be more than the threshold. Next: baseline.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from harness.load.percentiles import Bounded

THRESHOLD = 1.25  # of the ratio: two runs of one build differ by about 7 % on machines that differ by 5 %


class Change(StrEnum):
    """What a comparison shows."""

    SLOWER = "slower"
    FASTER = "faster"
    NONE_SHOWN = "no difference shown"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One percentile now and then: the ratio with its bounds (2: takes twice as long), what it shows, and why in one sentence."""

    ratio: Bounded | None  # None if either run has no figure
    change: Change
    reason: str


def ratio_of(now: Bounded, then: Bounded) -> Bounded | None:
    """now / then with bounds, at the confidence of theirs. None where a figure is not positive and finite."""
    if not all(0 < one.value < math.inf for one in (now, then)):
        return None
    value = math.log(now.value / then.value)
    below = math.hypot(_log_ratio(now.value, now.low), _log_ratio(then.high, then.value))
    above = math.hypot(_log_ratio(now.high, now.value), _log_ratio(then.value, then.low))
    return Bounded(value=math.exp(value), low=math.exp(value - below), high=math.exp(value + above))


def compare(now: Bounded, then: Bounded, *, stub_ratio: float | None, threshold: float = THRESHOLD) -> Comparison:
    """Slower or faster by more than `threshold` for certain, no such difference shown, or unknown.

    `stub_ratio` is the latency of the bare stub beside the service, now to then, at the same percentile; None if either run did
    not measure it, and then a difference may be the machine's. Raises ValueError if `threshold` is below 1.
    """
    if threshold < 1:
        raise ValueError(f"the threshold is {threshold:g}; expected 1 or more: 1.25 means that a quarter longer is slower")
    ratio = ratio_of(now, then)
    if ratio is None:
        return Comparison(ratio=None, change=Change.UNKNOWN, reason="one of the runs has no such figure, or most requests failed")
    told = f"{ratio.value:.2f} times the latency of the baseline (between {ratio.low:.2f} and {ratio.high:.2f})"
    change = _change(ratio, threshold)
    if change is Change.NONE_SHOWN or _stands(ratio, stub_ratio, threshold=threshold):
        return Comparison(ratio=ratio, change=change, reason=told)
    machine = (
        "the bare stub beside it was not measured in both"
        if stub_ratio is None
        else f"the bare stub beside it took {stub_ratio:.2f} times as long"
    )
    return Comparison(ratio=ratio, change=Change.UNKNOWN, reason=f"{told}, but {machine}: the machine may have changed")


def _change(ratio: Bounded, threshold: float) -> Change:
    if ratio.low > threshold:
        return Change.SLOWER
    return Change.FASTER if ratio.high < 1 / threshold else Change.NONE_SHOWN


def _stands(ratio: Bounded, stub_ratio: float | None, *, threshold: float) -> bool:
    """Whether a difference remains when the machine has had its share. One that changed the other way excuses nothing."""
    if stub_ratio is None:
        return False
    if ratio.low > 1:
        return ratio.low > threshold * max(1.0, stub_ratio)
    return ratio.high < min(1.0, stub_ratio) / threshold


def _log_ratio(larger: float, smaller: float) -> float:
    """The distance of two figures on a logarithmic scale; infinity if one of them is no bound (0 or infinity)."""
    return math.log(larger / smaller) if smaller > 0 and larger < math.inf else math.inf
