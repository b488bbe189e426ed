"""Traffic: which events are posted, and when. Plain data drawn from a seed; `runner` turns it into clients.

A `Traffic` is a few streams side by side (`+` joins them); each stream lays out `Submission`s. `steady` is the smallest to copy.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

from harness.streams import (
    AWKWARD_IDS,
    AwkwardIds,
    Content,
    Contradiction,
    Listed,
    Lookalikes,
    Poison,
    Posted,
    Quarrel,
    Steady,
    Storm,
    Stream,
)
from harness.submissions import REFUSED_DOMAIN, SOURCE, Email, Event, Submission

__all__ = [
    "AWKWARD_IDS",
    "REFUSED_DOMAIN",
    "SOURCE",
    "AwkwardIds",
    "Content",
    "Contradiction",
    "Email",
    "Event",
    "Listed",
    "Lookalikes",
    "Poison",
    "Posted",
    "Quarrel",
    "Steady",
    "Storm",
    "Stream",
    "Submission",
    "Traffic",
    "awkward_ids",
    "contradiction",
    "lookalikes",
    "of_events",
    "poison",
    "quarrel",
    "steady",
    "storm",
]


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


def quarrel(*, pairs: int, copies: int, at_seconds: tuple[float, ...]) -> Traffic:
    """The same pairs with two payloads at the same moment, many times."""
    return Traffic((Quarrel(pairs=pairs, copies=copies, at_seconds=at_seconds),))


def poison(*, at_seconds: tuple[float, ...]) -> Traffic:
    """Events nobody can finish."""
    return Traffic((Poison(at_seconds=at_seconds),))


def of_events(events: Iterable[Posted]) -> Traffic:
    """Exactly these events: `of_events([traffic.Posted(at_seconds=1, id="evt_1")])`."""
    return Traffic((Listed(events=tuple(events)),))


def awkward_ids(*, at_seconds: float) -> Traffic:
    """Ids that are hard to ask for: a service may refuse them, or keep its promises for them, too."""
    return Traffic((AwkwardIds(at_seconds=at_seconds),))
