"""What cannot be stored is dropped with a line in the log: its status stays processing, and there is no dead letter."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.connection import GROUP, STREAM, call
from reference.delivery import Delivery, Done, Ending
from reference.queue import Entry

CAUGHT_BY, IN = "every_status_becomes_final", "poison_event"

_sound = Delivery._settle


async def _settle(self: Delivery, entry: Entry, ending: Ending) -> None:
    if isinstance(ending, Done) and ending.status == "failed":
        await call(self._leases.queue._redis, "XACK", STREAM, GROUP, entry.entry_id)
        await call(self._leases.queue._redis, "XDEL", STREAM, entry.entry_id)
    else:
        await _sound(self, entry, ending)


def plant() -> AbstractContextManager[Any]:
    return patch.object(Delivery, "_settle", _settle)
