"""What may be drawn for a system in a world: faults it offers, which that world can make, and which its claims cover.

Settings of a fault are drawn from its own fields: one of a `Literal`'s words, or what `SETTINGS` says; any other keeps its
default. So a new fault is explored as soon as it is in `faults.FAULTS`, and a line here makes its numbers vary.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from random import Random
from typing import Any, Literal, get_args, get_origin, get_type_hints

from harness.explore.coverage import ROLE
from harness.explore.trial import INGEST_RECOVERS_WITHIN_SECONDS, Trial, turns_the_flag_without_redis
from harness.faults import FAULTS, At, AtOperation, Fault, NoFault, Planned, RedisEvicts, Trigger, UponMail
from harness.runner import why_not_applicable
from harness.systems import System
from harness.traffic import Content, Posted

SETTINGS: Mapping[tuple[str, str], Sequence[Any]] = {
    ("SendGridAnswers", "status"): (400, 401, 403, 413, 500, 502, 503, 503),
    ("SendGridRateLimits", "mails"): (0, 0, 1, 3),
    ("SendGridRateLimits", "window_seconds"): (1, 2, 5),
    ("SendGridLosesReplies", "share"): (0.5, 1.0),
    ("SendGridStalls", "seconds"): (1.0, 3.0, 8.0),
    ("SendGridRejects", "share"): (0.2, 0.5),
    ("PostgresAborts", "share"): (0.2, 0.5, 1.0),
    ("FlagFlips", "percent"): (0, 0, 50),
}
# What a 202 survives must be claimed before a server is killed: [claims] durability.
CLAIMED: Mapping[str, str] = dict.fromkeys(
    ("RedisCrashes", "RedisLoads", "RedisDiskFills", "PostgresCrashes", "PostgresDiskFills"), "durability"
)
BEYOND_EVERY_CLAIM = (NoFault, RedisEvicts)  # the one proves nothing, the other takes what nobody can keep
DURABILITY: Mapping[str | None, tuple[str, ...]] = {
    None: (),
    "process-crash": ("process-crash",),
    "power-loss": ("process-crash", "power-loss"),
}
LASTS_SECONDS = (0.05, 0.3, 0.7, 1.5, 2.5, 4.0, 5.5, 8.0, 12.0)
SHORTEST_SECONDS: Mapping[str, float] = {
    "sendgrid": 2.5,
    "flag": 2.5,
    "postgres": 0.7,
}  # of what shows only when something else happens
MOST_FAULTS, MOST_EVENTS, FEWEST_EVENTS = 3, 20, 5
FURTHEST_OPERATION, FURTHEST_MAIL = 15, 4
AROUND_SECONDS = (-0.2, 0.6)  # of an event's POST: where times are drawn
MOST_SEEDS = 10_000
LATE = "late_"
CONTENTS: Mapping[Content, int] = {"usual": 90, "nul": 5, "refused": 5}


@dataclass(frozen=True)
class Space:
    """What may be drawn for one system in one world."""

    system: System
    world: str

    @property
    def kinds(self) -> tuple[type[Fault], ...]:
        """Kinds of faults that may be drawn."""
        return tuple(kind for kind in FAULTS.values() if kind not in BEYOND_EVERY_CLAIM and self._covers(kind))

    @property
    def labels(self) -> list[str]:
        """What the faults that may be drawn are called in the table (see `coverage.label_of`)."""
        return [" ".join([kind.__name__, *words]) for kind in self.kinds for words in product(*self._words(kind))]

    def _words(self, kind: type[Fault]) -> list[tuple[str, ...]]:
        hints = get_type_hints(kind)
        choices = [(field.name, get_args(hints[field.name])) for field in dataclasses.fields(kind)]
        durable = DURABILITY[self.system.claims.durability]
        in_words = [(name, words) for name, words in choices if words and isinstance(words[0], str) and name != ROLE]
        return [durable if name == "loss" else words for name, words in in_words]

    def _covers(self, kind: type[Fault]) -> bool:
        claim = CLAIMED.get(kind.__name__)
        if claim is not None and getattr(self.system.claims, claim) is None:
            return False
        return not why_not_applicable([Planned(kind(), At(0.0), 0.0)], self.system, world=self.world)

    def fault(self, random: Random, kind: type[Fault]) -> Fault:
        """A fault of that kind with settings the claims cover."""
        hints = get_type_hints(kind)
        fields = dataclasses.fields(kind)
        drawn = {field.name: self._setting(random, kind, field=field, hint=hints[field.name]) for field in fields}
        return kind(**drawn)

    def _setting(self, random: Random, kind: type[Fault], *, field: dataclasses.Field[Any], hint: Any) -> Any:
        if field.name == "loss":
            return random.choice(DURABILITY[self.system.claims.durability])
        if choices := SETTINGS.get((kind.__name__, field.name)):
            return random.choice(choices)
        if get_origin(hint) is Literal:
            return random.choice(get_args(hint))
        return field.default

    def planned(self, random: Random, kind: type[Fault], posted: Sequence[Posted]) -> Planned:
        """A fault of that kind that begins in the life of one of the events."""
        least_s = SHORTEST_SECONDS.get(kind.needs, 0.0)
        lasts_s = random.choice([seconds for seconds in LASTS_SECONDS if seconds >= least_s])
        trigger = self.trigger(random, posted)
        if isinstance(trigger, At) and kind.needs == "sendgrid":  # it is seen when a mail comes
            trigger = At(round(max(0.0, trigger.seconds - AROUND_SECONDS[1]), 3))
        return Planned(self.fault(random, kind), trigger, lasts_s)

    def trigger(self, random: Random, posted: Sequence[Posted]) -> Trigger:
        """A moment soon after one of the events is posted: a time, an I/O operation (simulated only) or a mail."""
        posted_s = random.choice(posted).at_seconds
        kind = random.choices(("at", "operation", "mail"), weights=self._weights())[0]
        if kind == "operation":
            after_s = round(max(0.0, posted_s - 0.01), 2)
            return AtOperation(random.randint(1, FURTHEST_OPERATION), after_s, sent=random.random() < 0.5)
        if kind == "mail":
            return UponMail(random.randint(1, FURTHEST_MAIL), round(posted_s, 2))
        return At(round(max(0.0, posted_s + random.uniform(*AROUND_SECONDS)), 3))

    def _weights(self) -> tuple[int, int, int]:
        return 45, 40 if self.world == "simulated" else 0, 15 if "mails" in self.system.offers else 0

    def trial(self, random: Random, weights: Mapping[type[Fault], float]) -> Trial:
        """A whole trial; kinds with greater weights are drawn more often."""
        posted = events(random, span_s=random.uniform(1.0, 8.0))
        number = random.choices(range(1, MOST_FAULTS + 1), weights=(25, 40, 35))[0]
        kinds = random.choices(list(weights), weights=list(weights.values()), k=number)
        plan = tuple(self.planned(random, kind, posted) for kind in kinds)
        return completed(random, Trial(posted=posted, plan=plan, seed=random.randrange(1, MOST_SEEDS)))


def events(random: Random, *, span_s: float) -> tuple[Posted, ...]:
    """Events of several kinds within `span_s` seconds: storms, posts of the same event later on, lookalikes, poison."""
    drawn: list[Posted] = []
    in_bursts = random.random() < 0.3
    moments_s = [random.uniform(0.0, span_s) for _ in range(2 if in_bursts else MOST_EVENTS)]
    for number in range(random.randint(FEWEST_EVENTS, MOST_EVENTS)):
        at_s = round(random.choice(moments_s), 3)
        posted = Posted(
            at_seconds=at_s,
            id=f"evt_{number:03}",
            copies=random.choices((1, 2, 5), weights=(85, 10, 5))[0],
            mailed=random.random() < 0.85,
            content=random.choices(list(CONTENTS), weights=list(CONTENTS.values()))[0],
        )
        drawn += [posted, *_also(random, posted)]
    return tuple(sorted(drawn, key=lambda posted: (posted.at_seconds, posted.id)))


def _also(random: Random, posted: Posted) -> Sequence[Posted]:
    """What is posted on top of an event: the same once more, the same with another payload, or one easily taken for it."""
    later_s = round(posted.at_seconds + random.uniform(0.05, 8.0), 3)
    what = random.choices(("nothing", "again", "changed", "lookalike"), weights=(75, 14, 5, 6))[0]
    if what == "again":
        return [dataclasses.replace(posted, at_seconds=later_s, copies=1)]
    if what == "changed" and posted.content == "usual":
        return [dataclasses.replace(posted, at_seconds=later_s, copies=1, content="changed")]
    return [dataclasses.replace(posted, source="a5:evt", copies=1)] if what == "lookalike" else []


def completed(random: Random, trial: Trial) -> Trial:
    """Now and then two events long after the last fault: they show whether the service came back by itself.

    Without the events that a plan leaves undecided.
    """
    kept = tuple(one for one in trial.posted if not one.id.startswith(LATE))
    if turns_the_flag_without_redis(trial.plan):
        kept = tuple(one for one in kept if one.content != "changed")
    trial = dataclasses.replace(trial, posted=kept)
    end_s = trial.latest_end_seconds
    if end_s is None or random.random() < 0.5:
        return trial
    late = [Posted(at_seconds=round(end_s + INGEST_RECOVERS_WITHIN_SECONDS + 0.5 * n, 3), id=f"{LATE}{n}") for n in (1, 2)]
    return dataclasses.replace(trial, posted=(*trial.posted, *late))
