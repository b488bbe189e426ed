"""An older worker acknowledges what a later release wrote, as somebody else's business: nobody ever does it."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference import versions
from reference.connection import GROUP, STREAM, call
from reference.delivery import Delivery, Ending
from reference.queue import Entry

CAUGHT_BY, IN = "every_accepted_event_is_stored_once", "schema_change_in_the_queue"

_sound = Delivery._settle


async def _settle(self: Delivery, entry: Entry, ending: Ending) -> None:
    try:
        versions.as_json(entry.event, newest=self._settings.entry_version)
    except versions.NewerVersionError:
        await call(self._leases.queue._redis, "XACK", STREAM, GROUP, entry.entry_id)
        await call(self._leases.queue._redis, "XDEL", STREAM, entry.entry_id)
    else:
        await _sound(self, entry, ending)


def plant() -> AbstractContextManager[Any]:
    return patch.object(Delivery, "_settle", _settle)
