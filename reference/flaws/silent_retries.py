"""The API's own retry of an unanswered accept looks like somebody else's: a first POST is answered duplicate."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.intake import Acceptance, Intake, Ticket, UnansweredError

CAUGHT_BY, IN = "duplicates_point_to_their_event", "redis_replies_lost"


async def _submit(self: Intake, ticket: Ticket) -> Acceptance:
    while True:
        try:
            return await self._calls.submit(ticket, until=ticket.until)
        except UnansweredError:
            ticket.token = next(self._tokens)


def plant() -> AbstractContextManager[Any]:
    return patch.object(Intake, "_submit", _submit)
