"""Nobody looks for what dead workers left: an event in hand when its worker is killed stays in processing for ever."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.queue import Queue, Reading, Reclaim

CAUGHT_BY, IN = "every_status_becomes_final", "worker_crash"

_sound = Queue.tend


async def _tend(self: Queue, *, most_parked: int, reclaim: Reclaim | None) -> list[Reading]:
    return await _sound(self, most_parked=most_parked, reclaim=None)


def plant() -> AbstractContextManager[Any]:
    return patch.object(Queue, "tend", _tend)
