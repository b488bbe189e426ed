"""The status page ignores the source it is asked about: where two sources use one id, neither client is told anything."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.status import Status, Statuses

CAUGHT_BY, IN = "a_promise_is_readable_at_once", "duplicate_storm"

_sound = Statuses.find


async def _find(self: Statuses, event_id: str, *, source: str | None = None) -> Status | None:
    return await _sound(self, event_id)


def plant() -> AbstractContextManager[Any]:
    return patch.object(Statuses, "find", _find)
