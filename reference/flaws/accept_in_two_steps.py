"""Accepting looks first and writes in a second round trip; what comes in between over another process is accepted as well."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Any
from unittest.mock import patch

from reference.connection import record_key
from reference.flaws import no_dedupe
from reference.intake import Acceptance, Intake, Ticket

CAUGHT_BY, IN = "one_acceptance_per_pair", "duplicate_storm"

_write = Intake._call


async def _call(self: Intake, tickets: list[Ticket]) -> Sequence[Acceptance]:
    known = [await _exists(self, ticket) for ticket in tickets]
    new = [ticket for ticket, exists in zip(tickets, known, strict=True) if not exists]
    written = iter(await _write(self, new) if new else ())
    return [Acceptance("duplicate", "pending", 0) if exists else next(written) for exists in known]


async def _exists(self: Intake, ticket: Ticket) -> bool:
    connection = await self._pool.get_connection()
    try:
        await connection.send_command("EXISTS", record_key(ticket.event.pair.key))
        return bool(await connection.read_response())
    finally:
        await self._pool.release(connection)


def plant() -> AbstractContextManager[Any]:
    patches = ExitStack()
    patches.enter_context(no_dedupe.plant())
    patches.enter_context(patch.object(Intake, "_call", _call))
    return patches
