"""Which faults met which moment of an event's life, from a history; holes are what an exploration never tried.

A fault *struck* an event at the moment its life had come to when the fault began, and *lasted over* every moment the life went
through until it ended. Only faults with evidence count. `guide.py` draws towards the holes, `report/exploration.py` shows them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from harness.checkers.promises import FINAL_STATUSES, first_shown, first_stored_s, planned_fault, sightings
from harness.history import Call, Handed, History, Pair, Post, Suffered

MOMENTS = ("before accept", "queued", "taken", "stored", "mailing", "mailed", "acknowledged")
WITHOUT_WORKERS = ("before accept", "stored", "mailing", "mailed", "acknowledged")  # the answer comes last there
WITHOUT_MAIL = ("mailing", "mailed")

ROLE = "role"

Cell = tuple[str, str]  # a fault's label and a moment
Together = tuple[str, str]  # the labels of two faults, in order


@dataclass
class Coverage:
    """How many events each fault met at each moment, and in how many plans two faults were open together."""

    struck: Counter[Cell] = field(default_factory=Counter)
    lasted_over: Counter[Cell] = field(default_factory=Counter)
    together: Counter[Together] = field(default_factory=Counter)

    def add(self, other: Coverage) -> None:
        """Count another history's as well."""
        self.struck.update(other.struck)
        self.lasted_over.update(other.lasted_over)
        self.together.update(other.together)

    @property
    def reached(self) -> set[Cell | Together]:
        """Everything that was met at least once."""
        return {*self.struck, *self.together}


@dataclass(frozen=True)
class Life:
    """When one event came to each moment of its life, in seconds; infinity for what never came."""

    posted_s: float
    accepted_s: float = math.inf
    taken_s: float = math.inf
    stored_s: float = math.inf
    mailed_s: float = math.inf
    acknowledged_s: float = math.inf
    calls: tuple[tuple[float, float], ...] = ()

    def moment(self, at_s: float) -> str:
        """How far it had come; "" before it was posted."""
        if at_s < self.posted_s:
            return ""
        if at_s >= self.acknowledged_s:
            return "acknowledged"
        if any(begin_s <= at_s < end_s for begin_s, end_s in self.calls):
            return "mailing"
        came_s = {"mailed": self.mailed_s, "stored": self.stored_s, "taken": self.taken_s, "queued": self.accepted_s}
        return next((moment for moment, since_s in came_s.items() if at_s >= since_s), "before accept")

    def moments(self, begin_s: float, end_s: float) -> set[str]:
        """Everything it went through in a stretch of time."""
        turns = [self.posted_s, self.accepted_s, self.taken_s, self.stored_s, self.mailed_s, self.acknowledged_s]
        turns += [at_s for call in self.calls for at_s in call]
        return {self.moment(at_s) for at_s in (begin_s, *turns, end_s) if begin_s <= at_s <= end_s} - {""}


def coverage_of(history: History) -> Coverage:
    """What one history reached."""
    coverage, lives = Coverage(), list(lives_of(history).values())
    bitten = [fault for fault in history.of(Suffered) if fault.evidence]
    for fault in bitten:
        label = label_of(planned_fault(history, fault), fault.name)
        for life in lives:
            if struck := life.moment(fault.begin_s):
                coverage.struck[label, struck] += 1
            coverage.lasted_over.update((label, moment) for moment in life.moments(fault.begin_s, fault.end_s))
    for one, other in combinations(bitten, 2):
        if one.begin_s <= other.end_s and other.begin_s <= one.end_s:
            first, second = sorted(label_of(planned_fault(history, fault), fault.name) for fault in (one, other))
            coverage.together[first, second] = 1
    return coverage


def moments_of(offers: Iterable[str]) -> tuple[str, ...]:
    """The moments an event of a system can come to."""
    has = set(offers)
    return tuple(
        moment for moment in (MOMENTS if "worker" in has else WITHOUT_WORKERS) if "mails" in has or moment not in WITHOUT_MAIL
    )


def label_of(planned: Mapping[str, Any], name: str) -> str:
    """What a fault is called in the table: its name, and those of its settings that are words, but not whom it hurts."""
    words = [value for name, value in planned.get("settings", {}).items() if isinstance(value, str) and name != ROLE]
    return " ".join([name, *words])


def lives_of(history: History) -> dict[Pair, Life]:
    """The life of every event somebody posted."""
    promised, stored_s, shown = history.promised, first_stored_s(history), sightings(history)
    calls, handed = history.by_pair(Call), history.by_pair(Handed)
    lives = {}
    for pair, posts in history.by_pair(Post).items():
        seen = shown.get(pair, [])
        final_s = [sighting.end_s for sighting in seen if sighting.status in FINAL_STATUSES]
        processing = first_shown(seen, "processing")
        taken_s = [entry.at_s for entry in handed.get(pair, [])] + ([processing.end_s] if processing else [])
        own = calls.get(pair, [])
        lives[pair] = Life(
            posted_s=min(post.begin_s for post in posts),
            accepted_s=promised[pair].end_s if pair in promised else math.inf,
            taken_s=min(taken_s, default=math.inf),
            stored_s=stored_s.get(pair, math.inf),
            mailed_s=min((call.end_s for call in own if call.taken), default=math.inf),
            acknowledged_s=min(final_s, default=math.inf),
            calls=tuple((call.begin_s, call.end_s) for call in own),
        )
    return lives
