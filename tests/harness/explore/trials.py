"""Trials for tests: small ones, and a large one with a planted race in it."""

from __future__ import annotations

from random import Random
from typing import Any

from harness.explore.attempt import Subject
from harness.explore.trial import Trial
from harness.faults import FlagFlips, Planned, RedisLosesReplies, SendGridAnswers, WorkerCrashes, at_operation, between, upon
from harness.traffic import Posted

ASYNC = Subject(system="async", world="simulated")
CRASH = upon(at_operation(3, after_seconds=1.0), WorkerCrashes(), for_seconds=2.0)
OUTAGE = between(1.0, 4.0, SendGridAnswers(status=503))


def flawed(path: str) -> Subject:
    """The asynchronous reference with a flaw."""
    return Subject(system="async", world="simulated", flaw=path)


def trial(*plan: Planned, events: int = 1, seed: int = 1, **settings: Any) -> Trial:
    """A trial of so many events, a second apart from the first on."""
    posted = tuple(Posted(at_seconds=1.0 + number, id=f"evt_{number:03}", **settings) for number in range(events))
    return Trial(posted=posted, plan=plan, seed=seed)


def crowded(seed: int) -> Trial:
    """Fifty events in eight seconds and three faults, of which one matters to a worker that acknowledges too early."""
    random = Random("crowded")
    moments_s = sorted(round(random.uniform(0.0, 8.0), 3) for _ in range(50))
    plan = (
        between(1, 2, RedisLosesReplies(role="api")),
        upon(at_operation(seed, after_seconds=2.5), WorkerCrashes(), for_seconds=2.0),
        between(5, 8, FlagFlips(percent=50)),
    )
    posted = tuple(Posted(at_seconds=at_s, id=f"evt_{number:03}") for number, at_s in enumerate(moments_s))
    return Trial(posted=posted, plan=plan, seed=seed)
