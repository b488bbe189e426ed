"""A synchronous retry finds the row of the attempt that failed and is answered duplicate: nobody ever sends the mail."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.store import Reservation
from reference.synchronous import Attempt, SynchronousPath

CAUGHT_BY, IN, SYSTEM = "every_accepted_event_is_mailed", "sendgrid_outage", "sync"

_sound = SynchronousPath._reserve


async def _reserve(self: SynchronousPath, attempt: Attempt) -> Reservation:
    known = await self._store.find(attempt.new.pair.id, source=attempt.new.pair.source)
    return Reservation(is_ours=False, row=known[0]) if known else await _sound(self, attempt)


def plant() -> AbstractContextManager[Any]:
    return patch.object(SynchronousPath, "_reserve", _reserve)
