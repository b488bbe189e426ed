"""How slow the machine itself was: what a bare stub beside the service, which only syncs a little to the disk, took to answer.

A service is not convicted of being late while the stub was late too; such a finding is set aside, and if nothing else was
found the verdict is unknown: this machine was too busy to tell. A server that was killed and took several times as long as
planned to come back says the same of that time, and so do others that took most of the processors: the stub needs next to
nothing of those, so it is served while a service that needs more waits. The simulation has no stub and no noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from harness.checkers.promises import planned_fault
from harness.history import Crowd, History, Post, Probe, Read, Suffered
from harness.verdict import Ruling, Verdict, unknown

SLOW_SECONDS = 0.25
SPREADS_SECONDS = 1.0
SHARE_THAT_DOUBTS = 0.1
CROWDED_SHARE = 0.6  # of all processors: what is left is less than one of two
PATIENT_SECONDS = 0.5  # a request that waited so long waited for something
WAITING_SHARE = 0.1  # of what it waited: before such a service answers, it makes many such steps one after the other
# The faults at whose end the harness starts a server of its own, or waits until it is one again.
SERVERS_COME_BACK = ("RedisCrashes", "RedisLoads", "RedisDiskFills", "PostgresCrashes", "PostgresDiskFills")
OVERRUNS_TIMES = 3.0
OVERRUNS_SECONDS = 2.0  # and at least by so much: a server takes a moment to start, however short its fault was meant to be
LONGEST_PAUSE_SECONDS = 20.0  # where the header does not say: what a system file gets that claims nothing

Stall = tuple[float, float]
R = TypeVar("R", Post, Read)


def stalls(history: History) -> list[Stall]:
    """The times (begin and end in seconds) in which the machine was slow, and a little around them; they do not overlap."""
    merged: list[Stall] = []
    for begin_s, end_s in sorted([*_beside_slow_probes(history), *crowded(history), *overruns(history)]):
        if merged and begin_s <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end_s))
        else:
            merged.append((begin_s, end_s))
    return merged


def overruns(history: History) -> list[Stall]:
    """The faults in which a server of the harness was started again, and took several times as long as planned."""
    return [(fault.begin_s, fault.end_s) for fault in history.of(Suffered) if _overran(history, fault)]


def crowded(history: History) -> list[Stall]:
    """The times in which others than the service and its servers took most of the processors, and a little around them."""
    crowds = [crowd for crowd in history.of(Crowd) if crowd.others > CROWDED_SHARE]
    return [(crowd.begin_s - SPREADS_SECONDS, crowd.end_s + SPREADS_SECONDS) for crowd in crowds]


def stalled_share(stalled: Sequence[Stall], begin_s: float, end_s: float) -> float:
    """Which share of the time from `begin_s` to `end_s` the machine stood still: 0.0 to 1.0."""
    if end_s <= begin_s:
        return float(any(begin <= begin_s <= end for begin, end in stalled))
    return stalled_seconds(stalled, begin_s, end_s) / (end_s - begin_s)


def stalled_seconds(stalled: Sequence[Stall], begin_s: float, end_s: float) -> float:
    """How long the machine stood still between two times."""
    return sum(max(0.0, min(end, end_s) - max(begin, begin_s)) for begin, end in stalled)


def is_doubtful(stalled: Sequence[Stall], begin_s: float, end_s: float) -> bool:
    """Whether lateness between these times may be the machine's and not the service's."""
    return bool(stalled) and stalled_share(stalled, begin_s, end_s) >= SHARE_THAT_DOUBTS


def not_held_up(history: History, requests: Sequence[R], *, lead_s: float = 0.0) -> list[R]:
    """The requests whose failure the machine does not explain; `lead_s` is how long before them a stall still counts.

    Besides a stall, what explains a long wait is a stub that took a good share of it.
    """
    stalled, probes = stalls(history), history.of(Probe)
    return [
        request
        for request in requests
        if not is_doubtful(stalled, request.begin_s - lead_s, request.end_s) and not _waited_with_the_stub(probes, request)
    ]


def rest_is_doubtful(history: History) -> bool:
    """Whether the silence before the end may be the machine's: it is believed for as long as the service claims to pause.

    So only what the stub itself took counts here, without anything around it: a short stall does not make a pause longer.
    """
    if history.rest is None:
        return False
    until_s = history.rest.at_s
    since_s = until_s - history.header.claims.get("longest_pause_seconds", LONGEST_PAUSE_SECONDS)
    slow = [(probe.at_s - probe.latency_s, probe.at_s) for probe in _slow_probes(history)]
    return is_doubtful([*slow, *overruns(history)], since_s, until_s)


def weighed(verdict: Verdict, *, set_aside: int, what: str) -> Verdict:
    """`verdict`, or unknown if it only holds because findings were set aside; `what` names them in the plural."""
    if set_aside == 0 or verdict.ruling is Ruling.VIOLATED:
        return verdict
    slow = "a bare stub beside the service was slow too, others took the processors, or a killed server came back far too late"
    return unknown(f"{set_aside} {what} while {slow}: this machine was too busy to tell", checked=verdict.checked, noisy=True)


def _beside_slow_probes(history: History) -> list[Stall]:
    slow = _slow_probes(history)
    return [(probe.at_s - probe.latency_s - SPREADS_SECONDS, probe.at_s + SPREADS_SECONDS) for probe in slow]


def _waited_with_the_stub(probes: Sequence[Probe], request: Post | Read) -> bool:
    waited_s = request.end_s - request.begin_s
    return waited_s >= PATIENT_SECONDS and any(
        probe.latency_s >= WAITING_SHARE * waited_s
        and probe.at_s - probe.latency_s <= request.end_s + SPREADS_SECONDS
        and probe.at_s >= request.begin_s - SPREADS_SECONDS
        for probe in probes
    )


def _slow_probes(history: History) -> list[Probe]:
    return [probe for probe in history.of(Probe) if probe.latency_s > SLOW_SECONDS]


def _overran(history: History, fault: Suffered) -> bool:
    planned_s: float | None = planned_fault(history, fault).get("lasts_seconds")
    if fault.name not in SERVERS_COME_BACK or planned_s is None:
        return False
    took_s = fault.end_s - fault.begin_s
    return took_s >= OVERRUNS_TIMES * planned_s and took_s >= planned_s + OVERRUNS_SECONDS
