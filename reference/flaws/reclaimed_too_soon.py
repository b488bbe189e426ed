"""Entries are reclaimed sooner than work on them ends: two workers send the same mail."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.queue import Queue, Reading

CAUGHT_BY, IN = "no_unexplained_second_mail", "baseline"

_sound = Queue.reclaim


async def _reclaim(self: Queue, *, idle_seconds: float, count: int) -> list[Reading]:
    return await _sound(self, idle_seconds=0.02, count=count)


def plant() -> AbstractContextManager[Any]:
    return patch.object(Queue, "reclaim", _reclaim)
