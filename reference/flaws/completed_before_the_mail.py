"""An event is completed as soon as its row is stored: the client stops asking while the mail may still get lost."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.delivery import Delivery, Ending
from reference.events import Event
from reference.queue import Entry

CAUGHT_BY, IN, WORLD = "completed_means_done", "sendgrid_outage", "both"

_sound = Delivery._mail


async def _mail(self: Delivery, entry: Entry, event: Event) -> Ending:
    await self._completed(entry)
    return await _sound(self, entry, event)


def plant() -> AbstractContextManager[Any]:
    return patch.object(Delivery, "_mail", _mail)
