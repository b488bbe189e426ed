"""A worker has one event in hand at a time: a backlog drains at the pace of the slowest call of each event."""

import asyncio
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.delivery import Delivery, Ending
from reference.queue import Entry

CAUGHT_BY, IN, WORLD = "backlog_drains", "backlog", "real"

_sound = Delivery.deliver


async def _deliver(self: Delivery, entry: Entry) -> Ending | None:
    turn: asyncio.Lock = self.__dict__.setdefault("turn", asyncio.Lock())
    async with turn:
        return await _sound(self, entry)


def plant() -> AbstractContextManager[Any]:
    return patch.object(Delivery, "deliver", _deliver)
