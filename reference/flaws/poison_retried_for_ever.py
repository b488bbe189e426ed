"""An event that the database can never store is put back again and again: nobody hears that it failed."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.delivery import Delivery, Done, Ending, Later
from reference.queue import Entry

CAUGHT_BY, IN = "backlog_drains", "poison_event"

_sound = Delivery._end


async def _end(self: Delivery, entry: Entry) -> Ending:
    ending = await _sound(self, entry)
    return Later(2.0) if isinstance(ending, Done) and ending.reason.startswith("cannot be stored") else ending


def plant() -> AbstractContextManager[Any]:
    return patch.object(Delivery, "_end", _end)
