"""Workers stop when the flag is turned to the synchronous path: what the queue had taken waits until somebody turns it back."""

import asyncio
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference import flag
from reference.worker import Worker

CAUGHT_BY, IN = "backlog_drains", "rollback_with_backlog"

_sound = Worker._start


async def _start(self: Worker, readings: list[Any]) -> None:
    while readings and await flag.read(self._queue._redis) == 0:
        await asyncio.sleep(0.5)
        await self._queue.renew([reading.entry_id for reading in readings])
    await _sound(self, readings)


def plant() -> AbstractContextManager[Any]:
    return patch.object(Worker, "_start", _start)
