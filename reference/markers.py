"""How both paths know of one pair: what synchronous requests leave in Redis, and the rules that keep one pair one event.

The database row decides what is stored, the record in Redis decides who takes an event. A *queue record* has a fingerprint: the
event was accepted. A *marker* is a record without one: a synchronous request had to do with the pair; ask the database.

1.  A synchronous attempt reserves the row (a lease), **then** marks, then mails, then completes. If marking meets a queue
    record, the event was accepted before: the attempt gives its row to the queue and answers duplicate (or removes it and
    answers conflict). Not the other way round: between a marker and a lease nobody could tell an attempt that is about to begin
    from one that died.
2.  Accepting looks at nothing but Redis, unless it meets a marker. Then it asks the database (``handover``): a settled row is a
    duplicate, a leased one is waited for (a second at most, then 503: nothing was taken), an abandoned row or none is taken
    over. Taking over names the marker that was seen, and the script refuses if another stands there now. So of an accept and an
    attempt that meet, one steps back: an attempt that marked meanwhile has changed the marker, one that marks later meets the
    queue record.
3.  A row says whose it is (``path``). The queue's rows prove an acceptance: no attempt reserves them, it answers duplicate. A
    worker that stores an event claims the row a request abandoned, together with the payload, for only the queue's was promised;
    it waits for a leased row, and ends a completed one without a mail.
4.  The database is told before Redis that an event is finished. Where Redis calls an event unfinished, the database is asked
    as well, and whoever shows a client what it says notes that in Redis first, so that a status that was shown final never goes
    back (``status``).
5.  Without Redis the synchronous path goes on: it needs nothing but the database and the provider. Then the row stays
    *unmarked*, and ``keep_up`` writes what is missing once Redis is back, and before more goes to the queue (``flag``). One
    thing is not kept then: an event that was accepted and not stored yet may be answered ``processed`` once more. It is still
    stored once and mailed once, for the worker meets the row.

A marker lives as long as the dedupe window; afterwards the database alone knows of the pair, as of one that was accepted.
Where to go next: ``scripts/mark.lua``, ``handover`` (the other side), ``synchronous`` (who marks).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Any

from redis.asyncio import Redis

from reference import scripts
from reference.connection import QUEUE_ERRORS, index_key, record_key
from reference.events import Pair
from reference.status import note_shown, of_row
from reference.store import Row, Store, StoreUnavailableError

_TRIES = 5  # replies may get lost, and marking twice is marking once
_PATIENCE_SECONDS = 0.6  # after which no other try begins
_AWAY_SECONDS = 1.0
_AT_ONCE = 200


@dataclass(frozen=True)
class Standing:
    """What Redis says of a pair: ``marked``, ``duplicate`` or ``conflict`` (with its status), ``unknown``, or ``away``."""

    kind: str
    status: str = ""

    @property
    def is_queued(self) -> bool:
        """Whether the event was accepted into the queue before."""
        return self.kind in ("duplicate", "conflict")


AWAY = Standing("away")


class Markers:
    """The markers in Redis, as one API process writes them."""

    def __init__(self, redis: Redis, store: Store, *, random: Random, window_seconds: float) -> None:
        self._redis = redis
        self._store = store
        self._random = random
        self._window_seconds = window_seconds
        self._away_until = 0.0
        self._behind = asyncio.Event()
        self._behind.set()  # whoever was here before may have died before it could catch up

    async def mark(self, pair: Pair, *, fingerprint: str, token: str) -> Standing:
        """Leave the marker of an attempt that holds the row's lease; ``away`` if Redis cannot be reached."""
        return await self._ask(pair, fingerprint=fingerprint, token=token)

    async def look(self, pair: Pair, *, fingerprint: str) -> Standing:
        """What Redis says of a pair, without leaving anything."""
        return await self._ask(pair, fingerprint=fingerprint, token="")

    async def unmark(self, pair: Pair, *, token: str) -> None:
        """Take back an attempt's marker; one that stays behind is harmless, there is no row."""
        try:
            await scripts.run(self._redis, scripts.load("unmark"), keys=_keys([pair]), args=[pair.source, token])
        except QUEUE_ERRORS:
            self._note_away()

    async def note_shown(self, row: Row) -> None:
        """A duplicate's answer is about to show the row's status: one that is final must not go back, whoever is asked next."""
        shown = of_row(row)
        if not shown.is_final or asyncio.get_running_loop().time() < self._away_until:
            return
        try:
            await note_shown(self._redis, row.pair, shown)
        except QUEUE_ERRORS:
            self._note_away()

    def note_missing(self) -> None:
        """A row was completed that Redis does not know of."""
        self._behind.set()

    def note_back(self) -> None:
        """Redis answers: try it again at once."""
        self._away_until = 0.0

    async def catch_up(self) -> None:
        """Write every marker that is missing. Raises QUEUE_ERRORS or StoreUnavailableError."""
        while pairs := await self._store.unmarked(within_seconds=self._window_seconds, most=_AT_ONCE):
            token = f"{self._random.getrandbits(64):016x}"
            await self._run([argument for pair in pairs for argument in (pair.source, "", token)], pairs=pairs)
            await self._store.note_marked(pairs)

    async def keep_up(self) -> None:
        """For ever: catch up whenever something is missing."""
        while True:
            await self._behind.wait()
            self._behind.clear()
            try:
                await self.catch_up()
            except (*QUEUE_ERRORS, StoreUnavailableError):
                self._behind.set()
                await asyncio.sleep(_AWAY_SECONDS)

    async def _ask(self, pair: Pair, *, fingerprint: str, token: str) -> Standing:
        now = asyncio.get_running_loop().time
        if now() < self._away_until:
            return AWAY
        until, tries = now() + _PATIENCE_SECONDS, 0
        while tries < _TRIES and now() < until:
            tries += 1
            with suppress(*QUEUE_ERRORS):
                (answer,) = await self._run([pair.source, fingerprint, token], pairs=[pair])
                return Standing(*answer)
        self._note_away()
        return AWAY

    async def _run(self, args: Sequence[scripts.Argument], *, pairs: Sequence[Pair]) -> Any:
        window_ms = int(self._window_seconds * 1000)
        return await scripts.run(self._redis, scripts.load("mark"), keys=_keys(pairs), args=[window_ms, *args])

    def _note_away(self) -> None:
        self._away_until = asyncio.get_running_loop().time() + _AWAY_SECONDS


def _keys(pairs: Sequence[Pair]) -> list[str]:
    return [key for pair in pairs for key in (record_key(pair.key), index_key(pair.id))]
