"""Accepting looks first and writes in a second round trip; what comes in between over another process is accepted as well."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference import scripts
from reference.connection import record_key
from reference.flaws.no_dedupe import _load
from reference.intake import Acceptance, Intake, Ticket

CAUGHT_BY, IN = "one_acceptance_per_pair", "duplicate_storm"


async def _call(self: Intake, tickets: list[Ticket]) -> Sequence[Acceptance]:
    connection = await self._pool.get_connection()
    try:
        await connection.send_command("EXISTS", record_key(tickets[0].event.pair.key))
        known = await connection.read_response()
    finally:
        await self._pool.release(connection)
    with patch.object(scripts, "load", scripts.load if known else _load):
        keys, args = self._arguments(tickets)
        sending = self._send(tickets, keys, args)
        return [Acceptance(*answer) for answer in await sending]


def plant() -> AbstractContextManager[Any]:
    return patch.object(Intake, "_call", _call)
