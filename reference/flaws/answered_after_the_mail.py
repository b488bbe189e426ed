"""The 202 waits until the event is finished: the client pays for the database and the provider, as before the change."""

import asyncio
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference import preference
from reference.events import Event
from reference.handover import Handover
from reference.intake import Acceptance

CAUGHT_BY, IN = "ingest_stays_fast", "baseline"

_sound = Handover.accept


async def _accept(self: Handover, event: Event) -> Acceptance:
    acceptance = await _sound(self, event)
    await preference.outcome(self._statuses, event.pair, until=asyncio.get_running_loop().time() + 5.0)
    return acceptance


def plant() -> AbstractContextManager[Any]:
    return patch.object(Handover, "accept", _accept)
