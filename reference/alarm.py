"""Rings when something falls due: whoever waits sleeps until the earliest moment that was named, however often nobody asks.

Where to go next: ``queue`` (names the moments) and ``worker`` (waits for them).
"""

from __future__ import annotations

import asyncio
import heapq
import math

_GRAIN_SECONDS = 0.2  # what falls due together rings once, so that it comes back as one batch


class Alarm:
    """Moments to wake at, on the event loop's clock; each rings up to ``_GRAIN_SECONDS`` late, never early."""

    def __init__(self) -> None:
        self._moments: list[int] = []  # in grains, a heap
        self._sooner = asyncio.Event()

    def set(self, seconds: float) -> None:
        """Ring in ``seconds``."""
        moment = math.ceil((asyncio.get_running_loop().time() + seconds) / _GRAIN_SECONDS)
        if moment not in self._moments:
            heapq.heappush(self._moments, moment)
            self._sooner.set()

    async def wait(self, *, at_most_seconds: float) -> None:
        """Return when the next moment has come, or after ``at_most_seconds``."""
        now = asyncio.get_running_loop().time
        until = now() + at_most_seconds
        while (left_seconds := min(until, self._next()) - now()) > 0:
            self._sooner.clear()
            timer = asyncio.get_running_loop().call_later(left_seconds, self._sooner.set)
            try:
                await self._sooner.wait()
            finally:
                timer.cancel()
        while self._next() <= now():
            heapq.heappop(self._moments)

    def _next(self) -> float:
        return self._moments[0] * _GRAIN_SECONDS if self._moments else math.inf
