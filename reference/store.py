"""The event store as a port: what the service needs from a database, in values that no database defines.

Two implementations pass one suite (tests/reference/test_store.py): ``postgres.PostgresStore`` and ``memory.MemoryStore``.
The primary key (source, id) is the final arbiter of what is stored once, for both paths.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from reference.events import Event, Pair, fingerprint


class StoreUnavailableError(Exception):
    """The database did not answer. ``was_asked`` False means certainly nothing was done."""

    def __init__(self, detail: str, *, was_asked: bool) -> None:
        super().__init__(detail)
        self.was_asked = was_asked


class UnstorableError(Exception):
    """The database can never store this event (say, data with \\u0000); ``str()`` is the reason."""


@dataclass(frozen=True)
class NewRow:
    """An event on its way into the store."""

    pair: Pair
    type: str | None
    payload: str
    fingerprint: str
    is_mail_due: bool

    @classmethod
    def of(cls, event: Event, *, known_fingerprint: str = "") -> NewRow:
        """The row for ``event``, whose fingerprint may be known."""
        payload = json.dumps(event.payload(), ensure_ascii=False, separators=(",", ":"))
        is_mail_due = event.email is not None
        return cls(event.pair, event.type, payload, known_fingerprint or fingerprint(event), is_mail_due=is_mail_due)


@dataclass(frozen=True)
class Row:
    """What the store knows of an event. ``is_leased``: a synchronous request is at work on it right now."""

    pair: Pair
    fingerprint: str
    status: str
    is_mail_sent: bool
    reason: str
    processed_at: datetime | None
    is_leased: bool


@dataclass(frozen=True)
class Reservation:
    """The answer to ``reserve``: whether this attempt may work on the event, and the row as it stands."""

    is_ours: bool
    row: Row


class Store(Protocol):
    """Every method may raise StoreUnavailableError; calling again after it is always safe."""

    async def close(self) -> None:
        """Give connections back; the store is not used again."""

    async def ping(self) -> None:
        """Return if the database answers."""

    async def add(self, rows: Sequence[NewRow]) -> list[Row | Exception]:
        """Store what is not stored yet; answers each event's row, or UnstorableError, in order.

        A row without mail due is completed.
        """
        ...

    async def complete(self, pairs: Sequence[Pair]) -> None:
        """Note that the mails of ``pairs`` were taken: completed, for good."""

    async def fail(self, pair: Pair, *, reason: str) -> None:
        """Note that ``pair`` failed for good; completed rows stay completed."""

    async def reopen(self, pair: Pair, *, fingerprint: str) -> Row | None:
        """Make a failed row with this payload pending again; answers the row as it stands then, None if there is none."""
        ...

    async def find(self, event_id: str, *, source: str | None = None) -> list[Row]:
        """The rows with this id, from ``source`` or from all."""
        ...

    async def reserve(self, new: NewRow, *, owner: str, lease_seconds: float) -> Reservation:
        """Store ``new`` for one attempt, or take over a pending row nobody is at work on. Raises UnstorableError."""
        ...

    async def leased(self) -> int:
        """How many rows a synchronous request is at work on right now."""
        ...

    async def release(self, pair: Pair, *, owner: str) -> None:
        """End the attempt of ``owner``; the row stays, for the next attempt."""

    async def discard(self, pair: Pair, *, owner: str) -> None:
        """End the attempt of ``owner`` and remove its row: the event is refused for good."""
