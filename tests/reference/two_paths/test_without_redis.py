"""The synchronous path while Redis is away, and what is made up for once it is back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from reference.connection import call, record_key
from reference.status import StatusUnavailableError
from tests.reference.servers import Redis, eventually
from tests.reference.two_paths.steps import (
    accept,
    event,
    is_completed,
    is_finished_in_redis,
    marker_of,
    nothing_is_unmarked,
    process,
    status_of,
)
from tests.reference.workbench import NOWHERE, Workbench


async def test_without_redis_requests_go_on_and_are_told_of_later(own_redis: Redis, mortal: Workbench) -> None:
    api = mortal.api()
    assert api.markers is not None
    keeping_up = asyncio.create_task(api.markers.keep_up())
    await eventually(lambda: not api.markers._behind.is_set())  # type: ignore[union-attr]
    assert await accept(api, event("queued")) == "accepted"
    own_redis.kill()
    assert [await process(api, event()), await process(api, event())] == ["processed", "duplicate completed"]
    assert await process(api, event("plain", mailed=False)) == "processed"
    assert await status_of(api, event()) == "completed"
    with pytest.raises(StatusUnavailableError):
        await status_of(api, event("queued"))
    own_redis.start()
    await eventually(lambda: nothing_is_unmarked(api))
    keeping_up.cancel()
    assert await accept(api, event()) == "duplicate completed"
    assert await accept(api, event("plain", mailed=False)) == "duplicate completed"
    assert await accept(api, event("queued")) == "duplicate pending"


async def test_an_accepted_event_that_was_processed_without_redis_is_stored_and_mailed_once(
    own_redis: Redis, mortal: Workbench
) -> None:
    """The one thing that is not kept: two acceptances. Its status never goes back all the same."""
    api = mortal.api()
    assert await accept(api, event()) == "accepted"
    own_redis.kill()
    assert await process(api, event()) == "processed"
    own_redis.start()
    await eventually(lambda: is_completed(api, event()))
    assert api.redis is not None
    assert await call(api.redis, "HGET", record_key(event().pair.key), "status") == "pending", "Redis does not know yet"
    assert await accept(api, event()) == "duplicate completed"
    assert api.markers is not None
    await api.markers.catch_up()
    assert await marker_of(api) == "", "the queue's record is not touched"
    async with mortal.working():
        await eventually(lambda: is_finished_in_redis(api))
    assert mortal.provider.taken == {"e1": 1}


async def test_that_redis_is_away_is_remembered_for_a_moment(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    for seconds in ("_AWAY_SECONDS", "_PATIENCE_SECONDS"):  # however slow this machine is
        monkeypatch.setattr(f"reference.markers.{seconds}", 600.0)
    api = bench.api(REDIS_URL=NOWHERE)
    assert api.markers is not None
    asked = 0

    async def refusing(*args: Any, **named: Any) -> Any:
        nonlocal asked
        asked += 1
        raise RedisConnectionError("refused")

    api.markers._run = refusing  # type: ignore[method-assign]
    for number in range(3):
        assert await process(api, event(f"e{number}")) == "processed"
    assert asked == 5, "the first request tries a few times, for replies may get lost; the others not at all"
    api.markers.note_back()
    await process(api, event("e4"))
    assert asked == 10


async def test_who_waits_for_a_silent_redis_does_not_wait_for_ever(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    api, asked = bench.api(), 0

    async def silent(*args: Any, **named: Any) -> Any:
        nonlocal asked
        asked += 1
        raise TimeoutError("no answer")

    assert api.markers is not None
    monkeypatch.setattr("reference.markers._PATIENCE_SECONDS", 0.05)
    api.markers._run = slowly(silent)  # type: ignore[method-assign, assignment]
    assert await process(api, event()) == "processed"
    assert asked == 1


def slowly(call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def called(*args: Any, **named: Any) -> Any:
        await asyncio.sleep(0.1)
        return await call(*args, **named)

    return called


async def test_whoever_comes_back_catches_up_in_portions(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reference.markers._AT_ONCE", 2)
    away, api = bench.api(REDIS_URL=NOWHERE), bench.api()
    for number in range(5):
        await process(away, event(f"e{number}"))
    assert api.markers is not None
    await api.markers.catch_up()
    assert await nothing_is_unmarked(api)
    assert {await accept(api, event(f"e{number}")) for number in range(5)} == {"duplicate completed"}
