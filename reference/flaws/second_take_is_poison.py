"""An event taken up a second time is buried as poison: what a dead worker had in hand fails instead of being done."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.delivery import Delivery, Ending
from reference.queue import Entry

CAUGHT_BY, IN = "failed_is_justified", "worker_crash"

_sound = Delivery._end


async def _end(self: Delivery, entry: Entry) -> Ending:
    return await (self._failed(entry, "poison: it was taken up before") if entry.takes > 1 else _sound(self, entry))


def plant() -> AbstractContextManager[Any]:
    return patch.object(Delivery, "_end", _end)
