"""A status that was final when it was first asked for is pending again for a while."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.status import Status, Statuses

CAUGHT_BY, IN = "status_never_goes_back", "baseline"

_find = Statuses.find


def plant() -> AbstractContextManager[Any]:
    asked: dict[str, int] = {}

    async def find(self: Statuses, event_id: str, *, source: str | None = None) -> Status | None:
        found = await _find(self, event_id, source=source)
        if found is None or not found.is_final:
            return found
        asked[event_id] = asked.get(event_id, 0) + 1
        return Status("pending") if asked[event_id] == 2 else found

    return patch.object(Statuses, "find", find)
