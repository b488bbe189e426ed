"""Taking up what was read: so many bytes at a time, one suspect at a time, each take counted once; and a worker that does so."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from redis.asyncio import Redis as Client

from reference import connection
from reference.queue import SUSPECTED_AFTER_TAKES, Delay, Queue, Reading, Reclaim, Taken
from tests.reference.queueing import event, intake, record, seen_by, taken_up
from tests.reference.servers import Redis, eventually
from tests.reference.workbench import Workbench
from tests.reference.workbench import event as posted

LONG = '"' + "x" * 1000 + '"'
MANY_BYTES = 1_000_000


async def accept(client: Client, *names: str, data: str = "1") -> None:
    door = intake(client)
    for name in names:
        await door.accept(event(name, data=data))


def ids(found: Sequence[Any]) -> list[str]:
    return [each.key.rpartition(":")[2] for each in found]


async def suspect(client: Any, *names: str) -> None:
    for name in names:
        await client.hset(connection.record_key(event(name).pair.key), "takes", SUSPECTED_AFTER_TAKES)


async def takes(client: Any, name: str) -> int:
    return int((await record(client, event(name).pair))["takes"])


async def test_so_many_bytes_are_taken_up_and_the_rest_is_neither_counted_nor_touched(redis_client: Client, queue: Queue) -> None:
    await accept(redis_client, "e1", "e2", "e3", "e4", data=LONG)
    readings = await queue.read(count=10, block_seconds=0.05)
    taken = await queue.take(readings, most_bytes=2500)
    assert ([each.pair.id for each in taken.entries], taken.left) == (["e1", "e2"], readings[2:])
    assert [await takes(redis_client, name) for name in ("e1", "e2", "e3", "e4")] == [1, 1, 0, 0]
    assert (await record(redis_client, event("e3").pair))["status"] == "pending"
    rest = await queue.take(taken.left, most_bytes=1)
    assert [each.pair.id for each in rest.entries] == ["e3"], "one in any case"
    assert await seen_by(redis_client, "two").tend(reclaim=Reclaim(0.2, 10)) == [], "and all of them are still ours"


async def test_of_suspects_so_many_are_taken_up_as_are_asked_for(redis_client: Client, queue: Queue) -> None:
    await accept(redis_client, "e1", "e2", "e3", "e4")
    await suspect(redis_client, "e1", "e3", "e4")
    readings = await queue.read(count=10, block_seconds=0.05)
    taken = await queue.take(readings, most_bytes=MANY_BYTES)
    assert [(each.pair.id, each.is_suspect) for each in taken.entries] == [("e1", True), ("e2", False)]
    assert taken.suspects == readings[2:]
    assert (await queue.take(taken.suspects, most_bytes=MANY_BYTES, most_suspects=0)).entries == []
    assert [await takes(redis_client, name) for name in ("e3", "e4")] == [SUSPECTED_AFTER_TAKES] * 2
    await queue.delay([Delay(reading.entry_id, reading.key, 0.0) for reading in taken.suspects])
    assert [await takes(redis_client, name) for name in ("e3", "e4")] == [SUSPECTED_AFTER_TAKES] * 2, "put back unasked"


async def test_a_take_whose_answer_was_lost_is_counted_once(redis_client: Client, queue: Queue) -> None:
    await accept(redis_client, "e1")
    (reading,) = await queue.read(count=10, block_seconds=0.05)
    doubtful = Reading(reading.entry_id, reading.key, is_in_doubt=True)
    for _ in range(3):
        (entry,) = await taken_up(queue, [doubtful])
        assert entry.takes == 1
    (again,) = await taken_up(queue, [reading])
    assert again.takes == 2, "reclaimed from oneself it was lost, and is counted"
    other = seen_by(redis_client, "two")
    (reclaimed,) = await other.tend(reclaim=Reclaim(0, 10))
    (entry,) = await taken_up(other, [Reading(reclaimed.entry_id, reclaimed.key, is_in_doubt=True)])
    assert entry.takes == 3, "another's take is no doubtful one of ours"


async def test_a_take_after_a_delay_is_a_new_one(redis_client: Client, queue: Queue) -> None:
    await accept(redis_client, "e1")
    for count in (1, 2):
        (reading,) = await queue.read(count=10, block_seconds=0.05)
        (entry,) = await taken_up(queue, [Reading(reading.entry_id, reading.key, is_in_doubt=True)])
        assert entry.takes == count
        await queue.delay([Delay(entry.entry_id, entry.key, 0.0, takes=entry.takes)])
        await queue.tend()


async def test_the_age_is_told_of_what_was_tried(redis_client: Client, queue: Queue) -> None:
    await accept(redis_client, "new", "tried")
    await redis_client.hset(connection.record_key(event("tried").pair.key), "attempts", "2")
    await asyncio.sleep(0.1)
    new, tried = await taken_up(queue, await queue.read(count=10, block_seconds=0.05))
    assert (new.age_seconds, tried.attempts) == (0.0, 2)
    assert 0.1 <= tried.age_seconds < 60


@pytest.fixture
async def bench(redis: Redis) -> Any:
    """A service whose workers take up 3,000 bytes at a time."""
    made = Workbench(redis.url, BATCH_BYTES="3000", MAIL_CONCURRENCY="100")
    yield made
    await made.close()


async def post(bench: Workbench, *names: str, data: Any) -> None:
    async with bench.serving() as client:
        for name in names:
            assert (await client.post("/ingest", json=posted(name, data=data))).status_code == 202


def in_hand(worker: Any) -> list[int]:
    return [len(entry.event) for entry, _ in worker._tasks.values()]


async def test_a_worker_holds_so_many_bytes_and_leaves_in_order_what_it_never_took_up(bench: Workbench, redis: Redis) -> None:
    names = [f"e{n:02}" for n in range(40)]
    await post(bench, *names, data="x" * 1000)
    bench.provider.gate.clear()
    async with bench.working() as parts:
        await eventually(lambda: sum(in_hand(parts.worker)) >= 4 * 3000)
        await asyncio.sleep(0.1)
        assert sum(in_hand(parts.worker)) < 5 * 3000 + max(in_hand(parts.worker))
        assert len(parts.worker._left) > 10, "read with the others"
    left = connection.connect(redis.url, timeout_seconds=2, connect_timeout_seconds=1)
    pending = await connection.call(left, "XPENDING", connection.STREAM, connection.GROUP)
    assert (pending[0], await left.zcard(connection.DELAYED) > 10) == (0, True)
    async with bench.working():
        await eventually(lambda: len(bench.provider.taken) == len(names), within_seconds=20)
    assert set(bench.provider.taken.values()) == {1}
    await left.aclose()


async def test_suspects_are_tried_one_at_a_time_and_hold_nobody_up(bench: Workbench, redis_client: Client) -> None:
    await post(bench, "s1", "s2", "s3", "fine", data=1)
    await suspect(redis_client, "s1", "s2", "s3")
    bench.provider.gate.clear()
    async with bench.working() as parts:
        await eventually(lambda: len(bench.provider.requests) == 2)
        await asyncio.sleep(0.3)
        assert [entry.pair.id for entry, _ in parts.worker._tasks.values() if entry.is_suspect] == ["s1"]
        bench.provider.gate.set()
        await eventually(lambda: len(bench.provider.taken) == 4, within_seconds=20)
    assert [await takes(redis_client, name) for name in ("s2", "s3")] == [SUSPECTED_AFTER_TAKES + 1] * 2


async def test_a_worker_whose_take_was_not_answered_takes_again(
    bench: Workbench, redis_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not left to be reclaimed, nor counted as one more worker that died with it."""
    take, told = Queue.take, list[int]()

    async def losing(self: Queue, readings: Sequence[Reading], **limits: Any) -> Taken:
        taken = await take(self, readings, **limits)
        told.extend(entry.takes for entry in taken.entries)
        if len(told) <= 2:
            raise TimeoutError("lost")
        return taken

    monkeypatch.setattr(Queue, "take", losing)
    await post(bench, "e1", data=1)
    async with bench.working():
        await eventually(lambda: bench.provider.taken == {"e1": 1}, within_seconds=8)  # a reclaim would take 12
    assert told == [1, 1, 1]
