"""Told to stop, a worker removes its consumer at once, and with it from the pending list what it had in hand: that is lost."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.flaws import edited, together
from reference.worker import Worker

CAUGHT_BY, IN = "every_accepted_event_is_mailed", "deploy"


async def _drain(self: Worker, reading: Any) -> None:
    self._stopping.set()
    reading.cancel()
    for _, task in list(self._tasks.values()):
        task.cancel()


def plant() -> AbstractContextManager[Any]:
    return together(edited("retire", "if #pending == 0 then", "if true then"), patch.object(Worker, "_drain", _drain))
