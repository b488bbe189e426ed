"""A worker looks for entries in nobody's hands only when it starts: what is lost on the way later waits for the next deploy."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.queue import Queue, Reading, Reclaim

CAUGHT_BY, IN = "backlog_drains", "zombie_worker_while_redis_loses_replies"

_sound = Queue.tend


async def _tend(self: Queue, *, most_parked: int, reclaim: Reclaim | None) -> list[Reading]:
    has_looked, self.__dict__["has_looked"] = self.__dict__.get("has_looked", False), True
    return await _sound(self, most_parked=most_parked, reclaim=None if has_looked else Reclaim(0.0, 250))


def plant() -> AbstractContextManager[Any]:
    return patch.object(Queue, "tend", _tend)
