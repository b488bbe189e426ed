"""The queue as its tests use it: an event, the way in, one consumer of many, what is taken and how it ends."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from redis.asyncio import Redis as Client

from reference import connection
from reference.events import Event, Pair, parse
from reference.intake import Intake
from reference.queue import Entry, Finish, Queue, Reading


def seen_by(client: Client, consumer: str) -> Queue:
    return Queue(client, consumer=consumer, window_seconds=60)


def intake(client: Client, **changed: Any) -> Intake:
    return Intake(client, **{"random": Random(1), "high_water": 100, "deadline_seconds": 1.0, **changed})


def event(event_id: str = "e1", *, source: str = "a5", data: Any = 1) -> Event:
    return parse(f'{{"id": "{event_id}", "source": "{source}", "data": {data}}}')


async def taken(queue: Queue, *, count: int = 10) -> list[Entry]:
    return await taken_up(queue, await queue.read(count=count, block_seconds=0.05))


async def taken_up(queue: Queue, readings: Sequence[Reading]) -> list[Entry]:
    return (await queue.take(readings, most_bytes=1_000_000)).entries


def finish(entry: Entry, *, status: str = "completed", reason: str = "") -> Finish:
    return Finish(entry.entry_id, entry.pair, status, "2026-01-01T00:00:00Z", reason, entry.attempts + 1)


async def record(client: Any, pair: Pair) -> dict[str, str]:
    found: dict[str, str] = await client.hgetall(connection.record_key(pair.key))
    return found
