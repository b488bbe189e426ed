"""What has to wait is acknowledged and waits in its worker's memory: a deploy in the middle of an outage loses all of it."""

import asyncio
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.delivery import Delivery, Done, Ending, Later
from reference.queue import Entry

CAUGHT_BY, IN = "every_accepted_event_is_mailed", "deploy_amid_outage"

_sound = Delivery._end


async def _end(self: Delivery, entry: Entry) -> Ending:
    ending = await _sound(self, entry)
    if isinstance(ending, Later):
        await self._leases.queue.finish([self._finish(entry, Done("processing"))])
    while isinstance(ending, Later):
        await asyncio.sleep(ending.seconds)
        ending = await _sound(self, entry)
    return ending


def plant() -> AbstractContextManager[Any]:
    return patch.object(Delivery, "_end", _end)
