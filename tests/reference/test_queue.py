"""The queue's scripts on a real server: every move is atomic and only an entry's owner can make it."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import pytest

from reference import connection
from reference.intake import UnavailableError
from reference.lease import LeaseLostError, Leases
from reference.markers import Markers
from reference.memory import MemoryStore
from reference.queue import Delay, Queue, Reclaim
from tests.reference.queueing import event, finish, intake, record, seen_by, taken, taken_up
from tests.reference.servers import Redis
from tests.reference.workbench import Database


async def test_a_full_redis_takes_nothing_and_still_lets_workers_finish(own_redis: Redis) -> None:
    redis_client: Any = connection.connect(own_redis.url, timeout_seconds=2, connect_timeout_seconds=1)
    queue, door = seen_by(redis_client, "one"), intake(redis_client)
    await queue.create_group()
    for name in ("e1", "e2", "e3"):
        await door.accept(event(name))
    await redis_client.config_set("maxmemory", "1")
    with pytest.raises(UnavailableError):
        await door.accept(event("e4"))
    done, failed, later = await taken(queue)
    assert await queue.renew([done.entry_id]) == []
    assert await queue.delay([Delay(later.entry_id, later.key, 0.0)]) == [True]
    await queue.tend()
    (later,) = await taken(queue)
    assert await queue.finish([finish(done), finish(failed, status="failed"), finish(later)]) == [True] * 3
    assert (await redis_client.xlen(connection.STREAM), await redis_client.xlen(connection.DEAD)) == (0, 1)
    assert (await record(redis_client, done.pair))["status"] == "completed"
    await redis_client.aclose()


async def test_only_the_length_of_the_stream_shows_the_backlog(redis_client: Any, queue: Queue) -> None:
    """Why the autoscalers look at it: pending stops at what workers hold, the group's lag is lost with one deleted entry."""

    async def seen() -> tuple[int, int, int | None]:
        ((_, _, _, _, _, pending, *_, lag),) = await connection.call(redis_client, "XINFO", "GROUPS", connection.STREAM)
        return await redis_client.xlen(connection.STREAM), pending, lag

    door = intake(redis_client)
    for n in range(10):
        await door.accept(event(f"e{n}"))
    mine = await taken(queue, count=3)
    assert await seen() == (10, 3, 7)
    unread = (await redis_client.xrange(connection.STREAM))[5][0]
    await redis_client.xdel(connection.STREAM, unread)
    assert await seen() == (9, 3, None)
    await queue.finish([finish(entry) for entry in mine])
    assert await seen() == (6, 0, None)


async def test_a_command_without_an_answer_hangs_up_in_time() -> None:
    hung_up = asyncio.Event()

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # until the other side closes
        hung_up.set()
        writer.close()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
    silent = connection.connect(url, timeout_seconds=0.1, connect_timeout_seconds=0.1)
    with pytest.raises(TimeoutError, match=r"did not answer within 0\.1 s"):
        await connection.call(silent, "PING")
    await asyncio.wait_for(hung_up.wait(), 5)  # nobody reads a late answer as that of the next command
    await silent.aclose()
    server.close()


async def test_pending_never_expires_and_final_does(redis_client: Any, queue: Queue) -> None:
    await intake(redis_client).accept(event())
    keys = [connection.record_key(event().pair.key), connection.index_key("e1")]
    assert [await redis_client.ttl(key) for key in keys] == [-1, -1]
    (entry,) = await taken(queue)
    assert await queue.finish([finish(entry)]) == [True]
    assert [0 < await redis_client.ttl(key) <= 60 for key in keys] == [True, True]
    assert (await record(redis_client, entry.pair))["status"] == "completed"
    assert await redis_client.xlen(connection.STREAM) == 0


async def test_a_failed_event_is_a_dead_letter_with_its_reason(redis_client: Any, queue: Queue) -> None:
    await intake(redis_client).accept(event())
    (entry,) = await taken(queue)
    await queue.finish([finish(entry, status="failed", reason="refused")])
    ((_, letter),) = await redis_client.xrange(connection.DEAD)
    assert {name: letter[name] for name in ("source", "id", "reason", "attempts")} == {
        "source": "a5",
        "id": "e1",
        "reason": "refused",
        "attempts": "1",
    }
    assert (await intake(redis_client).accept(event())).status == "failed"


async def test_a_zombie_can_write_nothing(redis_client: Any, queue: Queue) -> None:
    await intake(redis_client).accept(event())
    (entry,) = await taken(queue)
    other = seen_by(redis_client, "two")
    (reclaimed,) = await taken_up(other, await other.tend(reclaim=Reclaim(0, 10)))
    assert reclaimed.takes == 2
    assert await queue.renew([entry.entry_id]) == [entry.entry_id]
    assert await queue.finish([finish(entry, status="failed")]) == [False]
    assert await queue.delay([Delay(entry.entry_id, entry.key, 0)]) == [False]
    assert await taken_up(queue, []) == []
    assert await other.finish([finish(reclaimed)]) == [True]
    assert (await record(redis_client, entry.pair))["status"] == "completed"


async def test_a_lease_that_was_not_renewed_is_asked_for_before_acting(redis_client: Any, queue: Queue) -> None:
    await intake(redis_client).accept(event())
    (entry,) = await taken(queue)
    leases, loop = Leases(queue, reclaim_seconds=2), asyncio.get_running_loop()
    leases.hold([entry.entry_id], since=loop.time() - 10)
    await leases.ensure(entry.entry_id)
    await seen_by(redis_client, "two").tend(reclaim=Reclaim(0, 10))
    await leases.ensure(entry.entry_id)  # still fresh: nothing to ask
    leases.hold([entry.entry_id], since=loop.time() - 10)
    with pytest.raises(LeaseLostError):
        await leases.ensure(entry.entry_id)


async def test_what_is_renewed_is_not_reclaimed(redis_client: Any, queue: Queue) -> None:
    await intake(redis_client).accept(event())
    (entry,) = await taken(queue)
    await asyncio.sleep(0.15)
    assert await queue.renew([entry.entry_id]) == []
    assert await seen_by(redis_client, "two").tend(reclaim=Reclaim(0.1, 10)) == []


async def test_taking_up_renews_the_lease(redis_client: Any, queue: Queue) -> None:
    await intake(redis_client).accept(event())
    readings = await queue.read(count=10, block_seconds=0.05)
    await redis_client.xclaim(connection.STREAM, connection.GROUP, "one", 0, [readings[0].entry_id], idle=5_000, justid=True)
    await taken_up(queue, readings)
    assert await seen_by(redis_client, "two").tend(reclaim=Reclaim(4, 10)) == [], "it was read long ago and taken up now"


async def test_a_reading_whose_answer_was_lost_is_reclaimed(redis_client: Any, queue: Queue) -> None:
    await intake(redis_client).accept(event())
    await queue.read(count=10, block_seconds=0.05)
    assert await taken(queue) == []
    (entry,) = await taken_up(queue, await queue.tend(reclaim=Reclaim(0, 10)))
    assert entry.takes == 1


async def test_delayed_events_come_back_with_what_was_known(redis_client: Any, queue: Queue) -> None:
    await intake(redis_client).accept(event())
    (entry,) = await taken(queue)
    await queue.delay([Delay(entry.entry_id, entry.key, 0.05, attempts=3, takes=0, was_mailed=True)])
    assert (await record(redis_client, entry.pair))["status"] == "pending"
    await queue.tend()
    assert await taken(queue) == []
    await queue.alarm.wait(at_most_seconds=5)
    await queue.tend()
    (again,) = await taken(queue)
    assert (again.attempts, again.takes, again.was_mailed) == (3, 1, True)
    await queue.delay([Delay(again.entry_id, again.key, 0.0, takes=10)])
    await queue.tend()
    assert [(entry.attempts, entry.takes) for entry in await taken(queue)] == [(3, 11)]


async def test_what_is_parked_comes_back_as_far_as_it_is_welcome(redis_client: Any, queue: Queue) -> None:
    door = intake(redis_client, high_water=3)
    for name in ("e1", "e2", "e3"):
        await door.accept(event(name))
    await queue.delay([Delay(entry.entry_id, entry.key, 60.0, is_parked=True) for entry in await taken(queue)])
    assert (await door.accept(event("e4"))).kind == "full", "what is parked still counts"
    came = []
    for welcome in (0, 1, 10):
        await queue.tend(most_parked=welcome)
        came.append([entry.key for entry in await taken(queue)])
    assert came == [[], [event("e1").pair.key], [event("e2").pair.key, event("e3").pair.key]]


async def test_the_index_forgets_a_source_when_its_record_ends(redis_client: Any) -> None:
    queue = Queue(redis_client, consumer="one", window_seconds=0.05)
    await queue.create_group()
    door = intake(redis_client)
    await door.accept(event(source="a"))
    (entry,) = await taken(queue)
    await queue.finish([finish(entry)])
    await asyncio.sleep(0.06)
    await door.accept(event(source="b"))
    (other,) = await taken(queue)
    await queue.finish([finish(other)])
    assert await redis_client.zrange(connection.index_key("e1"), 0, -1) == ["b"]


async def test_retiring_keeps_what_is_still_pending(redis_client: Any, queue: Queue) -> None:
    await intake(redis_client).accept(event())
    (entry,) = await taken(queue)
    await queue.retire()
    assert len(await redis_client.xinfo_consumers(connection.STREAM, connection.GROUP)) == 1
    await queue.finish([finish(entry)])
    await queue.retire()
    assert await redis_client.xinfo_consumers(connection.STREAM, connection.GROUP) == []


async def test_consumers_that_died_are_forgotten_unless_something_is_in_their_hands(
    redis_client: Any, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    await intake(redis_client).accept(event())
    assert len(await taken(seen_by(redis_client, "holds"))) == 1
    assert await taken(seen_by(redis_client, "died")) == []
    await asyncio.sleep(0.1)
    assert await taken(queue) == []
    await queue.tend(reclaim=Reclaim(60, 10))

    async def names() -> list[str]:
        return sorted(one["name"] for one in await redis_client.xinfo_consumers(connection.STREAM, connection.GROUP))

    assert await names() == ["died", "holds", "one"], "an hour has not passed"
    monkeypatch.setattr("reference.queue._FORGOTTEN_AFTER_SECONDS", 0.1)
    await queue.tend(reclaim=Reclaim(60, 10))
    assert await names() == ["holds", "one"]


async def test_markers_leave_no_source_of_an_id_behind_for_ever(redis_client: Any) -> None:
    for source in ("a", "b", "c"):
        markers = Markers(redis_client, MemoryStore(Database()), random=Random(1), window_seconds=0.05)
        assert (await markers.mark(event(source=source).pair, fingerprint="any", token=source)).kind == "marked"
        await redis_client.persist(connection.index_key("e1"))  # as long as one of them is in the queue
        await asyncio.sleep(0.1)
    assert await redis_client.zcard(connection.index_key("e1")) == 1
