"""A deadline that still takes an answer which is there already, though nobody could read it in time.

A process that stood still (SIGSTOP, a stalled machine) wakes with its timers overdue. An ordinary time-out then cancels a call
whose answer waits in the socket, and a mail that was taken looks as if it had got no answer, and is sent again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_STOOD_STILL_SECONDS = 0.1  # a timer that fires so late says that nothing else ran either
_LAST_CHANCE_SECONDS = 0.25  # to read what has arrived meanwhile


@asynccontextmanager
async def deadline(seconds: float) -> AsyncIterator[None]:
    """``asyncio.timeout``, but after a standstill the block gets a quarter of a second more. Raises TimeoutError."""
    loop = asyncio.get_running_loop()
    due = loop.time() + seconds
    async with asyncio.timeout(None) as limit:

        def is_due() -> None:
            nonlocal timer
            if loop.time() - due > _STOOD_STILL_SECONDS:
                timer = loop.call_later(_LAST_CHANCE_SECONDS, end)
            else:
                end()

        def end() -> None:
            limit.reschedule(loop.time())

        timer = loop.call_at(due, is_due)
        try:
            yield
        finally:
            timer.cancel()
