"""How long to wait before trying again: exponential backoff with full jitter, from the process' own random numbers.

Where to go next: ``delivery`` (who waits) and ``settings`` (the bounds).
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

_SHORTEST_SECONDS = 0.02


@dataclass(frozen=True)
class Backoff:
    """Waits that double from ``base_seconds`` up to ``cap_seconds``, each drawn evenly between nearly zero and its bound."""

    random: Random
    base_seconds: float
    cap_seconds: float

    def seconds(self, failures: int) -> float:
        """How long to wait after ``failures`` failed attempts (1 = after the first)."""
        bound = min(self.cap_seconds, self.base_seconds * 2 ** min(failures - 1, 30))
        return self.random.uniform(min(_SHORTEST_SECONDS, bound), bound)

    def spread(self, seconds: float, *, by_seconds: float = 0.5) -> float:
        """``seconds`` made a little longer, so that those who wait for one moment do not all come at once."""
        return seconds + self.random.uniform(0, by_seconds)
