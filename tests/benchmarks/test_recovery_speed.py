"""After kill -9 of a worker: how soon its entries are back at work, with the settings the service comes with."""

from __future__ import annotations

import asyncio
import subprocess
import time
from dataclasses import dataclass
from typing import Any

import redis as blocking

from reference.connection import GROUP, STREAM
from reference.settings import Settings
from tests.benchmarks.stack import stack
from tests.reference.servers import SendGrid, eventually

EVENTS = 40
LOOKS_EVERY_SECONDS = 0.02
LIMIT_SECONDS = 15.0
MAIL_SECONDS = 3.0
RECLAIM_SECONDS = Settings(database_url="postgresql://unused", async_ingestion=False).reclaim_seconds  # type: ignore[arg-type]


@dataclass(frozen=True)
class Recovery:
    """When the last entry had another owner, after the kill; and the shortest time any had not been renewed by then."""

    back_s: float
    shortest_idle_s: float


async def recovered() -> Recovery:
    """One worker dies with its hands full, another one is there."""
    provider = SendGrid(delay_seconds=MAIL_SECONDS)
    await provider.start()
    async with stack() as made:
        env = {"SENDGRID_URL": provider.url, "SENDGRID_API_KEY": "SG.test"}
        client = blocking.Redis.from_url(made.redis_url, decode_responses=True)
        victim = made.run("reference", "worker", env=env)
        api = made.serve("reference", "api", "--port", env=env)
        await api.post("held", requests=EVENTS)
        await eventually(lambda: client.xpending(STREAM, GROUP)["pending"] == EVENTS)
        name = str(client.xpending(STREAM, GROUP)["consumers"][0]["name"])
        made.run("reference", "worker", env=env)
        await eventually(lambda: client.xinfo_groups(STREAM)[0]["consumers"] == 2)
        found = await until_taken(client, victim, name)
        client.close()
    await provider.stop()
    return found


async def until_taken(client: Any, victim: subprocess.Popen[bytes], name: str) -> Recovery:
    victim.kill()
    victim.wait()
    killed = looked = time.monotonic()
    idle_s, shortest_s = dict[str, float](), RECLAIM_SECONDS * 10
    while True:
        held = client.xpending_range(STREAM, GROUP, "-", "+", EVENTS, consumername=name)
        now = time.monotonic()
        assert now - killed < 60, "nobody takes them up"
        for entry_id in idle_s.keys() - {entry["message_id"] for entry in held}:
            shortest_s = min(shortest_s, idle_s.pop(entry_id) + now - looked)  # at the most, by the time it was taken
        if not held:
            return Recovery(now - killed, shortest_s)
        idle_s, looked = {entry["message_id"]: entry["time_since_delivered"] / 1e3 for entry in held}, now
        await asyncio.sleep(LOOKS_EVERY_SECONDS)


def test_a_killed_workers_entries_are_back_at_work(benchmark: Any) -> None:
    found = benchmark.pedantic(lambda: asyncio.run(recovered()), rounds=1)
    benchmark.extra_info |= {
        "back_after_s": round(found.back_s, 1),
        "shortest_idle_s": round(found.shortest_idle_s, 1),
        "reclaim_seconds": RECLAIM_SECONDS,
    }
    assert found.back_s <= LIMIT_SECONDS
    assert found.shortest_idle_s >= RECLAIM_SECONDS, "it was taken from a worker whose heartbeat was younger"
