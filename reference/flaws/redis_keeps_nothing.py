"""Redis runs without an append-only file: one restart, and every event that was accepted and not yet done is gone."""

from contextlib import AbstractContextManager, suppress
from typing import Any
from unittest.mock import patch

from reference.connection import QUEUE_ERRORS, call
from reference.flag import Flag

CAUGHT_BY, IN = "every_accepted_event_is_mailed", "sendgrid_outage_with_redis_crash"

_sound = Flag.look


async def _look(self: Flag) -> None:
    with suppress(*QUEUE_ERRORS):
        await call(self._redis, "CONFIG", "SET", "appendonly", "no")  # type: ignore[arg-type]  # there is a Redis
        await call(self._redis, "CONFIG", "SET", "save", "")  # type: ignore[arg-type]
    await _sound(self)


def plant() -> AbstractContextManager[Any]:
    return patch.object(Flag, "look", _look)
