"""When requests are due: seconds since the start of the run, drawn from a seed, whatever the service does meanwhile.

A `Stream` is a rate with a `Shape` over time. Arrivals are found by inverting the cumulated rate: one is due whenever
another unit of area (constant) or an exponentially distributed area (Poisson) lies under the rate's curve.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Literal, get_args

Arrivals = Literal["constant", "poisson"]
ARRIVALS: tuple[Arrivals, ...] = get_args(Arrivals)


@dataclass(frozen=True, slots=True)
class Shape:
    """The rate over time, as factors: from each `at_s` on, the rate is multiplied by `factor`. The last one lasts."""

    steps: tuple[tuple[float, float], ...] = ((0.0, 1.0),)  # (at_s, factor), the first at 0

    @classmethod
    def parse(cls, text: str) -> Shape:
        """`flat`, `steps:FACTORxSECONDS,...` (the last one lasts) or `spike:FACTOR@BEGIN+SECONDS`. Raises ValueError."""
        word, _, rest = text.partition(":")
        try:
            if text == "flat":
                return cls()
            if word == "steps":
                return _steps([_numbers(part, "x") for part in rest.split(",")])
            if word == "spike":
                factor, when = rest.split("@")
                begin_s, length_s = _numbers(when, "+")
                return _steps([(1.0, begin_s), (float(factor), length_s), (1.0, 1.0)])
        except ValueError:
            pass  # told below
        raise ValueError(
            f"'{text}' is no shape: write flat, or steps:1x10,2x10 (factor x seconds, the last one lasts), "
            "or spike:5@20+10 (factor @ begin + seconds)"
        )

    def segments(self) -> Iterator[tuple[float, float, float]]:
        """(begin_s, end_s, factor) in order, the last one without end."""
        ends = [at for at, _ in self.steps[1:]] + [math.inf]
        return ((at, end, factor) for (at, factor), end in zip(self.steps, ends, strict=True))


@dataclass(frozen=True, slots=True)
class Window:
    """Requests are only due inside: `length_s` of every `period_s`, for the first time after `offset_s`."""

    offset_s: float
    length_s: float
    period_s: float

    @classmethod
    def parse(cls, text: str) -> Window:
        """`OFFSET/LENGTH/PERIOD` in seconds. Raises ValueError."""
        try:
            offset_s, length_s, period_s = (float(part) for part in text.split("/"))
        except ValueError:
            offset_s, length_s, period_s = -1.0, 0.0, 0.0
        if not (0 <= offset_s < math.inf and 0 < length_s <= period_s < math.inf):
            raise ValueError(
                f"'{text}' is no window: write OFFSET/LENGTH/PERIOD in seconds, the length within the period, as 10/9/20"
            )
        return cls(offset_s, length_s, period_s)

    def contains(self, at_s: float) -> bool:
        """Whether a request may be due then."""
        return at_s >= self.offset_s and (at_s - self.offset_s) % self.period_s < self.length_s


@dataclass(frozen=True, slots=True)
class Stream:
    """`per_second` arrivals a second on average where the shape's factor is 1."""

    per_second: float
    arrivals: Arrivals = "poisson"
    shape: Shape = Shape()
    window: Window | None = None

    def times(self, random: Random) -> Iterator[float]:
        """Seconds since the start, rising, without end (unless the rate falls to nothing for good)."""
        window = self.window
        return (at for at in self._all_times(random) if window is None or window.contains(at))

    def _all_times(self, random: Random) -> Iterator[float]:
        # Constant streams begin anywhere in their first gap: those of several users must not fire in step.
        area = random.random() if self.arrivals == "constant" else random.expovariate(1.0)
        for begin_s, end_s, factor in self.shape.segments():
            rate = self.per_second * factor
            at = begin_s
            while rate > 0 and at + area / rate < end_s:
                at += area / rate
                yield at
                area = 1.0 if self.arrivals == "constant" else random.expovariate(1.0)
            if math.isfinite(end_s):
                area -= (end_s - at) * rate


def _steps(factors: list[tuple[float, float]]) -> Shape:
    at_s = 0.0
    steps = []
    for factor, length_s in factors:
        if not (0 <= factor < math.inf and 0 < length_s < math.inf):
            raise ValueError("a factor below zero, or no length")
        steps.append((at_s, factor))
        at_s += length_s
    return Shape(tuple(steps))


def _numbers(text: str, between: str) -> tuple[float, float]:
    first, second = text.split(between)
    return float(first), float(second)
