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
    """What the store knows of an event. ``is_leased``: a synchronous request is at work on it right now.

    ``path`` says whose row it is: ``queue``, an event that was accepted, or ``request``, an attempt to process one at once.
    """

    pair: Pair
    fingerprint: str
    status: str
    is_mail_sent: bool
    reason: str
    processed_at: datetime | None
    is_leased: bool
    path: str

    @property
    def is_abandoned(self) -> bool:
        """Whether a request left it unfinished and nobody is at work on it: whoever comes next may have it."""
        return self.status == "pending" and self.path == "request" and not self.is_leased


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
        """Store the queue's events that are not stored yet; answers each event's row, or UnstorableError, in order.

        A row without mail due is completed. One that a request abandoned becomes the queue's, with the queue's payload.
        """
        ...

    async def complete(self, pairs: Sequence[Pair], *, is_marked: bool = True) -> None:
        """Note that the mails of ``pairs``, if due, were taken: completed, for good. ``is_marked``: Redis knows of them."""

    async def fail(self, pair: Pair, *, reason: str) -> None:
        """Note that ``pair`` failed for good; completed rows stay completed."""

    async def reopen(self, pair: Pair, *, fingerprint: str) -> Row | None:
        """Make a failed row with this payload pending again; answers the row as it stands then, None if there is none."""
        ...

    async def find(self, event_id: str, *, source: str | None = None) -> list[Row]:
        """The rows with this id, from ``source`` or from all."""
        ...

    async def reserve(self, new: NewRow, *, owner: str, lease_seconds: float, at_once: bool = False) -> Reservation:
        """Store ``new`` for one attempt, or take over a row that a request abandoned. Raises UnstorableError.

        ``at_once``: nothing remains to be done but the mail, so a row without mail due is completed.
        """
        ...

    async def leased(self) -> int:
        """How many rows a synchronous request is at work on right now."""
        ...

    async def release(self, pair: Pair, *, owner: str) -> None:
        """End the attempt of ``owner``; the row stays, for the next attempt."""

    async def hand_over(self, pair: Pair, *, owner: str) -> None:
        """End the attempt of ``owner``; the row is the queue's, which has accepted this very event."""

    async def discard(self, pair: Pair, *, owner: str) -> None:
        """End the attempt of ``owner`` and remove its row: the event is refused for good."""

    async def unmarked(self, *, within_seconds: float, most: int) -> list[Pair]:
        """Completed rows Redis does not know of, of the last ``within_seconds``, the newest first."""
        ...

    async def note_marked(self, pairs: Sequence[Pair]) -> None:
        """Note that Redis knows of ``pairs`` now."""
