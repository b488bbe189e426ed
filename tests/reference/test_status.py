"""The status of an event of which the database knows more than Redis: what was shown final stays final."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from reference.events import Event
from reference.store import NewRow
from reference.wiring import ApiParts
from tests.reference.servers import Redis
from tests.reference.two_paths.steps import accept, event, process, status_of
from tests.reference.workbench import Workbench


@pytest.fixture
async def bench(redis: Redis) -> AsyncIterator[Workbench]:
    opened = Workbench(redis.url)
    yield opened
    await opened.close()


async def complete(bench: Workbench, done: Event) -> None:
    """What a worker has done that was cut off before it could tell Redis."""
    await bench.memory.add([NewRow.of(done)])
    await bench.memory.complete([done.pair])


async def test_what_was_shown_final_stays_final_while_the_database_is_away(bench: Workbench) -> None:
    first, second = bench.api(), bench.api()
    assert await accept(first, event()) == "accepted"
    await complete(bench, event())
    assert await status_of(first, event()) == "completed"
    bench.database.is_away = True
    assert await status_of(second, event()) == "completed"
    assert await accept(second, event()) == "duplicate completed"


async def test_what_a_synchronous_duplicate_was_shown_stays_final_as_well(bench: Workbench) -> None:
    api = bench.api()
    assert await accept(api, event()) == "accepted"
    await complete(bench, event())
    assert await process(api, event()) == "duplicate completed"
    bench.database.is_away = True
    assert await status_of(api, event()) == "completed"


async def test_what_nobody_was_shown_is_redis_word_while_the_database_is_away(bench: Workbench) -> None:
    api: ApiParts = bench.api()
    assert await accept(api, event()) == "accepted"
    await complete(bench, event())
    bench.database.is_away = True
    assert await status_of(api, event()) == "pending"
    bench.database.is_away = False
    assert await status_of(api, event()) == "completed"
