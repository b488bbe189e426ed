"""The reference in one process: APIs and workers as the service wires them, the queue real, the mail provider as the test says.

The database is in memory unless `open_store` says otherwise. Where to go next: `processes.py` (the same as real processes).
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import itertools
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from random import Random
from typing import Any, TypeVar

import httpx
from fastapi import FastAPI

from reference import wiring
from reference.api import create_app
from reference.memory import MemoryStore, Tables
from reference.settings import Settings
from reference.store import Store
from reference.telemetry import Tracing

NOWHERE = "redis://127.0.0.1:1/0"  # nobody listens there
MAIL = {"to": "reader@example.com", "subject": "Ready", "text": "Your page is ready."}
MAIL_KEY = "SG.secret"
PRIVATE = (*MAIL.values(), MAIL_KEY, "confidential")  # what no log line and no span may hold; data is "confidential"
T = TypeVar("T")


class Database:
    """The smallest database a MemoryStore can stand on: atomic, rolled back when the work raises; it can be away."""

    def __init__(self) -> None:
        self.tables: Tables = {}
        self.is_away = False

    async def transact(self, work: Callable[[Tables], T], *, timeout: float) -> T:
        if self.is_away:
            raise ConnectionRefusedError("away")
        await asyncio.sleep(0)
        tables = copy.deepcopy(self.tables)
        answer = work(tables)
        self.tables = tables
        return answer


class Provider:
    """Answers a mail with `status`, once `gate` is open and `delay_seconds` later; `taken` counts the mails of each event."""

    def __init__(self) -> None:
        self.status = 202
        self.delay_seconds = 0.0
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = asyncio.Event()
        self.requests: list[httpx.Request] = []
        self.taken: Counter[str] = Counter()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.asked.set()
        await self.gate.wait()
        await asyncio.sleep(self.delay_seconds)
        if self.status == 202:
            self.taken[json.loads(request.content)["custom_args"]["id"]] += 1
        return httpx.Response(self.status)


class Workbench:
    """What the processes of one service share; without a Redis there is the synchronous path alone."""

    def __init__(
        self, redis_url: str = "", *, provider: Provider | None = None, tracing: Tracing | None = None, **env: str
    ) -> None:
        path = {"REDIS_URL": redis_url} if redis_url else {"ASYNC_INGESTION": "false"}
        self.env = {"DATABASE_URL": "postgresql://unused", "SENDGRID_API_KEY": MAIL_KEY, **path, **env}
        self.provider = provider or Provider()
        self.tracing = tracing
        self.database = Database()
        self.memory = MemoryStore(self.database)
        self.open_store: Callable[[], Store] = lambda: self.memory
        self._numbers = itertools.count(1)
        self._apis: list[wiring.ApiParts] = []

    def given(self, **env: str) -> wiring.Surroundings:
        """What a new process of this service is given; `env` is for this one alone."""
        name, settings = f"process-{next(self._numbers)}", Settings.of({**self.env, **env})
        return wiring.Surroundings(
            name, settings, Random(name), self.open_store(), httpx.MockTransport(self.provider), self.tracing
        )

    def api(self, **env: str) -> wiring.ApiParts:
        """The parts of a new API process; `close` closes them."""
        self._apis.append(wiring.api(self.given(**env)))
        return self._apis[-1]

    async def close(self) -> None:
        """Close what `api` opened."""
        for parts in self._apis:
            await parts.close()

    def app(self) -> FastAPI:
        """A new API; its lifespan closes it."""
        return create_app(wiring.api(self.given()))

    @contextlib.asynccontextmanager
    async def serving(self, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
        """A client of a new API that does without its chores; `headers` go with every request."""
        app = self.app()
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers) as client:
            yield client
        await app.state.parts.close()

    @contextlib.asynccontextmanager
    async def working(self) -> AsyncIterator[wiring.WorkerParts]:
        """A worker at work; the end opens the provider's gate and lets it finish."""
        parts, terminated = wiring.worker(self.given()), asyncio.Event()
        running = asyncio.create_task(parts.worker.run(terminated))
        try:
            yield parts
        finally:
            self.provider.gate.set()
            terminated.set()
            await running
            await parts.redis.aclose()
            await parts.store.close()


def event(event_id: str = "e1", **more: Any) -> dict[str, Any]:
    """What a client posts."""
    return {"id": event_id, "source": "a5", "email": MAIL, **more}


def is_problem(answer: httpx.Response, status: int) -> bool:
    """Whether an answer is a problem+json of this status that says something."""
    named = answer.status_code == answer.json().get("status") == status
    return named and answer.headers["content-type"] == "application/problem+json" and bool(answer.json()["detail"])
