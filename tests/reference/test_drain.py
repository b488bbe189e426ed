"""Draining: what is left is counted wherever it is, said as it changes, and empty means that it stays so."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis as Client

from reference import commands, connection, drain
from reference.__main__ import _parser
from reference.commands import Tools
from reference.drain import Left
from reference.events import Event, parse
from reference.memory import MemoryStore
from reference.queue import Delay, Queue
from reference.settings import Settings
from reference.store import NewRow
from tests.reference.queueing import finish, intake, seen_by, taken
from tests.reference.servers import Redis
from tests.reference.workbench import Database


@pytest.fixture
async def tools(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Tools]:
    """An empty queue and store, looked at often."""
    monkeypatch.setattr(drain, "LOOKS_EVERY_SECONDS", 0.01)
    monkeypatch.setattr(drain, "STAYS_EMPTY_SECONDS", 0.1)
    client = connection.connect(redis.url, timeout_seconds=2, connect_timeout_seconds=1)
    settings = Settings.of({"DATABASE_URL": "x", "REDIS_URL": redis.url})
    yield Tools(settings, client, MemoryStore(Database()))
    await client.aclose()


def redis_of(tools: Tools) -> Client:
    assert tools.redis is not None
    return tools.redis


async def queue_of(tools: Tools) -> Queue:
    queue = seen_by(redis_of(tools), "one")
    await queue.create_group()
    return queue


def event(event_id: str) -> Event:
    return parse(f'{{"id": "{event_id}", "source": "a5", "email": {{"to": "r@example.com", "subject": "S", "text": "T"}}}}')


async def count(tools: Tools) -> Left:
    return await drain.count(tools.redis, tools.store)


async def test_everything_unfinished_is_counted_where_it_is(tools: Tools) -> None:
    assert await count(tools) == Left(), "not even a group is there"
    for name in ("a", "b", "c", "d", "e"):
        await intake(redis_of(tools)).accept(event(name))
    assert await count(tools) == Left(queued=5)
    queue = await queue_of(tools)
    delayed, parked, done, _ = await taken(queue, count=4)
    await queue.delay([Delay(delayed.entry_id, delayed.key, 60.0), Delay(parked.entry_id, parked.key, 60.0, is_parked=True)])
    await queue.finish([finish(done)])
    await tools.store.reserve(NewRow.of(event("f")), owner="one", lease_seconds=60)
    assert await count(tools) == Left(queued=1, in_flight=1, delayed=1, parked=1, requests=1)


async def test_it_waits_for_the_last_event_and_says_what_is_left(tools: Tools) -> None:
    queue, said = await queue_of(tools), list[str]()
    await intake(redis_of(tools)).accept(event("a"))
    waiting = asyncio.create_task(drain.drain(tools, within_seconds=math.inf, tell=said.append))
    (entry,) = await taken(queue)
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await queue.finish([finish(entry)])
    assert await asyncio.wait_for(waiting, 10) == 0
    assert said[-2:] == [str(Left()), "drained"]
    assert f"{Left(in_flight=1)}" in said


async def test_empty_for_a_moment_is_not_drained(tools: Tools) -> None:
    waiting = asyncio.create_task(drain.drain(tools, within_seconds=0.3, tell=lambda said: None))
    await asyncio.sleep(0.05)
    await intake(redis_of(tools)).accept(event("a"))  # what was on its way when the flag was turned
    assert await waiting == 1


async def test_not_in_time_is_told_with_what_is_left(tools: Tools) -> None:
    said = list[str]()
    await intake(redis_of(tools)).accept(event("a"))
    assert await drain.drain(tools, within_seconds=0.05, tell=said.append) == 1
    assert said[-1] == f"not drained within 0.05 s; left: {Left(queued=1)}"


async def test_what_cannot_be_seen_is_not_drained(tools: Tools) -> None:
    nobody = connection.connect("redis://127.0.0.1:1/0", timeout_seconds=0.2, connect_timeout_seconds=0.2)
    said = list[str]()
    assert await drain.drain(Tools(tools.settings, nobody, tools.store), within_seconds=0.2, tell=said.append) == 1
    assert commands.REDIS_IS_AWAY in said


async def test_without_redis_only_requests_at_work_are_waited_for(tools: Tools) -> None:
    await tools.store.reserve(NewRow.of(event("a")), owner="one", lease_seconds=0.1)
    said = list[str]()
    assert await drain.drain(Tools(tools.settings, None, tools.store), within_seconds=10, tell=said.append) == 0
    assert said == [str(Left(requests=1)), str(Left()), "drained"]


async def test_the_command_waits_as_long_as_it_is_told(tools: Tools, capsys: pytest.CaptureFixture[str]) -> None:
    await intake(redis_of(tools)).accept(event("a"))
    assert await commands.perform(_parser().parse_args(["drain", "--within", "0"]), tools) == 1
    assert "left: 1 queued" in capsys.readouterr().out
    for words in ("soon", "-1", "inf"):
        with pytest.raises(SystemExit) as end:
            _parser().parse_args(["drain", "--within", words])
        assert end.value.code == 2
