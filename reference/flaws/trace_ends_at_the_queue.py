"""Nothing of a trace crosses the queue: whoever looks for the mail of a slow event finds two traces that do not meet."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.intake import Acceptance, Intake, Ticket

CAUGHT_BY, IN, WORLD = "a_trace_leads_from_post_to_mail", "baseline", "real"

_sound = Intake._call


async def _call(self: Intake, tickets: list[Ticket]) -> Sequence[Acceptance]:
    for ticket in tickets:
        ticket.traceparent = ""
    return await _sound(self, tickets)


def plant() -> AbstractContextManager[Any]:
    return patch.object(Intake, "_call", _call)
