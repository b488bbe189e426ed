"""Streams of traffic, a frozen value each: what it is in a sentence, its submissions drawn from a seed, and less of the same.

`traffic.py` joins them. `Steady` is the smallest to copy.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from random import Random
from typing import Literal

from harness.submissions import REFUSED_DOMAIN, SOURCE, Email, Submission, event_of

AWKWARD_IDS = ("a/b", "..", ".", "", "two words", "a%2Fb", "line\r\nbreak", "nul\0", "?source=b5#", "e\u0301v\u00e9nement")


@dataclass(frozen=True, slots=True, kw_only=True)
class Steady:
    """`per_second` events for `for_seconds`, evenly spread with jitter; a share of them asks for a mail, the first if any."""

    per_second: float
    for_seconds: float
    mailed: float = 1.0

    @property
    def story(self) -> str:
        return f"{self.per_second:g} events per second for {self.for_seconds:g} s, {self.mailed:.0%} with a mail"

    def lay_out(self, random: Random) -> list[Submission]:
        gap = 1 / self.per_second
        count = round(self.per_second * self.for_seconds)
        return [
            Submission((number + random.random()) * gap, event_of(f"evt_{number:06d}", mailed=self._is_mailed(number, random)))
            for number in range(count)
        ]

    def _is_mailed(self, number: int, random: Random) -> bool:
        """Never none of them by chance: a run without a mail says nothing of mails."""
        drawn = random.random() < self.mailed
        return drawn or (number == 0 and self.mailed > 0)

    def thinned(self, to: int) -> Steady:
        return dataclasses.replace(self, per_second=min(self.per_second, to / self.for_seconds))


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """`events` events, each posted `copies` times at the same moment, and all of it again at each of `at_seconds`."""

    events: int
    copies: int
    at_seconds: tuple[float, ...]
    gap_seconds: float = 0.2  # from one event to the next

    @property
    def story(self) -> str:
        times = " and ".join(f"{at:g} s" for at in self.at_seconds)
        return f"{self.events} events, each posted {self.copies} times at once, at {times}"

    def lay_out(self, random: Random) -> list[Submission]:
        events = [event_of(f"storm_{number:04d}", mailed=True) for number in range(self.events)]
        return [
            Submission(at + number * self.gap_seconds, event, self.copies)
            for at in self.at_seconds
            for number, event in enumerate(events)
        ]

    def thinned(self, to: int) -> Storm:
        return dataclasses.replace(self, events=min(self.events, max(1, to // 4)), copies=min(self.copies, 8))


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookalikes:
    """Pairs that are easily taken for each other: ("a:b", "c") and ("a", "b:c"), and one id from two sources."""

    at_seconds: float

    @property
    def story(self) -> str:
        return f"four pairs that a joined key would confuse, at {self.at_seconds:g} s"

    def lay_out(self, random: Random) -> list[Submission]:
        pairs = (("a:b", "c"), ("a", "b:c"), ("north", "same-id"), ("south", "same-id"))
        return [
            Submission(self.at_seconds + 0.4 * number, event_of(name, source=source, mailed=True))
            for number, (source, name) in enumerate(pairs)
        ]

    def thinned(self, to: int) -> Lookalikes:
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """One event, then the same in another order of keys, a duplicate, then the same pair with another payload, to be refused."""

    at_seconds: float

    @property
    def story(self) -> str:
        return f"one event posted again in another order of keys, and then with another payload, at {self.at_seconds:g} s"

    def lay_out(self, random: Random) -> list[Submission]:
        first = dataclasses.replace(event_of("contradicted", mailed=True), data={"number": "contradicted", "colour": "red"})
        same = dataclasses.replace(first, data=dict(reversed(list(first.data.items()))))
        other = dataclasses.replace(first, data={"number": "another payload"})
        return [Submission(self.at_seconds + 0.5 * number, event) for number, event in enumerate((first, same, other))]

    def thinned(self, to: int) -> Contradiction:
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarrel:
    """Pairs that are posted with two payloads at the same moment, `copies` times each: one payload wins, the other is refused."""

    pairs: int
    copies: int
    at_seconds: tuple[float, ...]

    @property
    def story(self) -> str:
        times = " and ".join(f"{at:g} s" for at in self.at_seconds)
        return f"{self.pairs} pairs, each posted with two payloads {self.copies} times at once, at {times}"

    def lay_out(self, random: Random) -> list[Submission]:
        sides = [
            (event, dataclasses.replace(event, data={"number": "another payload"}))
            for event in (event_of(f"quarrel_{number:04d}", mailed=True) for number in range(self.pairs))
        ]
        return [
            Submission(at + number * 0.2, side, self.copies)
            for at in self.at_seconds
            for number, pair in enumerate(sides)
            for side in random.sample(pair, 2)
        ]

    def thinned(self, to: int) -> Quarrel:
        return dataclasses.replace(self, pairs=min(self.pairs, max(1, to // 4)), copies=min(self.copies, 6))


@dataclass(frozen=True, slots=True, kw_only=True)
class Poison:
    """Events that are acceptable but cannot be finished: NUL in `data`, or an address the provider refuses for good."""

    at_seconds: tuple[float, ...]

    @property
    def story(self) -> str:
        return f"{2 * len(self.at_seconds)} poison events"

    def lay_out(self, random: Random) -> list[Submission]:
        laid_out = []
        for number, at in enumerate(self.at_seconds):
            nul = dataclasses.replace(event_of(f"nul_{number}", mailed=True), data={"text": "a\u0000b"}, poison=True)
            refused = dataclasses.replace(
                event_of(f"refused_{number}", mailed=True), email=Email(f"reader@{REFUSED_DOMAIN}"), poison=True
            )
            laid_out += [Submission(at, nul), Submission(at + 0.1, refused)]
        return laid_out

    def thinned(self, to: int) -> Poison:
        return self


Content = Literal["usual", "changed", "nul", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """One event written down by hand: its pair, and what is in it.

    `changed` is another payload than `usual` under the same pair; `nul` and `refused` are the two kinds of poison.
    """

    at_seconds: float
    id: str
    source: str = SOURCE
    copies: int = 1
    mailed: bool = True
    content: Content = "usual"

    @property
    def submission(self) -> Submission:
        event = event_of(self.id, source=self.source, mailed=self.mailed or self.content == "refused")
        if self.content == "changed":
            event = dataclasses.replace(event, data={"number": "another payload"})
        elif self.content == "nul":
            event = dataclasses.replace(event, data={"text": "a\u0000b"}, poison=True)
        elif self.content == "refused":
            event = dataclasses.replace(event, email=Email(f"reader@{REFUSED_DOMAIN}"), poison=True)
        return Submission(self.at_seconds, event, self.copies)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """Events written down one by one."""

    events: tuple[Posted, ...]

    @property
    def story(self) -> str:
        number, pairs = len(self.events), len({(posted.source, posted.id) for posted in self.events})
        posts = f"{number} submissions of " if number != pairs else ""
        return f"{posts}{pairs} event{'' if pairs == 1 else 's'}, each at its own time"

    def lay_out(self, random: Random) -> list[Submission]:
        return [posted.submission for posted in self.events]

    def thinned(self, to: int) -> Listed:
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class AwkwardIds:
    """Ids that vanish or change in a URL, in a log or in a database: refused, or as readable as any other."""

    at_seconds: float

    @property
    def story(self) -> str:
        return f"{len(AWKWARD_IDS)} events with ids that are hard to ask for, from {self.at_seconds:g} s on"

    def lay_out(self, random: Random) -> list[Submission]:
        events = [dataclasses.replace(event_of("awkward", mailed=True), id=name, poison=True) for name in AWKWARD_IDS]
        return [Submission(self.at_seconds + 0.2 * number, event) for number, event in enumerate(events)]

    def thinned(self, to: int) -> AwkwardIds:
        return self


Stream = Steady | Storm | Lookalikes | Contradiction | Quarrel | Poison | Listed | AwkwardIds
