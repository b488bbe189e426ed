"""Entries are reclaimed sooner than work on them ends: two workers send the same mail."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.queue import Queue, Reading, Reclaim

CAUGHT_BY, IN = "no_unexplained_second_mail", "baseline"

_sound = Queue.tend


async def _tend(self: Queue, *, most_parked: int, reclaim: Reclaim | None) -> list[Reading]:
    return await _sound(self, most_parked=most_parked, reclaim=reclaim and Reclaim(0.02, reclaim.most))


def plant() -> AbstractContextManager[Any]:
    return patch.object(Queue, "tend", _tend)
