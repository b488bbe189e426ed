"""Events are worked on one by one, and one that cannot be stored keeps its place until it can: nothing behind it is ever done."""

import asyncio
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.delivery import Delivery, Done, Ending
from reference.queue import Entry

CAUGHT_BY, IN = "every_accepted_event_is_stored_once", "poison_event"

_sound = Delivery._end


async def _end(self: Delivery, entry: Entry) -> Ending:
    turn: asyncio.Lock = self.__dict__.setdefault("turn", asyncio.Lock())
    async with turn:
        ending = await _sound(self, entry)
        if isinstance(ending, Done) and ending.reason.startswith("cannot be stored"):
            await asyncio.Event().wait()  # until it can
        return ending


def plant() -> AbstractContextManager[Any]:
    return patch.object(Delivery, "_end", _end)
