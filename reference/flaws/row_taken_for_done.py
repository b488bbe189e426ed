"""Whoever takes an event up again and finds its row believes that all is done: a crash between row and mail loses the mail."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.delivery import Delivery, Ending
from reference.events import Event
from reference.queue import Entry

CAUGHT_BY, IN = "every_accepted_event_is_mailed", "worker_crash"

_sound = Delivery._mail


async def _mail(self: Delivery, entry: Entry, event: Event) -> Ending:
    return await (self._completed(entry) if entry.takes > 1 else _sound(self, entry, event))


def plant() -> AbstractContextManager[Any]:
    return patch.object(Delivery, "_mail", _mail)
