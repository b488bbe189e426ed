"""The worker ends when Redis is down; whoever supervises it starts it again."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.worker import Worker

CAUGHT_BY, IN, WORLD = "processes_stay_up", "redis_restart", "both"


_sound = Worker._recover


async def _recover(self: Worker, error: Exception) -> None:
    if not str(error).startswith("NOGROUP"):  # a queue that is new is no outage
        raise error
    await _sound(self, error)


def plant() -> AbstractContextManager[Any]:
    return patch.object(Worker, "_recover", _recover)
