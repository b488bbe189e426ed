"""The event store in memory, on the simulated world's database: ``store.Store`` without SQL, each method one transaction.

Where to go next: ``simulation`` (gives it its database), ``postgres`` (the real one; both pass one suite).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from reference.events import Pair
from reference.store import NewRow, Reservation, Row, StoreUnavailableError, UnstorableError

T = TypeVar("T")
Tables = dict[str, dict[Any, dict[str, Any]]]
Events = dict[Any, dict[str, Any]]


class Database(Protocol):
    """The simulated database server as one process sees it."""

    async def transact(self, work: Callable[[Tables], T], *, timeout: float) -> T:
        """One round trip: ``work`` runs atomically on the server's tables. Raises ConnectionError or TimeoutError."""
        ...


@dataclass
class MemoryRow:
    """One row of the simulated table; the names are those of the real one."""

    source: str
    id: str
    fingerprint: str
    status: str
    mail_state: str
    reason: str = ""
    processed_at: float | None = None
    lease_owner: str | None = None
    lease_until: float = 0.0
    path: str = "queue"
    marked: bool = False


class MemoryStore:
    """``store.Store`` on the simulated database."""

    def __init__(self, database: Database, *, timeout_seconds: float = 2.0) -> None:
        self._database = database
        self._timeout_seconds = timeout_seconds

    async def close(self) -> None:
        """See Store."""

    async def ping(self) -> None:
        """See Store."""
        await self._transact(lambda events: None)

    async def add(self, rows: Sequence[NewRow]) -> list[Row | Exception]:
        """See Store."""
        return await self._transact(lambda events: [_add(events, new) for new in rows])

    async def complete(self, pairs: Sequence[Pair], *, is_marked: bool = True) -> None:
        """See Store."""
        await self._transact(lambda events: _complete_all(events, pairs, is_marked=is_marked))

    async def fail(self, pair: Pair, *, reason: str) -> None:
        """See Store."""
        await self._transact(lambda events: _fail(events, pair, reason=reason))

    async def reopen(self, pair: Pair, *, fingerprint: str) -> Row | None:
        """See Store."""
        return await self._transact(lambda events: _reopen(events, pair, fingerprint=fingerprint))

    async def find(self, event_id: str, *, source: str | None = None) -> list[Row]:
        """See Store."""
        return await self._transact(lambda events: _find(events, event_id, source=source))

    async def reserve(self, new: NewRow, *, owner: str, lease_seconds: float, at_once: bool = False) -> Reservation:
        """See Store."""
        # Time is the database's, as it is Postgres' own: a process' clock may be wrong.
        return await self._transact(
            lambda events: _reserve(events, new, owner=owner, until=time.time() + lease_seconds, at_once=at_once)
        )

    async def leased(self) -> int:
        """See Store."""
        return await self._transact(lambda events: sum(row["lease_until"] > time.time() for row in events.values()))

    async def release(self, pair: Pair, *, owner: str) -> None:
        """See Store."""
        await self._transact(lambda events: _release(events, pair, owner=owner))

    async def hand_over(self, pair: Pair, *, owner: str) -> None:
        """See Store."""
        await self._transact(lambda events: _hand_over(events, pair, owner=owner))

    async def discard(self, pair: Pair, *, owner: str) -> None:
        """See Store."""
        await self._transact(lambda events: _discard(events, pair, owner=owner))

    async def unmarked(self, *, within_seconds: float, most: int) -> list[Pair]:
        """See Store."""
        return await self._transact(lambda events: _unmarked(events, since=time.time() - within_seconds)[:most])

    async def note_marked(self, pairs: Sequence[Pair]) -> None:
        """See Store."""
        await self._transact(lambda events: _note_marked(events, pairs))

    async def _transact(self, work: Callable[[Events], T]) -> T:
        try:
            return await self._database.transact(
                lambda tables: work(tables.setdefault("events", {})), timeout=self._timeout_seconds
            )
        except ConnectionRefusedError as error:
            raise StoreUnavailableError(str(error), was_asked=False) from error
        except (OSError, TimeoutError) as error:
            raise StoreUnavailableError(str(error), was_asked=True) from error


def _add(events: Events, new: NewRow) -> Row | Exception:
    if _has_nul(new.payload):
        return UnstorableError("unsupported Unicode escape sequence")
    key = (new.pair.source, new.pair.id)
    if key not in events or _row(events[key]).is_abandoned:
        insert(events, new, path="queue", is_done=not new.is_mail_due)
    return _row(events[key])


def insert(events: Events, new: NewRow, *, path: str, is_done: bool) -> None:
    """Add a row, or put it in the place of one that counts no more."""
    status, mail_state = "completed" if is_done else "pending", "due" if new.is_mail_due else "none"
    row = MemoryRow(new.pair.source, new.pair.id, new.fingerprint, status, mail_state, path=path, marked=path == "queue")
    row.processed_at = time.time() if is_done else None
    events[(row.source, row.id)] = vars(row)


def _complete_all(events: Events, pairs: Sequence[Pair], *, is_marked: bool) -> None:
    rows = [events.get((pair.source, pair.id)) for pair in pairs]
    for row in [row for row in rows if row is not None and row["status"] != "completed"]:
        row.update(
            status="completed",
            mail_state="sent" if row["mail_state"] == "due" else row["mail_state"],
            reason="",
            processed_at=time.time(),
            lease_owner=None,
            lease_until=0.0,
            marked=row["marked"] or is_marked,
        )


def _fail(events: Events, pair: Pair, *, reason: str) -> None:
    row = events.get((pair.source, pair.id))
    if row is not None and row["status"] != "completed":
        row.update(status="failed", reason=reason, processed_at=time.time())


def _reopen(events: Events, pair: Pair, *, fingerprint: str) -> Row | None:
    row = events.get((pair.source, pair.id))
    if row is not None and row["status"] == "failed" and row["fingerprint"] == fingerprint:
        row.update(status="pending", reason="", processed_at=None, lease_owner=None, lease_until=0.0, path="queue")
    return None if row is None else _row(row)


def _find(events: Events, event_id: str, *, source: str | None) -> list[Row]:
    if source is not None:
        row = events.get((source, event_id))
        return [] if row is None else [_row(row)]
    return [_row(row) for key, row in sorted(events.items()) if key[1] == event_id]


def _reserve(events: Events, new: NewRow, *, owner: str, until: float, at_once: bool) -> Reservation:
    if _has_nul(new.payload):
        raise UnstorableError("unsupported Unicode escape sequence")
    key = (new.pair.source, new.pair.id)
    is_ours = key not in events
    if is_ours:
        insert(events, new, path="request", is_done=at_once and not new.is_mail_due)
    found = _row(events[key])
    is_free = found.is_abandoned and found.fingerprint == new.fingerprint
    if is_free:
        events[key].update(lease_owner=owner, lease_until=until)
    return Reservation(is_ours=is_ours or is_free, row=_row(events[key]))


def _release(events: Events, pair: Pair, *, owner: str) -> None:
    row = events.get((pair.source, pair.id))
    if row is not None and row["lease_owner"] == owner:
        row.update(lease_owner=None, lease_until=0.0)


def _hand_over(events: Events, pair: Pair, *, owner: str) -> None:
    row = events.get((pair.source, pair.id))
    if row is not None and row["lease_owner"] == owner and row["status"] == "pending":
        row.update(path="queue", marked=True, lease_owner=None, lease_until=0.0)
        if row["mail_state"] != "due":
            row.update(status="completed", processed_at=time.time())


def _discard(events: Events, pair: Pair, *, owner: str) -> None:
    row = events.get((pair.source, pair.id))
    if row is not None and row["lease_owner"] == owner and row["status"] == "pending":
        del events[(pair.source, pair.id)]


def _unmarked(events: Events, *, since: float) -> list[Pair]:
    found = [row for row in events.values() if row["status"] == "completed" and not row["marked"] and row["processed_at"] > since]
    return [Pair(source=row["source"], id=row["id"]) for row in sorted(found, key=lambda row: -row["processed_at"])]


def _note_marked(events: Events, pairs: Sequence[Pair]) -> None:
    for pair in pairs:
        if (pair.source, pair.id) in events:
            events[(pair.source, pair.id)]["marked"] = True


def _row(row: dict[str, Any]) -> Row:
    processed_at = row["processed_at"]
    return Row(
        pair=Pair(source=row["source"], id=row["id"]),
        fingerprint=row["fingerprint"],
        status=row["status"],
        is_mail_sent=row["mail_state"] == "sent",
        reason=row["reason"],
        processed_at=None if processed_at is None else datetime.fromtimestamp(processed_at, UTC),
        is_leased=row["lease_until"] > time.time(),
        path=row["path"],
    )


def _has_nul(payload: str) -> bool:
    """Whether jsonb would refuse ``payload``: it cannot hold \\u0000, in text or in a key."""
    return "\\u0000" in payload and _is_in(json.loads(payload), "\x00")


def _is_in(value: Any, character: str) -> bool:
    if isinstance(value, str):
        return character in value
    if isinstance(value, dict):
        return any(_is_in(part, character) for pair in value.items() for part in pair)
    return isinstance(value, list) and any(_is_in(part, character) for part in value)
