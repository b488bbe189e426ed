"""The mail goes out before the row is there: while Postgres is away every retry mails the reader once more."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.delivery import Delivery, Ending
from reference.events import Event
from reference.queue import Entry

CAUGHT_BY, IN = "no_unexplained_second_mail", "postgres_restart"

_sound = Delivery._process


async def _process(self: Delivery, entry: Entry, event: Event) -> Ending:
    await self._postman.post(event, just_before=lambda: self._may_mail(entry))
    self._mailed.add(entry.entry_id)
    return await _sound(self, entry, event)


def plant() -> AbstractContextManager[Any]:
    return patch.object(Delivery, "_process", _process)
