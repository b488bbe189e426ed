"""Accepting looks into the database first: while Postgres is away nothing is accepted, though the queue could take it."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.events import Event
from reference.handover import Handover
from reference.intake import Acceptance

CAUGHT_BY, IN = "ingest_stays_available", "postgres_restart"

_sound = Handover.accept


async def _accept(self: Handover, event: Event) -> Acceptance:
    await self._row_of(event.pair)
    return await _sound(self, event)


def plant() -> AbstractContextManager[Any]:
    return patch.object(Handover, "accept", _accept)
