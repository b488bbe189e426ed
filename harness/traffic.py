"""Traffic: which events are posted, and when. Plain data drawn from a seed; `runner` turns it into clients.

A `Traffic` is a few streams side by side (`+` joins them); each stream lays out `Submission`s. `steady` is the smallest to copy.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

from harness.history import Pair

SOURCE = "a5"
REFUSED_DOMAIN = "refused.example"  # the provider answers 400 for every address there


@dataclass(frozen=True, slots=True)
class Email:
    """The mail an event asks for."""

    to: str
    subject: str = "Ready"
    text: str = "Your page is ready."


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event of the ingest contract."""

    id: str
    source: str = SOURCE
    type: str = "page.published"
    data: Mapping[str, Any] = field(default_factory=dict)
    email: Email | None = None
    poison: bool = False  # acceptable, but the service cannot finish it

    @property
    def pair(self) -> Pair:
        """Its identity."""
        return Pair(self.source, self.id)

    @property
    def payload(self) -> str:
        """A digest of {type, data, email}: equal digests are equal payloads."""
        body = {key: value for key, value in self.to_json().items() if key not in ("id", "source")}
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]

    def to_json(self) -> dict[str, Any]:
        """The body of POST /ingest."""
        body: dict[str, Any] = {"id": self.id, "source": self.source, "type": self.type, "data": dict(self.data)}
        if self.email is not None:
            body["email"] = dataclasses.asdict(self.email)
        return body


@dataclass(frozen=True, slots=True)
class Submission:
    """One event posted at `at_s`, `copies` times at once (each copy by a client of its own)."""

    at_s: float
    event: Event
    copies: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Steady:
    """`per_second` events for `for_seconds`, evenly spread with jitter; a share of them asks for a mail."""

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
            Submission((number + random.random()) * gap, _event(f"evt_{number:06d}", mailed=random.random() < self.mailed))
            for number in range(count)
        ]

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
        events = [_event(f"storm_{number:04d}", mailed=True) for number in range(self.events)]
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
            Submission(self.at_seconds + 0.4 * number, _event(name, source=source, mailed=True))
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
        first = dataclasses.replace(_event("contradicted", mailed=True), data={"number": "contradicted", "colour": "red"})
        same = dataclasses.replace(first, data=dict(reversed(list(first.data.items()))))
        other = dataclasses.replace(first, data={"number": "another payload"})
        return [Submission(self.at_seconds + 0.5 * number, event) for number, event in enumerate((first, same, other))]

    def thinned(self, to: int) -> Contradiction:
        return self


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
            nul = dataclasses.replace(_event(f"nul_{number}", mailed=True), data={"text": "a\u0000b"}, poison=True)
            refused = dataclasses.replace(
                _event(f"refused_{number}", mailed=True), email=Email(f"reader@{REFUSED_DOMAIN}"), poison=True
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
        event = _event(self.id, source=self.source, mailed=self.mailed or self.content == "refused")
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


Stream = Steady | Storm | Lookalikes | Contradiction | Poison | Listed


@dataclass(frozen=True, slots=True)
class Traffic:
    """Streams of submissions side by side."""

    streams: tuple[Stream, ...]

    def __add__(self, other: Traffic) -> Traffic:
        return Traffic(self.streams + other.streams)

    @property
    def story(self) -> str:
        """What is posted, in one sentence."""
        return "; ".join(stream.story for stream in self.streams)

    def thinned(self, to: int = 20) -> Traffic:
        """The same in at most about `to` events a stream: what the simulation runs unless asked for full traffic."""
        return Traffic(tuple(stream.thinned(to) for stream in self.streams))

    def lay_out(self, random: Random) -> list[Submission]:
        """Every submission in order of time; equal random states give equal submissions."""
        laid_out = [submission for stream in self.streams for submission in stream.lay_out(random)]
        return sorted(laid_out, key=lambda submission: submission.at_s)


def steady(*, per_second: float, for_seconds: float, mailed: float = 1.0) -> Traffic:
    """Events at a constant rate."""
    return Traffic((Steady(per_second=per_second, for_seconds=for_seconds, mailed=mailed),))


def storm(*, events: int, copies: int, at_seconds: tuple[float, ...]) -> Traffic:
    """The same events many times at once, and again later."""
    return Traffic((Storm(events=events, copies=copies, at_seconds=at_seconds),))


def lookalikes(*, at_seconds: float) -> Traffic:
    """Different events that a joined key would take for the same."""
    return Traffic((Lookalikes(at_seconds=at_seconds),))


def contradiction(*, at_seconds: float) -> Traffic:
    """The same pair three times, the last time with another payload."""
    return Traffic((Contradiction(at_seconds=at_seconds),))


def poison(*, at_seconds: tuple[float, ...]) -> Traffic:
    """Events nobody can finish."""
    return Traffic((Poison(at_seconds=at_seconds),))


def of_events(events: Iterable[Posted]) -> Traffic:
    """Exactly these events: `of_events([traffic.Posted(at_seconds=1, id="evt_1")])`."""
    return Traffic((Listed(events=tuple(events)),))


def _event(name: str, *, mailed: bool, source: str = SOURCE) -> Event:
    email = Email(f"{name.replace(':', '.')}@example.com") if mailed else None
    return Event(id=name, source=source, data={"number": name}, email=email)
