"""How this service is built in a simulated world: the same API and worker, with what the world gives instead of the real things.

redis-py runs unmodified; the event store is ``MemoryStore`` on the world's database, mail goes through the world's
transport, time is the world's. Nothing here imports the world: ``Host`` and ``Database`` say what is expected of it.
Where to go next: ``wiring`` (the same for real processes), ``memory`` (the store).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from random import Random
from typing import Any, Protocol

import httpx

from reference import flag, wiring
from reference.api import create_app
from reference.memory import Database, MemoryStore
from reference.settings import Settings


class Host(Protocol):
    """What the simulated world gives to one process."""

    name: str
    role: str
    env: Mapping[str, str]
    random: Random
    transport: httpx.AsyncBaseTransport
    database: Database
    terminated: asyncio.Event

    async def serve(self, app: Any) -> None:
        """Serve the ASGI application until the process is terminated."""


def build(host: Host) -> Callable[[], Awaitable[None]]:
    """The main of one simulated process: ``host.role`` is ``api``, ``worker`` or ``setup``."""

    async def main() -> None:
        if host.role == "setup":
            return  # the simulated database makes its tables at first use
        store, settings = MemoryStore(host.database), _settings(tuple(sorted(host.env.items())))
        given = wiring.Surroundings(host.name, settings, host.random, store, host.transport)
        await (_api(host, given) if host.role == "api" else _worker(host, given))

    return main


def set_flag(host: Host, percent: int | None) -> Callable[[], Awaitable[None]]:
    """The main of a simulated ``flag set`` (None: ``flag clear``)."""

    async def main() -> None:
        redis = wiring.operators_redis(_settings(tuple(sorted(host.env.items()))))
        await flag.write(redis, percent)
        await redis.aclose()

    return main


async def _api(host: Host, given: wiring.Surroundings) -> None:
    await host.serve(create_app(wiring.api(given)))


async def _worker(host: Host, given: wiring.Surroundings) -> None:
    parts = wiring.worker(given)
    await parts.worker.run(host.terminated)
    await parts.redis.aclose()


@lru_cache
def _settings(env: tuple[tuple[str, str], ...]) -> Settings:
    return Settings.of(dict(env))
