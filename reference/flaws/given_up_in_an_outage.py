"""An event is given up after three attempts: an outage of the provider burns whatever met it often enough."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.delivery import Delivery, Ending
from reference.mailer import Answer
from reference.queue import Entry

CAUGHT_BY, IN = "failed_is_justified", "sendgrid_outage"

_sound = Delivery._retry


async def _retry(self: Delivery, entry: Entry, answer: Answer) -> Ending:
    return await (self._failed(entry, "given up after 3 attempts") if entry.attempts >= 2 else _sound(self, entry, answer))


def plant() -> AbstractContextManager[Any]:
    return patch.object(Delivery, "_retry", _retry)
