"""Accepting into the queue where a synchronous request may have had to do with the same pair: rule 2 of ``markers``.

A fresh event costs one script call, as ever; only a marker, or a duplicate that is not finished, costs a look into the database.
Where to go next: ``markers`` (the rules), ``intake`` (the call), ``api`` (the answers).
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from reference.connection import QUEUE_ERRORS
from reference.events import Event, Pair, fingerprint
from reference.intake import Acceptance, Intake
from reference.problem import ProblemError
from reference.status import Status, Statuses
from reference.store import Row, Store, StoreUnavailableError

_LOOKS_AGAIN_SECONDS = 0.1


class Handover:
    """The door of the queue, beside the synchronous path; it waits up to ``patience_seconds`` for a request at work on a pair."""

    def __init__(self, intake: Intake, *, store: Store, statuses: Statuses, patience_seconds: float) -> None:
        self._intake = intake
        self._store = store
        self._statuses = statuses
        self._patience_seconds = patience_seconds

    async def accept(self, event: Event) -> Acceptance:
        """Accept ``event``. Raises what ``Intake.accept`` raises, or ProblemError where a request stays at work on the pair."""
        acceptance = await self._intake.accept(event)
        if acceptance.kind == "request":
            return await self._settle(event, acceptance)
        if acceptance.kind == "duplicate":
            return replace(acceptance, status=await self._confirmed(event, acceptance.status))
        return acceptance

    async def _confirmed(self, event: Event, known: str) -> str:
        try:
            return (await self._statuses.confirmed(event.pair, Status(known), fingerprint=fingerprint(event))).status
        except QUEUE_ERRORS:
            return known  # Redis has just answered: that it is away a moment later changes nothing about the duplicate

    async def _settle(self, event: Event, met: Acceptance) -> Acceptance:
        """A marker stands there. A time-out around this could cut off a call that takes the event, hence the clock."""
        now = asyncio.get_running_loop().time
        until = now() + self._patience_seconds
        while True:
            row = await self._row_of(event.pair)
            if row and (answer := _decided(row, met, fingerprint=fingerprint(event))):
                return answer
            # After the row: it may have taken long, and `drain` counts on it that no accept begins later.
            if now() < until and not (row and row.is_leased):
                met = await self._intake.accept(event, marker=met.marker)
                if met.kind != "request":
                    return met
            if now() >= until:
                detail = "Another request may be at work on this event; this one took nothing."
                raise ProblemError(503, detail, kind="busy", retry_after_seconds=1)
            await asyncio.sleep(_LOOKS_AGAIN_SECONDS)

    async def _row_of(self, pair: Pair) -> Row | None:
        try:
            rows = await self._store.find(pair.id, source=pair.source)
        except StoreUnavailableError:
            detail = "The event store cannot say whether this event was processed; nothing was taken."
            raise ProblemError(503, detail, kind="store-down", retry_after_seconds=1) from None
        return rows[0] if rows else None


def _decided(row: Row, met: Acceptance, *, fingerprint: str) -> Acceptance | None:
    """The answer, if the row alone gives it."""
    if row.fingerprint != fingerprint:
        return replace(met, kind="conflict")
    return None if row.status == "pending" else replace(met, kind="duplicate", status=row.status)
