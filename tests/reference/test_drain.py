"""Draining: what is left is counted wherever it is, said as it changes, and empty means that it stays so."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

import pytest
from redis.asyncio import Redis as Client

from reference import commands, connection, drain, flag, wiring
from reference.__main__ import _parser
from reference.commands import Tools
from reference.drain import Left
from reference.events import Event, parse
from reference.memory import MemoryStore
from reference.queue import Delay, Queue
from reference.readiness import REDIS_IS_AWAY
from reference.settings import Settings
from reference.store import NewRow
from tests.reference.queueing import finish, intake, seen_by, taken
from tests.reference.servers import eventually
from tests.reference.workbench import Database


@pytest.fixture
def tools(redis_client: Client) -> Tools:
    """An empty queue and store."""
    settings = Settings.of({"DATABASE_URL": "x", "REDIS_URL": "redis://x"})
    return Tools(settings, redis_client, MemoryStore(Database()))


def redis_of(tools: Tools) -> Client:
    assert tools.redis is not None
    return tools.redis


async def queue_of(tools: Tools) -> Queue:
    queue = seen_by(redis_of(tools), "one")
    await queue.create_group()
    return queue


def event(event_id: str) -> Event:
    return parse(f'{{"id": "{event_id}", "source": "a5", "email": {{"to": "r@example.com", "subject": "S", "text": "T"}}}}')


async def drained(
    tools: Tools, *, tell: Callable[[str], None], within_seconds: float = math.inf, quiet_seconds: float = 0.1
) -> int:
    return await drain.drain(tools, within_seconds=within_seconds, quiet_seconds=quiet_seconds, tell=tell)


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
    waiting = asyncio.create_task(drained(tools, tell=said.append))
    (entry,) = await taken(queue)
    await eventually(lambda: f"{Left(in_flight=1)}" in said)
    assert not waiting.done()
    await queue.finish([finish(entry)])
    assert await asyncio.wait_for(waiting, 10) == 0
    assert said[-2:] == [str(Left()), "drained"]


async def test_empty_for_a_moment_is_not_drained(tools: Tools) -> None:
    said = list[str]()
    waiting = asyncio.create_task(drained(tools, tell=said.append, within_seconds=3, quiet_seconds=2))
    await eventually(lambda: said == [str(Left())])
    await intake(redis_of(tools)).accept(event("a"))  # what was on its way when the flag was turned
    assert await waiting == 1
    assert "drained" not in said


def test_empty_has_to_last_until_no_accept_can_still_be_under_way(tools: Tools) -> None:
    slow = tools.settings.model_copy(update={"accept_deadline_seconds": 5.0})
    for settings in (tools.settings, slow):
        last_begins_after = flag.LOOKS_EVERY_SECONDS + wiring.API_CALL_SECONDS
        meets_a_marker = settings.accept_deadline_seconds * 3  # asks, waits for the request, asks again
        assert drain.quiet_seconds(settings) >= last_begins_after + meets_a_marker


async def test_not_in_time_is_told_with_what_is_left(tools: Tools) -> None:
    said = list[str]()
    await intake(redis_of(tools)).accept(event("a"))
    assert await drained(tools, tell=said.append, within_seconds=0.05) == 1
    assert said[-1] == f"not drained within 0.05 s; left: {Left(queued=1)}"


async def test_what_cannot_be_seen_is_not_drained(tools: Tools) -> None:
    nobody = connection.connect("redis://127.0.0.1:1/0", timeout_seconds=0.2, connect_timeout_seconds=0.2)
    said = list[str]()
    assert await drained(Tools(tools.settings, nobody, tools.store), tell=said.append, within_seconds=0.2) == 1
    assert REDIS_IS_AWAY in said


async def test_without_redis_only_requests_at_work_are_waited_for(tools: Tools) -> None:
    await tools.store.reserve(NewRow.of(event("a")), owner="one", lease_seconds=0.1)
    said = list[str]()
    assert await drained(Tools(tools.settings, None, tools.store), tell=said.append, within_seconds=10) == 0
    assert said == [str(Left(requests=1)), str(Left()), "drained"]


async def test_the_command_waits_as_long_as_it_is_told(tools: Tools, capsys: pytest.CaptureFixture[str]) -> None:
    await intake(redis_of(tools)).accept(event("a"))
    assert await commands.perform(_parser().parse_args(["drain", "--within", "0"]), tools) == 1
    assert "left: 1 queued" in capsys.readouterr().out
    for words in ("soon", "-1", "inf"):
        with pytest.raises(SystemExit) as end:
            _parser().parse_args(["drain", "--within", words])
        assert end.value.code == 2
