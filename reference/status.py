"""What became of an event: Redis knows the recent ones, the database everything that was stored.

Where to go next: ``api`` (GET /ingest/{id}/status).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from reference import scripts
from reference.connection import QUEUE_ERRORS, call, index_key, record_key
from reference.events import Pair, can_exist
from reference.store import Row, Store, StoreUnavailableError

_CONFIRMED_WITHIN_SECONDS = 0.25


class StatusUnavailableError(Exception):
    """Neither Redis nor the database could say."""


class SeveralSourcesError(Exception):
    """The id exists under several sources and none was named."""


@dataclass(frozen=True)
class Status:
    """The state of one event; ``processed_at`` is ISO 8601 in UTC, ``reason`` says why it failed."""

    status: str
    processed_at: str | None = None
    reason: str | None = None

    @property
    def is_final(self) -> bool:
        """Whether it will not change by itself."""
        return self.status in ("completed", "failed")


class Statuses:
    """Looks events up: in Redis, and in the database what Redis has forgotten or only has a marker of (``markers``).

    The database learns first that an event is finished, so it is asked as well where Redis calls one unfinished. A status that
    was shown final must not go back, whoever is away the next time: what the database says is noted in Redis before it is
    shown. While Redis is away the database answers for what it knows, and nothing is noted: should Redis come back and the
    database go before a worker has told Redis, an unfinished status is shown again. What the database does not know may be in
    the queue, and nobody can say.
    """

    def __init__(self, redis: Redis | None, store: Store) -> None:
        self._redis: Any = redis  # typed for bytes or text alike; ours answers text
        self._store = store

    async def find(self, event_id: str, *, source: str | None = None) -> Status | None:
        """The status of the event, None if it is unknown. Raises SeveralSourcesError or StatusUnavailableError."""
        if not can_exist(event_id, source=source):
            return None
        if self._redis is None:
            return await self._in_store(event_id, source=source)
        try:
            known = await self._in_redis_patiently(self._redis, event_id, source=source)
        except StatusUnavailableError:
            if stored := await self._in_store(event_id, source=source):
                return stored
            raise
        return known or await self._in_store(event_id, source=source)

    async def confirmed(self, pair: Pair, known: Status, *, fingerprint: str) -> Status:
        """``known`` of Redis, or what the database says if that is final already; Redis' word stands while nobody can say.

        Raises QUEUE_ERRORS.
        """
        if known.is_final or self._redis is None:
            return known
        try:
            async with asyncio.timeout(_CONFIRMED_WITHIN_SECONDS):
                rows = await self._store.find(pair.id, source=pair.source)
        except (StoreUnavailableError, TimeoutError):
            return await self._shown_before(pair) or known
        if rows and rows[0].fingerprint == fingerprint and (stored := of_row(rows[0])).is_final:
            with contextlib.suppress(*QUEUE_ERRORS):  # one that takes no notes (read-only, away) makes it no less true
                await note_shown(self._redis, pair, stored)
            return stored
        return known

    async def _shown_before(self, pair: Pair) -> Status | None:
        fields = ("shown", "shown_processed_at", "shown_reason")
        status, processed_at, reason = await call(self._redis, "HMGET", record_key(pair.key), *fields)
        return Status(status, processed_at or None, reason or None) if status else None

    async def _in_redis_patiently(self, redis: Any, event_id: str, *, source: str | None) -> Status | None:
        """A read is safe to repeat: one short stall of Redis must not become an error."""
        with contextlib.suppress(*QUEUE_ERRORS):
            return await self._in_redis(redis, event_id, source=source)
        try:
            return await self._in_redis(redis, event_id, source=source)
        except QUEUE_ERRORS as error:
            raise StatusUnavailableError(str(error)) from error

    async def _in_redis(self, redis: Any, event_id: str, *, source: str | None) -> Status | None:
        sources = [source] if source is not None else await _sources(redis, event_id)
        if len(sources) > 1:
            raise SeveralSourcesError
        if not sources:
            return None
        pair = Pair(source=sources[0], id=event_id)
        fields = ("status", "processed_at", "reason", "fingerprint")
        status, processed_at, reason, fingerprint = await call(redis, "HMGET", record_key(pair.key), *fields)
        if status is None:
            return None
        return await self.confirmed(pair, Status(status, processed_at, reason or None), fingerprint=fingerprint)

    async def _in_store(self, event_id: str, *, source: str | None) -> Status | None:
        try:
            rows = await self._store.find(event_id, source=source)
        except StoreUnavailableError as error:
            raise StatusUnavailableError(str(error)) from error
        return _only(rows)


async def note_shown(redis: Any, pair: Pair, final: Status) -> None:
    """Note in Redis that an event of the queue is about to be shown final, as the database knows it. Raises QUEUE_ERRORS."""
    noted = [final.status, final.processed_at or "", final.reason or ""]
    await scripts.run(redis, scripts.load("show"), keys=[record_key(pair.key)], args=noted)


async def _sources(redis: Any, event_id: str) -> list[str]:
    now_ms = int(time.time() * 1000)
    return list(await call(redis, "ZRANGEBYSCORE", index_key(event_id), now_ms, "+inf"))


def _only(rows: Sequence[Row]) -> Status | None:
    if len(rows) > 1:
        raise SeveralSourcesError
    return of_row(rows[0]) if rows else None


def of_row(row: Row) -> Status:
    """The status of a stored event; a pending row with an attempt at work on it is being processed."""
    status = "processing" if row.status == "pending" and row.is_leased else row.status
    processed_at = row.processed_at.isoformat().replace("+00:00", "Z") if row.processed_at else None
    return Status(status, processed_at, row.reason or None)
