"""A mail that failed counts as sent."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.delivery import Delivery, Ending
from reference.mailer import Answer
from reference.queue import Entry

CAUGHT_BY, IN, WORLD = "every_accepted_event_is_mailed", "sendgrid_outage", "both"


async def _retry(self: Delivery, entry: Entry, answer: Answer) -> Ending:
    return await self._completed(entry)


def plant() -> AbstractContextManager[Any]:
    return patch.object(Delivery, "_retry", _retry)
