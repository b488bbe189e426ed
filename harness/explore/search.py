"""Draw, try and shrink in every process of a pool until the budget is spent.

The search stops at its budget; what failed is shrunk on the way, and for at most `SHRINKS_LONGER_SECONDS` after it.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

from harness.campaign.dispatch import REAL_AT_ONCE
from harness.campaign.pool import pool_of, stoppable
from harness.explore.attempt import Charge, Outcome, Subject, charges_of, outcome_of, perform
from harness.explore.coverage import Coverage
from harness.explore.finding import Findings
from harness.explore.guide import Guide
from harness.explore.shrink import shrink
from harness.explore.trial import Trial
from harness.results import EXPLORE, Campaign
from harness.tally import Counts
from harness.verdict import Ruling

TRIALS_A_BATCH = 4
SHRINKS_FOR_SECONDS = 60.0
SHRINKS_LONGER_SECONDS = 60.0
LOOKS_EVERY_SECONDS = 0.5
OTHER_SEEDS = (1, 2, 3, 4, 5)  # with which a smaller trial is tried as well

Show = Callable[["Search"], None]


@dataclass
class Search:
    """How far an exploration has come."""

    subject: Subject
    guide: Guide
    seconds: float
    began_s: float = field(default_factory=time.monotonic)
    coverage: Coverage = field(default_factory=Coverage)
    findings: Findings = field(default_factory=Findings)
    rulings: Counter[str] = field(default_factory=Counter)  # held, violated, unknown, nothing (proved)
    reasons: Counter[str] = field(default_factory=Counter)  # why it proved nothing
    counts: Counts = field(default_factory=dict)
    cpu_s: float = 0.0

    @property
    def tried(self) -> int:
        """How many trials have ended."""
        return self.rulings.total()

    @property
    def elapsed_s(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self.began_s

    @property
    def told(self) -> str:
        """How far it has come, in a few words."""
        parts = [f"{number:,} {what}" for what, number in self.rulings.items() if what != "nothing"]
        shrinking = sum(map(len, self.findings.waiting.values()))
        return f"{self.tried:,} plans: {', '.join(parts)}" + (f"; {shrinking} failures wait" if shrinking else "")

    @property
    def found(self) -> Sequence[str]:
        """A line of each distinct find so far."""
        return [
            f"found: {one.charge.checker} with {' and '.join(one.causes) or 'no fault'}, {len(one.shrunk.posted)} events"
            for one in self.findings.distinct
        ]

    def note(self, outcome: Outcome) -> None:
        """A trial ended."""
        self.rulings["nothing" if outcome.proved_nothing else outcome.ruling.value] += 1
        if outcome.proved_nothing:
            self.reasons[outcome.reason] += 1
        self.coverage.add(outcome.coverage)
        self.guide.note(outcome.trial, outcome.coverage)
        self.counts = _summed(self.counts, outcome.counts)
        self.cpu_s += outcome.cpu_s
        if outcome.charges:
            self.findings.note(outcome.charges[0], outcome.trial)

    def row(self, *, repeat: str) -> Campaign:
        """Every trial in one row of the results; one that proved nothing stands where a seed without bite does."""
        return Campaign(
            name=EXPLORE,
            world=self.subject.world,
            system=self.subject.system,
            held=self.rulings[Ruling.HELD.value],
            no_bite=self.rulings["nothing"],
            violated=self.rulings[Ruling.VIOLATED.value],
            unknown=self.rulings[Ruling.UNKNOWN.value],
            cpu_s=round(self.cpu_s, 3),
            wall_s=round(self.elapsed_s, 3),
            counts=self.counts,
            repeat=repeat,
        )


def explore(search: Search, *, show: Show) -> None:
    """Search until the budget is spent. `search` holds what was found, also when it is interrupted (KeyboardInterrupt)."""
    at_once = REAL_AT_ONCE if search.subject.world == "real" else os.cpu_count() or 1
    try:
        with pool_of(at_once) as pool:
            _Work(search, pool, at_once=at_once).go_on(show)
    finally:
        search.findings.close()


class _Work:
    """What the pool is at."""

    def __init__(self, search: Search, pool: ProcessPoolExecutor, *, at_once: int) -> None:
        self._search, self._pool, self._at_once = search, pool, at_once
        self._batch = 1 if search.subject.world == "real" else TRIALS_A_BATCH
        self._trying: set[Future[list[Outcome]]] = set()
        self._shrinking: dict[Future[Trial], tuple[Charge, Trial]] = {}

    def go_on(self, show: Show) -> None:
        search = self._search
        try:
            while self._hand_out():
                pending: set[Future[Any]] = {*self._trying, *self._shrinking}
                done, _ = wait(pending, timeout=LOOKS_EVERY_SECONDS, return_when=FIRST_COMPLETED)
                for future in done:
                    self._take(future)
                show(search)
        finally:
            for charge, trial in self._shrinking.values():
                search.findings.give_up(charge, trial)

    def _hand_out(self) -> bool:
        """Give the pool more to do; False if there is nothing any more."""
        search = self._search
        left_s = search.seconds - search.elapsed_s
        shrinks_until_s = min(SHRINKS_FOR_SECONDS, left_s + SHRINKS_LONGER_SECONDS)
        if shrinks_until_s > 0:
            for charge, trial in search.findings.to_shrink():
                future = self._pool.submit(shrunk, trial, charge, subject=search.subject, seconds=shrinks_until_s)
                self._shrinking[future] = (charge, trial)
        while left_s > 0 and len(self._trying) < 2 * self._at_once:
            trials = [search.guide.draw() for _ in range(self._batch)]
            self._trying.add(self._pool.submit(tried, trials, search.subject))
        return bool(self._trying or self._shrinking)

    def _take(self, future: Future[Any]) -> None:
        if future in self._trying:
            self._trying.discard(future)
            for outcome in future.result():
                self._search.note(outcome)
        else:
            charge, found = self._shrinking.pop(future)
            self._search.findings.settle(charge, found, future.result())


def tried(trials: Sequence[Trial], subject: Subject) -> list[Outcome]:
    """In a pool process: what came of each."""
    with stoppable():
        return [outcome_of(trial, perform(trial, subject)) for trial in trials]


def shrunk(trial: Trial, charge: Charge, *, subject: Subject, seconds: float) -> Trial:
    """In a pool process: the smallest trial found within `seconds` that the same checker accuses."""
    until_s = time.monotonic() + seconds
    seeds = OTHER_SEEDS if subject.world == "simulated" else ()  # no seed repeats a real run

    def fails(smaller: Trial) -> Trial | None:
        for seed in dict.fromkeys((smaller.seed, *seeds)):
            attempt = Trial(posted=smaller.posted, plan=smaller.plan, seed=seed)
            if charge in charges_of(perform(attempt, subject).execution):
                return attempt
        return None

    with stoppable():
        return shrink(trial, fails, is_over=lambda: time.monotonic() >= until_s)


def _summed(one: Counts, other: Counts) -> Counts:
    if not one or not other:
        return one or other
    pairs = {key: (one[key], other.get(key)) for key in one}
    return {key: None if a is None or b is None else a + b for key, (a, b) in pairs.items()}
