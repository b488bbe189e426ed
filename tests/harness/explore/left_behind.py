"""A mail that fails counts as sent if the worker before died with the event: it takes a crash and an outage together."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.delivery import Delivery, Ending
from reference.mailer import Answer
from reference.queue import Entry

_sound = Delivery._retry


async def _retry(self: Delivery, entry: Entry, answer: Answer) -> Ending:
    return await (self._completed(entry) if entry.takes > 1 else _sound(self, entry, answer))


def plant() -> AbstractContextManager[Any]:
    return patch.object(Delivery, "_retry", _retry)
