"""Finishing an event acknowledges every earlier one as well, as an offset would: of those the ones that fail are lost."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.connection import GROUP, STREAM, call
from reference.queue import Finish, Queue

CAUGHT_BY, IN = "every_accepted_event_is_mailed", "sendgrid_rate_limit"

_sound = Queue.finish


async def _finish(self: Queue, finishes: Sequence[Finish]) -> list[bool]:
    done = await _sound(self, finishes)
    newest = max(finish.entry_id for finish in finishes)
    earlier = await call(self._redis, "XPENDING", STREAM, GROUP, "-", newest, 1000, self._consumer)
    for entry_id, *_ in earlier:
        await call(self._redis, "XACK", STREAM, GROUP, entry_id)
    return done


def plant() -> AbstractContextManager[Any]:
    return patch.object(Queue, "finish", _finish)
