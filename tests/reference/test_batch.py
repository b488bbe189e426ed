"""Entries that ask for no mail end a batch at a time, and what is out of the ordinary ends as it would have alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from unittest.mock import patch

import pytest
from redis.asyncio import Redis as Client

from reference import connection
from reference.batch import Batches
from reference.delivery import Delivery
from reference.queue import Entry
from reference.store import NewRow
from tests.reference.queueing import event, intake, record
from tests.reference.servers import Redis, eventually
from tests.reference.workbench import Workbench

COUNT = 40


async def accept_all(client: Client, *, count: int = COUNT) -> None:
    door = intake(client)
    await asyncio.gather(*(door.accept(event(f"e{n}")) for n in range(count)))


async def statuses(client: Client, *, count: int = COUNT) -> list[str]:
    return [(await record(client, event(f"e{n}").pair)).get("status", "") for n in range(count)]


async def are_final(client: Client) -> bool:
    return set(await statuses(client)) <= {"completed", "failed"}


class Ways:
    """Which entries went which way."""

    def __init__(self) -> None:
        self.together: list[str] = []
        self.alone: list[str] = []

    def watched(self) -> Any:
        end, deliver = Batches.end, Delivery.deliver

        async def ending(batches: Batches, entries: Sequence[Entry]) -> list[Entry]:
            self.together += [entry.pair.id for entry in entries]
            return await end(batches, entries)

        async def delivering(delivery: Delivery, entry: Entry) -> Any:
            self.alone.append(entry.pair.id)
            return await deliver(delivery, entry)

        return patch.multiple(Batches, end=ending), patch.multiple(Delivery, deliver=delivering)


@pytest.fixture
def ways() -> Any:
    seen = Ways()
    first, second = seen.watched()
    with first, second:
        yield seen


async def test_they_end_together(redis: Redis, redis_client: Client, ways: Ways) -> None:
    bench = Workbench(redis.url)
    await accept_all(redis_client)
    async with bench.working() as parts:
        await eventually(lambda: are_final(redis_client))
        await eventually(lambda: ended(parts) == COUNT)
    assert await statuses(redis_client) == ["completed"] * COUNT
    assert (len(ways.together), ways.alone) == (COUNT, [])
    assert [len(await bench.memory.find(f"e{n}")) for n in range(COUNT)] == [1] * COUNT
    assert await redis_client.xlen(connection.STREAM) == await redis_client.zcard(connection.OPEN) == 0
    told = await record(redis_client, event("e0").pair)
    assert told["processed_at"].endswith("Z")
    assert "event" not in told


def ended(parts: Any) -> float:
    return float(parts.exposition.registry.get_sample_value("ingest_entries_total", {"outcome": "completed"}) or 0)


async def test_switched_off_each_goes_alone(redis: Redis, redis_client: Client, ways: Ways) -> None:
    await accept_all(redis_client)
    async with Workbench(redis.url, FAST_PATH="false").working():
        await eventually(lambda: are_final(redis_client))
    assert (ways.together, len(ways.alone)) == ([], COUNT)


async def test_one_with_another_payload_in_the_store_fails_alone(redis: Redis, redis_client: Client, ways: Ways) -> None:
    bench = Workbench(redis.url)
    await bench.memory.add([NewRow.of(event("e7", data=2))])
    await accept_all(redis_client)
    async with bench.working():
        await eventually(lambda: are_final(redis_client))
    assert [n for n, status in enumerate(await statuses(redis_client)) if status == "failed"] == [7]
    assert ways.alone == ["e7"]


async def test_while_the_store_is_away_nothing_ends_and_then_all_does(redis: Redis, redis_client: Client, ways: Ways) -> None:
    bench = Workbench(redis.url, RETRY_BASE_SECONDS="0.05", RETRY_CAP_SECONDS="0.1")
    bench.database.is_away = True
    await accept_all(redis_client)
    async with bench.working():
        await eventually(lambda: redis_client.zcard(connection.DELAYED))
        assert not set(await statuses(redis_client)) & {"completed", "failed"}
        bench.database.is_away = False
        await eventually(lambda: are_final(redis_client))
    assert await statuses(redis_client) == ["completed"] * COUNT
