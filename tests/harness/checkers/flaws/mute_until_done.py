"""The status answers 503 until the event is final."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.status import Status, Statuses, StatusUnavailableError

CAUGHT_BY, IN = "a_promise_is_readable_at_once", "baseline"

_sound = Statuses.find


async def _find(self: Statuses, event_id: str, *, source: str | None = None) -> Status | None:
    found = await _sound(self, event_id, source=source)
    if found is None or not found.is_final:
        raise StatusUnavailableError("ask again later")
    return found


def plant() -> AbstractContextManager[Any]:
    return patch.object(Statuses, "find", _find)
