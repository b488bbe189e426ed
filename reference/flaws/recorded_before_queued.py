"""The pair is recorded first and queued in a second round trip: if that fails, the client's retry is a duplicate of nothing."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.connection import QUEUE_ERRORS, STREAM, ask
from reference.flaws import edited, together
from reference.intake import Acceptance, Intake, Ticket, UnansweredError

CAUGHT_BY, IN = "every_accepted_event_is_stored_once", "redis_replies_lost"

_record = Intake._call


async def _call(self: Intake, tickets: list[Ticket]) -> Sequence[Acceptance]:
    answers = await _record(self, tickets)
    connection = await self._pool.get_connection()
    try:
        for ticket, answer in zip(tickets, answers, strict=True):
            if answer.kind == "accepted":
                await ask(connection, "XADD", STREAM, "*", "pair", ticket.event.pair.key)
    except QUEUE_ERRORS as error:
        raise UnansweredError from error
    finally:
        await self._pool.release(connection)
    return answers


def plant() -> AbstractContextManager[Any]:
    without_push = edited("accept", "redis.call('XADD', KEYS[1], '*', 'pair', pair)", "tostring(redis.call('TIME')[1])")
    return together(without_push, patch.object(Intake, "_call", _call))
