"""The status can be read only once a worker has finished the event, not from the moment of the 202."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.status import Status, Statuses

CAUGHT_BY, IN, WORLD = "a_promise_is_readable_at_once", "baseline", "both"

_sound = Statuses.find


async def _find(self: Statuses, event_id: str, *, source: str | None = None) -> Status | None:
    found = await _sound(self, event_id, source=source)
    return found if found is not None and found.is_final else None


def plant() -> AbstractContextManager[Any]:
    return patch.object(Statuses, "find", _find)
