"""How slow the machine itself was: what a bare stub beside the service, which does nothing, took to answer.

A service is not convicted of being late while the stub was late too; such a finding is set aside, and if nothing else was
found the verdict is unknown: this machine was too busy to tell. The simulation has no stub and no noise.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.history import History, Probe
from harness.verdict import Ruling, Verdict, unknown

SLOW_SECONDS = 0.25
SPREADS_SECONDS = 1.0
SHARE_THAT_DOUBTS = 0.1

Stall = tuple[float, float]


def stalls(history: History) -> list[Stall]:
    """The times (begin and end in seconds) in which the stub was slow, and a little around them; they do not overlap."""
    slow = [probe for probe in history.of(Probe) if probe.latency_s > SLOW_SECONDS]
    merged: list[Stall] = []
    for probe in sorted(slow, key=lambda probe: probe.at_s - probe.latency_s):
        begin_s, end_s = probe.at_s - probe.latency_s - SPREADS_SECONDS, probe.at_s + SPREADS_SECONDS
        if merged and begin_s <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end_s))
        else:
            merged.append((begin_s, end_s))
    return merged


def stalled_share(stalled: Sequence[Stall], begin_s: float, end_s: float) -> float:
    """Which share of the time from `begin_s` to `end_s` the machine stood still: 0.0 to 1.0."""
    covered_s = sum(max(0.0, min(end, end_s) - max(begin, begin_s)) for begin, end in stalled)
    if end_s <= begin_s:
        return float(any(begin <= begin_s <= end for begin, end in stalled))
    return covered_s / (end_s - begin_s)


def is_doubtful(stalled: Sequence[Stall], begin_s: float, end_s: float) -> bool:
    """Whether lateness between these times may be the machine's and not the service's."""
    return bool(stalled) and stalled_share(stalled, begin_s, end_s) >= SHARE_THAT_DOUBTS


def weighed(verdict: Verdict, *, set_aside: int, what: str) -> Verdict:
    """`verdict`, or unknown if it only holds because findings were set aside; `what` names them in the plural."""
    if set_aside == 0 or verdict.ruling is Ruling.VIOLATED:
        return verdict
    told = f"{set_aside} {what} while a bare stub beside the service was slow too: this machine was too busy to tell"
    return unknown(told, checked=verdict.checked)
