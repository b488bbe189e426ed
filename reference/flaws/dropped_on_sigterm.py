"""Told to stop, the worker acknowledges what it has in hand instead of handing it back."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.queue import Finish
from reference.worker import Worker

CAUGHT_BY, IN = "every_accepted_event_is_mailed", "deploy"


async def _drain(self: Worker, reading: Any) -> None:
    self._stopping.set()
    reading.cancel()
    for entry, task in list(self._tasks.values()):
        task.cancel()
        await self._queue.finish([Finish(entry.entry_id, entry.pair, "completed", "", "", 1)])


def plant() -> AbstractContextManager[Any]:
    return patch.object(Worker, "_drain", _drain)
