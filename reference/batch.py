"""The short way of entries that ask for no mail: a whole batch ends with one call to the database and one to the queue.

Nothing is decided here that ``delivery`` would decide otherwise: what is out of the ordinary in any way, tracing included, goes
entry by entry as ever. docs/speed.md has the figures of both; FAST_PATH=false takes this way out.
Where to go next: ``worker`` (starts batches), ``delivery`` (the long way).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from reference.connection import QUEUE_ERRORS
from reference.events import InvalidEventError, parse
from reference.lease import LeaseLostError, Leases
from reference.queue import Entry, Finish
from reference.store import NewRow, Row, Store, StoreUnavailableError
from reference.watch import Watch

_ASKS_FOR_NO_MAIL = '"email":null}'  # how ``intake`` writes such an event, and no other


class Batches:
    """Ends many entries at once, for one worker."""

    def __init__(self, leases: Leases, store: Store, *, watch: Watch) -> None:
        self._leases = leases
        self._store = store
        self._watch = watch

    def fitting(self, entries: Sequence[Entry]) -> list[Entry]:
        """Those of ``entries`` that are taken for the first time and ask for no mail."""
        if self._watch.is_traced:
            return []  # every entry has a span of its own
        return [entry for entry in entries if entry.takes == 1 and entry.event.endswith(_ASKS_FOR_NO_MAIL)]

    async def end(self, entries: Sequence[Entry]) -> list[Entry]:
        """Store and finish ``entries``; answers those that did not end and have to go the long way."""
        try:
            stored = await self._store_all(entries)
            for entry, _ in stored:
                await self._leases.ensure(entry.entry_id)
            if stored:
                await self._leases.queue.finish([_finish(entry, row) for entry, row in stored])
        except (InvalidEventError, StoreUnavailableError, LeaseLostError, *QUEUE_ERRORS):
            return list(entries)  # all of it is safe to repeat
        ended = {entry.entry_id for entry, _ in stored}
        for entry_id in ended:
            self._leases.drop(entry_id)
            self._watch.metrics.ended("completed")
        return [entry for entry in entries if entry.entry_id not in ended]

    async def _store_all(self, entries: Sequence[Entry]) -> list[tuple[Entry, Row]]:
        """The entries whose row is as it should be, with it."""
        new = [NewRow.of(parse(entry.event), known_fingerprint=entry.fingerprint) for entry in entries]
        rows = await self._store.add(new)
        return [
            (entry, row)
            for entry, wanted, row in zip(entries, new, rows, strict=True)
            if isinstance(row, Row) and row.status == "completed" and row.fingerprint == wanted.fingerprint
        ]


def _finish(entry: Entry, row: Row) -> Finish:
    at = (row.processed_at or datetime.now(UTC)).isoformat().replace("+00:00", "Z")
    return Finish(entry.entry_id, entry.pair, "completed", at, "", entry.attempts + 1)
