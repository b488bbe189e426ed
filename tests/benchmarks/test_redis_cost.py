"""What an event costs Redis: memory while it is queued and afterwards, and the wait for the disk with each `appendfsync`.

One real Valkey of each kind, the service's own accept script, a worker that stores into memory. Nothing fails for being slow: the
figures are in `extra_info`, and docs/deploy.md (Redis) says what they were.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
from redis import Redis as Client

from tests.reference.servers import KEEPING, Redis, eventually
from tests.reference.workbench import Workbench

EVENTS = 2_000
POSTS = 1_000
IN_A_TURN = 50
POLICIES = ("always", "everysec")
AT_ONCE = 16
EVENT = {
    "source": "bench",
    "type": "page.published",
    "data": {"page": "x" * 200},
    "email": {"to": "reader@example.com", "subject": "Ready", "text": "Your page is ready."},
}


async def post(api: httpx.AsyncClient, numbers: range) -> list[float]:
    """Events of these numbers, `AT_ONCE` under way; milliseconds of each."""
    waiting, took_ms = iter(numbers), []

    async def client() -> None:
        for number in waiting:
            began = time.perf_counter()
            answer = await api.post("/ingest", json={"id": f"evt_{number:08}", **EVENT})
            took_ms.append((time.perf_counter() - began) * 1e3)
            assert answer.status_code == 202

    await asyncio.gather(*(client() for _ in range(AT_ONCE)))
    return took_ms


def used_bytes(redis: Redis) -> int:
    with Client(port=redis.port) as client:
        return int(client.info("memory")["used_memory"])


def test_memory_of_an_event(benchmark: Any, tmp_path: Path) -> None:
    server = Redis(tmp_path)
    server.start()

    async def measured() -> dict[str, int]:
        bench = Workbench(server.url, HIGH_WATER=str(2 * EVENTS))
        async with bench.serving() as api:
            await post(api, range(AT_ONCE))  # scripts, stream and group are there
            async with bench.working():
                await eventually(lambda: bench.provider.taken.total() == AT_ONCE)
            empty = used_bytes(server)
            await post(api, range(AT_ONCE, AT_ONCE + EVENTS))
            queued = used_bytes(server)
            async with bench.working():
                await eventually(lambda: bench.provider.taken.total() == AT_ONCE + EVENTS, within_seconds=600)
            done = used_bytes(server)
        return {"queued_bytes": (queued - empty) // EVENTS, "finished_bytes": (done - empty) // EVENTS}

    try:
        benchmark.extra_info |= benchmark.pedantic(lambda: asyncio.run(measured()), rounds=1)
    finally:
        server.kill()


def test_a_post_under_each_appendfsync(benchmark: Any, tmp_path: Path) -> None:
    servers = {policy: Redis(tmp_path / policy, options=(*KEEPING, "--appendfsync", policy)) for policy in POLICIES}

    async def measured() -> dict[str, list[float]]:
        took_ms: dict[str, list[float]] = {policy: [] for policy in POLICIES}
        async with AsyncExitStack() as stack:
            apis = {name: await stack.enter_async_context(Workbench(one.url).serving()) for name, one in servers.items()}
            for first in range(0, POSTS, IN_A_TURN):
                for policy, api in apis.items():  # in turns, so that a busy disk meets both
                    for number in range(first, first + IN_A_TURN):
                        took_ms[policy] += await post(api, range(number, number + 1))
        return took_ms

    try:
        for server in servers.values():
            server.directory.mkdir()
            server.start()
        took_ms = benchmark.pedantic(lambda: asyncio.run(measured()), rounds=1)
    finally:
        for server in servers.values():
            server.kill()
    medians = {f"{policy}_p50_ms": round(statistics.median(of_policy), 2) for policy, of_policy in took_ms.items()}
    benchmark.extra_info |= medians | {"sync_p50_ms": round(sync_ms(tmp_path), 2)}


def sync_ms(folder: Path) -> float:
    """The median of a small write and its fdatasync, in milliseconds: what this disk takes by itself."""
    took_ms = []
    with (folder / "synced").open("wb", buffering=0) as file:
        for _ in range(300):
            began = time.perf_counter()
            file.write(b"x" * 500)
            os.fdatasync(file.fileno())
            took_ms.append((time.perf_counter() - began) * 1e3)
    return statistics.median(took_ms)
