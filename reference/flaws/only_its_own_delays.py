"""Each worker brings back only what it put off itself: what a worker that is gone had put off waits for ever."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference import queue
from reference.connection import DELAYED, PARKED, STREAM
from reference.flaws import together
from reference.queue import Delay, Queue, Reading, Reclaim

CAUGHT_BY, IN = "every_accepted_event_is_mailed", "schema_change_in_the_queue"

_delay, _tend = Queue.delay, Queue.tend


async def _noted(self: Queue, delays: Sequence[Delay]) -> list[bool]:
    self.__dict__["puts_off"] = True
    return await _delay(self, delays)


async def _if_own(self: Queue, *, most_parked: int = 250, reclaim: Reclaim | None = None) -> list[Reading]:
    if self.__dict__.get("puts_off"):
        return await _tend(self, most_parked=most_parked, reclaim=reclaim)
    most, idle_ms = (reclaim.most, int(reclaim.idle_seconds * 1000)) if reclaim else (0, 0)
    answer = await self._run("tend", keys=[STREAM, DELAYED, PARKED], args=["0", "0", most, idle_ms])
    return queue._readings(answer[2])


def plant() -> AbstractContextManager[Any]:
    return together(patch.object(Queue, "delay", _noted), patch.object(Queue, "tend", _if_own))
