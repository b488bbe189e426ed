"""One delivery with a queue that notes, a store that can be away and a mail provider that answers as told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Any, cast

import httpx

from reference import wiring
from reference.backoff import Backoff
from reference.delivery import Delivery
from reference.events import Pair, fingerprint, parse
from reference.lease import Leases
from reference.memory import MemoryStore
from reference.metrics import MailMetrics
from reference.queue import Delay, Entry, Finish
from reference.settings import Settings
from reference.store import NewRow, Row, StoreUnavailableError
from tests.reference.workbench import Database

EVENT = '{"id": "e1", "source": "a5", "email": {"to": "r@example.com", "subject": "S", "text": "T"}}'
SETTINGS = Settings.of(
    {
        "DATABASE_URL": "x",
        "REDIS_URL": "redis://x",
        "RETRY_BASE_SECONDS": "0.01",
        "RETRY_CAP_SECONDS": "0.02",
        "MOST_ATTEMPTS": "3",
    }
)


class Queue:
    """Notes how entries end; ``lost`` are no longer ours."""

    def __init__(self) -> None:
        self.finished: list[Finish] = []
        self.delayed: list[Delay] = []
        self.lost: list[str] = []
        self.unparked = 0

    async def finish(self, finishes: Sequence[Finish]) -> list[bool]:
        self.finished += finishes
        return [True for _ in finishes]

    async def delay(self, delays: Sequence[Delay]) -> list[bool]:
        self.delayed += delays
        return [True for _ in delays]

    def unpark(self) -> None:
        self.unparked += 1

    async def renew(self, entry_ids: Sequence[str]) -> list[str]:
        return [entry_id for entry_id in entry_ids if entry_id in self.lost]


class Store(MemoryStore):
    """A store that can be away."""

    away = False

    async def add(self, rows: Sequence[NewRow]) -> list[Row | Exception]:
        self._look()
        return await super().add(rows)

    async def find(self, event_id: str, *, source: str | None = None) -> list[Row]:
        self._look()
        return await super().find(event_id, source=source)

    async def complete(self, pairs: Sequence[Pair], *, is_marked: bool = True) -> None:
        self._look()
        await super().complete(pairs, is_marked=is_marked)

    def _look(self) -> None:
        if self.away:
            raise StoreUnavailableError("away", was_asked=True)


class Bench:
    """One delivery with everything around it."""

    def __init__(self) -> None:
        self.queue = cast(Any, Queue())
        self.store = Store(Database())
        self.status = 202
        self.headers: dict[str, str] = {}
        self.calls = 0
        self.leases = Leases(self.queue, reclaim_seconds=10)
        given = wiring.Surroundings("worker-0", SETTINGS, Random(1), self.store, httpx.MockTransport(self._answer))
        backoff = Backoff(Random(1), 0.01, 0.02)
        self.delivery = Delivery(
            leases=self.leases,
            store=self.store,
            postman=wiring.postman(given, MailMetrics()),
            settings=SETTINGS,
            backoff=backoff,
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.calls += 1
        return httpx.Response(self.status, headers=self.headers)

    def entry(
        self, *, event: str = EVENT, attempts: int = 0, takes: int = 1, was_mailed: bool = False, age: float = 0.0
    ) -> Entry:
        """The entry of `EVENT`, in hand; `age` in seconds."""
        self.leases.hold(["1-0"], since=asyncio.get_running_loop().time())
        key, known = Pair("a5", "e1").key, fingerprint(parse(EVENT))
        return Entry("1-0", key, event, known, attempts, takes, was_mailed, age_seconds=age)

    async def row_status(self) -> str:
        (row,) = await self.store.find("e1")
        return row.status
