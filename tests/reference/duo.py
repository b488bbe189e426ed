"""An API and workers of the reference in this process, over one real Valkey, with database and mail provider in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from reference import wiring
from reference.api import create_app
from reference.settings import Settings
from reference.simulation import MemoryStore
from reference.telemetry import Tracing
from tests.reference.test_store import Database

MAIL = {"to": "reader@example.com", "subject": "Ready", "text": "Your page is ready."}
Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


@dataclass
class Provider:
    """Answers every mail with ``status``; None hangs."""

    status: int | None = 202
    calls: int = 0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.calls += 1
        if self.status is None:
            await asyncio.Event().wait()
        return httpx.Response(self.status or 0)


@dataclass
class Duo:
    """What the processes of one test share."""

    env: dict[str, str]
    tracing: Tracing | None = None
    provider: Provider = field(default_factory=Provider)
    store: MemoryStore = field(default_factory=lambda: MemoryStore(Database()))

    @asynccontextmanager
    async def api(self) -> AsyncIterator[httpx.AsyncClient]:
        """A client of an API process."""
        parts = wiring.api(self._given("api-0", seed=1))
        transport = httpx.ASGITransport(create_app(parts), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            yield client
        await parts.close()

    @asynccontextmanager
    async def worker(self, *, seed: int = 2) -> AsyncIterator[wiring.WorkerParts]:
        """A worker at work; told to stop at the end."""
        parts, terminated = wiring.worker(self._given(f"worker-{seed}", seed=seed)), asyncio.Event()
        running = asyncio.create_task(parts.worker.run(terminated))
        yield parts
        terminated.set()
        await running
        await parts.redis.aclose()

    async def crashed_worker(self, *, seed: int = 3) -> asyncio.Task[None]:
        """A worker that will not hand anything back: cancel the task, and nothing is tidied up."""
        parts = wiring.worker(self._given(f"worker-{seed}", seed=seed))
        return asyncio.create_task(parts.worker.run(asyncio.Event()))

    def _given(self, name: str, *, seed: int) -> wiring.Surroundings:
        settings = Settings.of({"DATABASE_URL": "postgresql://unused", "SENDGRID_API_KEY": "SG.secret", **self.env})
        return wiring.Surroundings(name, settings, Random(seed), self.store, httpx.MockTransport(self.provider), self.tracing)


def event(event_id: str = "e1", **more: Any) -> dict[str, Any]:
    """What a client posts."""
    return {"id": event_id, "source": "a5", "email": MAIL, **more}


def series(text: str) -> Series:
    """Every sample of an exposition, by name and labels."""
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}


def value(found: Series, name: str, **labels: str) -> float | None:
    """One sample; None if it is not there."""
    return found.get((name, frozenset(labels.items())))
