"""A deadline that still takes an answer which is there already, though nobody could read it in time.

A process that stood still (SIGSTOP, a stalled machine) wakes with its timers overdue. An ordinary time-out then cancels a call
whose answer waits in the socket, and a mail that was taken looks as if it had got no answer, and is sent again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_STOOD_STILL_SECONDS = 0.1  # a timer that fires so late says that nothing else ran either
_LAST_CHANCE_SECONDS = 1.0  # to read what has arrived meanwhile, and the answer to what left only now


@asynccontextmanager
async def deadline(seconds: float) -> AsyncIterator[None]:
    """``asyncio.timeout``, but after a standstill the block has a second from then on. Raises TimeoutError."""
    async with asyncio.timeout(None) as limit:
        timer = _Timer(limit, seconds)
        try:
            yield
        finally:
            timer.cancel()


class _Timer:
    """Ends ``limit`` when it is due, or a little later if nothing ran just then or just before."""

    def __init__(self, limit: asyncio.Timeout, seconds: float) -> None:
        self._limit, self._loop = limit, asyncio.get_running_loop()
        self._due = self._loop.time() + seconds
        self._looks_at = self._due - min(_LAST_CHANCE_SECONDS, seconds / 2)
        self._handle = self._loop.call_at(self._looks_at, self._look)

    def cancel(self) -> None:
        self._handle.cancel()

    def _look(self) -> None:
        """A moment before it is due: a process that woke only now has had no time to read."""
        now = self._loop.time()
        if now - self._looks_at > _STOOD_STILL_SECONDS:
            self._handle = self._loop.call_at(max(self._due, now + _LAST_CHANCE_SECONDS), self._end)
        else:
            self._handle = self._loop.call_at(self._due, self._fire)

    def _fire(self) -> None:
        if self._loop.time() - self._due > _STOOD_STILL_SECONDS:
            self._handle = self._loop.call_later(_LAST_CHANCE_SECONDS, self._end)
        else:
            self._end()

    def _end(self) -> None:
        self._limit.reschedule(self._loop.time())
