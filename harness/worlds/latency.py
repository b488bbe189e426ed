"""How long the mail provider takes over a call: a distribution, as plain data that fits on a command line.

Scenarios use `LOGNORMAL`. A load run that compares before with after uses `AS_PUBLISHED`, which `docs/latency.md` explains.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Quantiles:
    """A distribution by points of its quantile function, (share below, seconds), with straight lines between them.

    The first share is 0, the last one 1; shares and seconds never fall.
    """

    points: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        shares, seconds = zip(*self.points, strict=True)
        if shares[0] != 0.0 or shares[-1] != 1.0 or list(shares) != sorted(set(shares)) or list(seconds) != sorted(seconds):
            raise ValueError(f"{self.points} is no quantile function: shares go from 0 to 1, and nothing ever falls")

    def at(self, share: float) -> float:
        """Seconds below which that share of the calls lies."""
        upper = min(max(bisect_right(self.points, (share, math.inf)), 1), len(self.points) - 1)
        (left, low_s), (right, high_s) = self.points[upper - 1], self.points[upper]
        return low_s + (high_s - low_s) * (share - left) / (right - left)

    def draw(self, random: Random) -> float:
        """Seconds of one call."""
        return self.at(random.random())

    def to_json(self) -> str:
        """One word of a command line."""
        return json.dumps(self.points)

    @classmethod
    def from_json(cls, text: str) -> Quantiles:
        """The distribution `to_json` wrote."""
        return cls(tuple((float(share), float(seconds)) for share, seconds in json.loads(text)))


@dataclass(frozen=True, slots=True)
class Lognormal:
    """A lognormal distribution that is cut off at `longest_s`."""

    median_s: float
    spread: float
    longest_s: float

    def draw(self, random: Random) -> float:
        """Seconds of one call."""
        return min(random.lognormvariate(math.log(self.median_s), self.spread), self.longest_s)


Latency = Lognormal | Quantiles

LOGNORMAL = Lognormal(median_s=0.1, spread=0.35, longest_s=1.0)
