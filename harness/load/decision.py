"""The sequential decision: after every round each limit is held, violated, or still open; at the last round open means unknown.

Held when the upper confidence bound is at most the limit. Violated when the lower bound exceeds the limit, and by more than two
machines of one kind differ: two runs of the same build differ by 5 % without anybody's fault, and within one run that does not
show. In between nobody is accused, and nothing passes.

The chance of a wrong word is `Rule.doubt` over all looks and all limits together, half of it for a wrong *held*, half for a
wrong *violated*. Every look spends a part that is fixed beforehand: half is kept for the last one, where close calls are made,
the earlier ones share the rest. One limit is enough to be violated, so each gets an equal share of that; held takes all limits,
so that what holds wrongly has passed its own test wrongly, and sharing is not needed. Adding up needs no assumption on how looks
depend on each other, which share most of their samples.

What is slow while a bare stub beside the service is slow too accuses nobody; fast in spite of noise is fast. A machine that was
calm for most of the time is enough to hold a limit by what was measured then (a second chance, so that *held* may be wrong
twice as often where it is used), and the reason says how much was set aside. A generator that sent its requests late by more
than a limit leaves room for cannot tell whether it holds, and what it was late by accuses nobody. A neighbour can keep a machine
busy for a whole round, which the bounds of that round cannot know: nobody is accused before the third. Next: rows.py.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.load.percentiles import Bounded, bounded, nearest_rank
from harness.load.samples import Sample
from harness.verdict import Ruling, worst

NOISY_SHARE = 0.2  # of a limit: what the bare stub, or the generator's own lateness, may take of it
MACHINES_DIFFER = 0.08  # of a limit: less than this above it accuses nobody
CALM_ENOUGH = 0.8  # of the samples, to hold a limit by them alone: a disk that stalled for a moment is nobody's latency
ACCUSES_FROM_LOOK = 3
FEWEST_SAMPLES = 100
FEWEST_ABOVE = 5  # samples that must be expected above the percentile: 500 samples for a P99


@dataclass(frozen=True, slots=True)
class Limit:
    """What is promised: the `percentile` (50, 95, 99) of an endpoint's latency is at most `limit_ms`."""

    endpoint: str
    percentile: float
    limit_ms: float

    def __str__(self) -> str:
        return f"P{self.percentile:g} of {self.endpoint}"

    @property
    def share(self) -> float:
        """0.95 for P95."""
        return self.percentile / 100

    @property
    def fewest(self) -> int:
        """How many samples it takes before anything is said."""
        return max(FEWEST_SAMPLES, math.ceil(FEWEST_ABOVE / (1 - self.share) - 1e-9))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The limits, how often the samples are looked at, and the chance that any of all the rulings is wrong."""

    limits: tuple[Limit, ...]
    looks: int
    doubt: float = 0.05
    machines_differ: float = MACHINES_DIFFER

    def doubt_at(self, look: int) -> float:
        """What look number `look` (the first is 1) may spend. Raises ValueError for a look that was not planned."""
        if not 1 <= look <= self.looks:
            raise ValueError(f"look {look} was not planned: the first is 1, the last {self.looks}; plan more looks beforehand")
        parts = 1.0 if self.looks == 1 else 2.0 if look == self.looks else 2.0 * (self.looks - 1)
        return self.doubt / parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """All samples so far, warm-up cut: by endpoint, of the bare stub beside the service, and how late each request was sent."""

    samples: Mapping[str, Sequence[Sample]]
    stub: Sequence[Sample]
    lateness: Sequence[Sample]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is said of one limit: held, violated or unknown, the bounds that decided, and why in one sentence."""

    limit: Limit
    ruling: Ruling
    reason: str
    samples: int
    bounded: Bounded | None = None  # None if there were no samples
    set_aside: int = 0  # samples, so that it is held by the others alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What is said of all limits. More samples are wanted until it `is_final`; after that nothing changes it."""

    ruling: Ruling
    is_final: bool
    decisions: tuple[Decision, ...]
    look: int

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is not held: a sentence for each limit that made it so."""
        return tuple(one.reason for one in self.decisions if one.ruling is self.ruling is not Ruling.HELD)


def decide(rule: Rule, seen: Seen, *, look: int, previous: Outcome | None = None) -> Outcome:
    """Judge every limit by all samples so far. A final `previous` stays. Raises ValueError for a look that was not planned."""
    if previous is not None and previous.is_final:
        return previous
    doubt = rule.doubt_at(look)
    lateness = sorted(sample.ms for sample in seen.lateness)
    decisions = tuple(_judged(limit, seen, rule=rule, doubt=doubt, lateness=lateness) for limit in rule.limits)
    if look < min(ACCUSES_FROM_LOOK, rule.looks):
        decisions = tuple(_without_accusing(decision) for decision in decisions)
    ruling = worst(decision.ruling for decision in decisions)
    return Outcome(ruling=ruling, is_final=ruling is not Ruling.UNKNOWN or look == rule.looks, decisions=decisions, look=look)


def _without_accusing(decision: Decision) -> Decision:
    if decision.ruling is not Ruling.VIOLATED:
        return decision
    early = f"{decision.reason}: too early to tell whether it stays so"
    return dataclasses.replace(decision, ruling=Ruling.UNKNOWN, reason=early)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One limit, its samples and their bounds."""

    limit: Limit
    samples: Sequence[Sample]
    every: Bounded
    late_ms: float  # the generator's own lateness at the limit's percentile; infinity if it did not say

    def too_late(self) -> str:
        """Why the generator's figures say nothing of this limit; empty if it kept up. P99 is held against the P99's limit."""
        most_ms = self.limit.limit_ms * NOISY_SHARE
        if self.late_ms == math.inf:
            return "the generator did not say how late it sent its requests"
        if self.late_ms <= most_ms:
            return ""
        told = f"P{self.limit.percentile:g} of its lateness is {self.late_ms:.1f} ms"
        return f"the generator could not keep up ({told}, at most {most_ms:g} ms may be)"

    def told(self, ruling: Ruling, reason: str = "", *, by: Bounded | None = None) -> Decision:
        """What is said of it, `by` other bounds than those of all samples."""
        found = by or self.every
        sentence = f"{self.limit} is {found}, the limit is {self.limit.limit_ms:g} ms" + (f": {reason}" if reason else "")
        return Decision(limit=self.limit, ruling=ruling, reason=sentence, samples=len(self.samples), bounded=found)

    def held_without(self, set_aside: int, by: Bounded) -> Decision:
        """Held by the samples that were measured while the machine was calm."""
        reason = f"{set_aside} samples are set aside, where the bare stub was slow too"
        return dataclasses.replace(self.told(Ruling.HELD, reason, by=by), set_aside=set_aside)


def _judged(limit: Limit, seen: Seen, *, rule: Rule, doubt: float, lateness: Sequence[float]) -> Decision:
    samples = seen.samples.get(limit.endpoint, ())
    if not samples:
        return Decision(limit=limit, ruling=Ruling.UNKNOWN, reason=f"{limit}: no samples", samples=0)
    late_ms = nearest_rank(lateness, limit.share) if lateness else math.inf
    case = _Case(limit=limit, samples=samples, every=bounded(samples, limit.share, doubt=doubt), late_ms=late_ms)
    if late := case.too_late():
        return case.told(Ruling.UNKNOWN, late)
    if len(samples) < limit.fewest:
        return case.told(Ruling.UNKNOWN, f"{len(samples)} samples, at least {limit.fewest} are needed")
    if case.every.high <= limit.limit_ms:
        return case.told(Ruling.HELD)
    calm = _calm(samples, seen.stub, limit)
    if CALM_ENOUGH * len(samples) <= len(calm) < len(samples):
        found = bounded(calm, limit.share, doubt=doubt)
        if found.high <= limit.limit_ms:
            return case.held_without(len(samples) - len(calm), found)
    return _accused(case, calm, rule=rule, doubt=doubt / len(rule.limits))


def _accused(case: _Case, calm: Sequence[Sample], *, rule: Rule, doubt: float) -> Decision:
    """Violated if what was measured while the machine was calm says so for certain; else it stays open, and why.

    A machine that was busy for more than half of the time is not calm in the other half either.
    """
    limit, left_out = case.limit, len(case.samples) - len(calm)
    own = [dataclasses.replace(sample, ms=sample.own_ms) for sample in calm]  # the generator's lateness is nobody's fault
    found = bounded(own, limit.share, doubt=doubt) if len(own) >= max(limit.fewest, left_out) else None
    if found is not None and found.low > limit.limit_ms * (1 + rule.machines_differ):
        return case.told(Ruling.VIOLATED, by=found)
    if case.every.low <= limit.limit_ms:
        return case.told(Ruling.UNKNOWN, "not enough samples to tell on which side of it")
    if left_out:
        rest = "too few" if found is None else "not above it for certain"
        slow = f"{left_out} samples fell where the bare stub was slow too, or not measured, and the rest is {rest}"
        return case.told(Ruling.UNKNOWN, slow)
    return case.told(
        Ruling.UNKNOWN, f"above it by less than machines differ ({rule.machines_differ:.0%}): not for certain its fault"
    )


def _calm(samples: Sequence[Sample], stub: Sequence[Sample], limit: Limit) -> list[Sample]:
    """The samples that were meant to begin in seconds in which, and around which, the bare stub was fast.

    Where no stub was measured nobody knows, so that does not count as calm. Slow and fast are left out alike: by their beginning.
    """
    by_second: dict[int, list[float]] = {}
    for probe in stub:
        for second in range(math.floor(probe.at_s), math.floor(_end_s(probe)) + 1):
            by_second.setdefault(second, []).append(probe.ms)
    seconds = {math.floor(sample.at_s) for sample in samples}
    calm = {second for second in seconds if _is_calm(by_second, second, limit)}
    return [sample for sample in samples if math.floor(sample.at_s) in calm]


def _end_s(probe: Sample) -> float:
    """When it was answered; one that never was counts where it began."""
    return probe.at_s + (probe.ms / 1e3 if math.isfinite(probe.ms) else 0.0)


def _is_calm(by_second: Mapping[int, Sequence[float]], second: int, limit: Limit) -> bool:
    """Whether the stub's same percentile, of this second and its neighbours, leaves most of the limit to the service."""
    around = sorted(ms for near in (second - 1, second, second + 1) for ms in by_second.get(near, ()))
    return bool(by_second.get(second)) and nearest_rank(around, limit.share) <= limit.limit_ms * NOISY_SHARE
