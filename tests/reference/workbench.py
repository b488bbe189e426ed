"""The reference in one process: the queue real, the database in memory, the provider as the test says; with or without a worker.

Where to go next: `servers.py` (real processes).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from random import Random
from typing import TypeVar

import httpx
from fastapi import FastAPI

from reference import wiring
from reference.api import create_app
from reference.settings import Settings
from reference.simulation import MemoryStore, Tables
from reference.store import Store
from tests.reference.test_store import Database

T = TypeVar("T")


class FailingDatabase(Database):
    """A database that can be away, and then refuses connections."""

    is_away = False

    async def transact(self, work: Callable[[Tables], T], *, timeout: float) -> T:
        if self.is_away:
            raise ConnectionRefusedError("away")
        return await super().transact(work, timeout=timeout)


class Workbench:
    """Settings and surroundings of one service; `status` is what the provider answers once `gate` is open."""

    def __init__(self, redis_url: str = "", **env: str) -> None:
        path = {"REDIS_URL": redis_url} if redis_url else {"ASYNC_INGESTION": "false"}
        self.settings = Settings.of({"DATABASE_URL": "postgresql://unused", "SENDGRID_API_KEY": "SG.k", **path, **env})
        self.database = FailingDatabase()
        self.store: Store = MemoryStore(self.database)
        self.status = 202
        self.mails: list[httpx.Request] = []
        self.asked = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    def given(self, name: str) -> wiring.Surroundings:
        """What a process of this service is given."""
        return wiring.Surroundings(name, self.settings, Random(name), self.store, httpx.MockTransport(self._answer))

    def app(self) -> FastAPI:
        """A new API, unused."""
        return create_app(wiring.api(self.given("api-0")))

    @contextlib.asynccontextmanager
    async def serving(self, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
        """A client of a new API; `headers` go with every request."""
        app = self.app()
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers) as client:
            yield client
        await app.state.parts.close()

    @contextlib.asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """A worker inside."""
        terminated = asyncio.Event()
        parts = wiring.worker(self.given("worker-0"))
        running = asyncio.create_task(parts.worker.run(terminated))
        try:
            yield
        finally:
            self.gate.set()
            terminated.set()
            await running
            await parts.redis.aclose()

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.set()
        await self.gate.wait()
        self.mails.append(request)
        return httpx.Response(self.status)
