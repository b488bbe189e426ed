"""One path after the other on one pair: it stays one event. The rules are those of `reference/markers.py`."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from reference.connection import call, index_key, record_key
from reference.events import Event
from reference.store import StoreUnavailableError
from reference.wiring import ApiParts
from tests.reference.servers import eventually
from tests.reference.two_paths.steps import (
    abandon,
    accept,
    event,
    is_completed,
    is_finished_in_redis,
    marker_of,
    process,
    queued,
    row_of,
    status_of,
)
from tests.reference.workbench import Workbench


async def test_what_was_processed_is_a_duplicate_for_the_queue(api: ApiParts) -> None:
    assert await process(api, event()) == "processed"
    assert await accept(api, event()) == "duplicate completed"
    assert await accept(api, event(data=2)) == "conflict"
    assert await status_of(api, event()) == "completed"
    assert await queued(api) == 0


async def test_a_marker_lives_as_long_as_the_dedupe_window(api: ApiParts) -> None:
    await process(api, event())
    assert api.redis is not None
    for key in (record_key(event().pair.key), index_key("e1")):
        assert 23 * 3600 < int(await call(api.redis, "TTL", key)) <= 24 * 3600


async def test_what_was_accepted_is_a_duplicate_for_a_request(api: ApiParts, bench: Workbench) -> None:
    assert await accept(api, event()) == "accepted"
    assert await process(api, event(data=2)) == "conflict"
    assert await row_of(api, event()) is None, "nothing of the attempt may stand in the worker's way"
    assert await process(api, event()) == "duplicate pending", "not stored yet: Redis tells"
    row = await row_of(api, event())
    assert row is not None
    assert (row.path, row.status, row.is_leased) == ("queue", "pending", False), "now even without Redis it is known"
    async with bench.working():
        await eventually(lambda: is_completed(api, event()))
    assert await process(api, event()) == "duplicate completed"
    assert bench.provider.taken == {"e1": 1}


async def test_a_row_of_the_queue_is_no_requests(api: ApiParts, bench: Workbench) -> None:
    bench.provider.status = 503
    await accept(api, event())
    async with bench.working():
        await eventually(lambda: row_of(api, event()))
        assert await process(api, event()) == "duplicate pending"
        bench.provider.status = 202
        await eventually(lambda: is_completed(api, event()))
    assert bench.provider.taken == {"e1": 1}


@pytest.mark.parametrize("mailed", [True, False], ids=["with a mail", "without a mail"])
async def test_a_request_that_meets_an_accepted_event_leaves_nothing(api: ApiParts, bench: Workbench, mailed: bool) -> None:
    accepted, other = event(mailed=mailed), event(mailed=mailed, data=2)
    await accept(api, accepted)
    assert await process(api, other) == "conflict"
    assert await row_of(api, other) is None
    async with bench.working():
        await eventually(lambda: is_completed(api, accepted))
    row = await row_of(api, accepted)
    assert row is not None
    assert (row.path, row.status) == ("queue", "completed")


async def test_a_request_that_meets_a_failed_event_without_a_row_leaves_none(api: ApiParts) -> None:
    await accept(api, event())
    assert api.redis is not None
    await call(api.redis, "HSET", record_key(event().pair.key), "status", "failed")
    assert await process(api, event()) == "duplicate failed"
    assert await row_of(api, event()) is None


async def test_without_a_mail_an_accepted_event_is_finished_by_the_worker(api: ApiParts, bench: Workbench) -> None:
    plain = event(mailed=False)
    await accept(api, plain)
    assert await process(api, plain) == "duplicate pending"
    async with bench.working():
        await eventually(lambda: is_finished_in_redis(api))
    assert await status_of(api, plain) == "completed"


async def test_without_a_mail_an_event_is_processed_once_too(api: ApiParts, bench: Workbench) -> None:
    assert await process(api, event(mailed=False)) == "processed"
    assert await accept(api, event(mailed=False)) == "duplicate completed"
    assert bench.provider.taken == {}


async def test_what_can_never_be_stored_is_refused_unless_the_queue_had_accepted_it(api: ApiParts) -> None:
    poison = event(data="\x00")
    assert await process(api, poison) == "unstorable"
    assert await accept(api, poison) == "accepted"
    assert await process(api, poison) == "duplicate pending"


async def test_a_refused_mail_leaves_neither_row_nor_marker(api: ApiParts, bench: Workbench) -> None:
    bench.provider.status = 400
    assert await process(api, event()) == "mail-refused"
    assert (await row_of(api, event()), await marker_of(api)) == (None, "")
    assert await status_of(api, event()) is None
    assert await accept(api, event(data=2)) == "accepted"


async def test_who_cannot_ask_the_database_takes_nothing(api: ApiParts, bench: Workbench) -> None:
    await abandon(api, bench)

    async def away(*args: Any, **named: Any) -> Any:
        raise StoreUnavailableError("away", was_asked=True)

    api.store.find = away  # type: ignore[method-assign]
    assert await accept(api, event()) == "store-down"
    assert await accept(api, event("fresh")) == "accepted", "a fresh event needs no database"


async def test_whoever_hears_from_the_database_too_late_takes_nothing(api: ApiParts, bench: Workbench) -> None:
    """`drain` counts on it that no accept begins after the time it waits."""
    await abandon(api, bench)
    find = api.store.find

    async def slow(*args: Any, **named: Any) -> Any:
        await asyncio.sleep(0.6)  # more than SETTINGS' ACCEPT_DEADLINE_SECONDS
        return await find(*args, **named)

    api.store.find = slow  # type: ignore[method-assign]
    assert (await accept(api, event()), await queued(api)) == ("busy", 0)


async def test_what_redis_calls_unfinished_may_be_finished_already(api: ApiParts) -> None:
    await accept(api, event())
    assert api.redis is not None
    await call(api.redis, "HSET", record_key(event().pair.key), "status", "processing")
    assert await status_of(api, event()) == "processing"
    await process_behind_its_back(api, event(data=2))
    assert await status_of(api, event()) == "processing", "another payload under this pair says nothing of it"
    assert await accept(api, event()) == "duplicate processing"


async def process_behind_its_back(api: ApiParts, event: Event) -> None:
    without_queue = api.synchronous
    without_queue._markers = None
    assert await process(api, event) == "processed"
