"""Both paths on one pair at once: an interleaving is made by letting the other side act at exactly one step."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest

from reference.connection import DELAYED, call, record_key
from reference.events import Event, fingerprint
from reference.intake import Intake, UnansweredError
from reference.markers import Standing
from reference.store import StoreUnavailableError
from reference.wiring import ApiParts
from tests.reference.servers import eventually
from tests.reference.two_paths.steps import (
    abandon,
    accept,
    all_completed,
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


def before(owner: Any, name: str, act: Callable[[], Awaitable[Any]]) -> None:
    """Let ``act`` happen once, just before ``owner.name`` is called."""
    original, acted = getattr(owner, name), False

    async def acting(*args: Any, **named: Any) -> Any:
        nonlocal acted
        if not acted:
            acted = True
            await act()
        return await original(*args, **named)

    setattr(owner, name, acting)


async def test_an_accept_between_reserving_and_marking_wins(api: ApiParts, bench: Workbench) -> None:
    said = list[str]()

    async def other_side() -> None:
        said.append(await accept(api, event()))

    assert api.markers is not None
    before(api.markers, "mark", other_side)
    assert (await process(api, event()), said) == ("duplicate pending", ["accepted"])
    row = await row_of(api, event())
    assert row is not None
    assert (row.path, row.is_leased, await queued(api)) == ("queue", False, 1)
    assert bench.provider.taken == {}


async def test_an_attempt_that_begins_after_an_accept_looked_wins(api: ApiParts, bench: Workbench) -> None:
    other, said = bench.api(), list[str]()
    await abandon(api, bench)
    bench.provider.delay_seconds = 0.1

    async def begin() -> None:
        attempt = asyncio.create_task(process(other, event()))
        attempt.add_done_callback(lambda done: said.append(done.result()))
        await eventually(lambda: is_marked_anew(api))

    assert api.handover is not None
    intake = api.handover._intake
    takes = intake.accept

    async def accepting(event: Event, *, marker: str = "") -> Any:
        if marker and not said:
            await begin()
        return await takes(event, marker=marker)

    seen = await marker_of(api)

    async def is_marked_anew(api: ApiParts) -> bool:
        return await marker_of(api) not in ("", seen)

    intake.accept = accepting  # type: ignore[method-assign]
    assert await accept(api, event()) == "duplicate completed", "it waited for the attempt"
    assert await eventually(lambda: said) == ["processed"]
    assert (bench.provider.taken, await queued(api)) == ({"e1": 1}, 0)


async def test_what_a_request_abandoned_the_queue_takes_over(api: ApiParts, bench: Workbench) -> None:
    await abandon(api, bench)
    assert await accept(api, event()) == "accepted"
    assert await marker_of(api) == ""
    assert api.redis is not None
    assert await call(api.redis, "TTL", record_key(event().pair.key)) == -1, "what is pending never expires"
    assert await process(api, event()) == "duplicate pending"
    assert await accept(api, event()) == "duplicate pending"
    async with bench.working():
        await eventually(lambda: is_completed(api, event()))
    assert bench.provider.taken == {"e1": 1}


async def test_taking_over_another_payload_is_a_conflict(api: ApiParts, bench: Workbench) -> None:
    await abandon(api, bench)
    assert await accept(api, event(data=2)) == "conflict"
    assert await process(api, event()) == "processed"


async def test_a_marker_without_a_row_is_taken_over(api: ApiParts) -> None:
    assert api.markers is not None
    await api.markers.mark(event().pair, fingerprint="any", token="t")  # and then the attempt died
    assert await status_of(api, event()) is None
    assert await accept(api, event()) == "accepted"
    assert await status_of(api, event()) == "pending"


async def test_the_own_retry_of_a_lost_taking_over_is_an_acceptance(
    api: ApiParts, bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await abandon(api, bench)
    send, sent = Intake._send, 0

    async def losing(self: Intake, *arguments: Any) -> Any:
        nonlocal sent
        sent += 1
        answer = await send(self, *arguments)
        if sent == 2:
            raise UnansweredError("lost")
        return answer

    monkeypatch.setattr(Intake, "_send", losing)
    assert await accept(api, event()) == "accepted"
    assert (sent, await queued(api)) == (3, 1)


async def test_a_full_queue_takes_nothing_over(bench: Workbench) -> None:
    api = bench.api(HIGH_WATER="1")
    await abandon(api, bench)
    await accept(api, event("other"))
    assert await accept(api, event()) == "full"
    assert await process(api, event()) == "processed"


async def test_who_meets_a_request_at_work_waits_and_then_takes_nothing(api: ApiParts, bench: Workbench) -> None:
    bench.provider.delay_seconds = 1.0
    attempt = asyncio.create_task(process(api, event()))
    await eventually(lambda: marker_of(api))
    assert await accept(api, event()) == "busy"
    assert (await attempt, await queued(api)) == ("processed", 0)


async def test_a_worker_waits_for_a_request_at_work(api: ApiParts, bench: Workbench) -> None:
    """The request could not ask Redis, so it does not know that the event was accepted."""
    assert api.markers is not None
    await accept(api, event())
    bench.provider.delay_seconds = 0.5

    async def away(*args: Any, **named: Any) -> Standing:
        return Standing("away")

    api.markers.mark = away  # type: ignore[method-assign]
    attempt = asyncio.create_task(process(api, event()))
    await eventually(lambda: row_of(api, event()))
    async with bench.working():
        assert await attempt == "processed"
        await eventually(lambda: is_finished_in_redis(api))
    assert bench.provider.taken == {"e1": 1}


async def test_a_worker_waits_for_a_request_with_another_payload_and_then_keeps_the_promise(
    api: ApiParts, bench: Workbench
) -> None:
    assert await accept(api, event()) == "accepted"
    assert api.markers is not None
    before(api.markers, "mark", lambda: a_worker_comes_by(api, bench))
    assert await process(api, event(data=2)) == "conflict"
    async with bench.working():
        await eventually(lambda: is_completed(api, event()))
    row = await row_of(api, event())
    assert row is not None
    assert row.fingerprint == fingerprint(event())
    assert bench.provider.taken == {"e1": 1}


async def a_worker_comes_by(api: ApiParts, bench: Workbench) -> None:
    async def is_put_back() -> bool:
        assert api.redis is not None
        return bool(await call(api.redis, "ZCARD", DELAYED) == 1)

    async with bench.working():
        await eventually(is_put_back)


async def test_a_refused_request_takes_back_its_own_marker_and_nothing_else(api: ApiParts, bench: Workbench) -> None:
    bench.provider.status = 400
    said = list[str]()

    async def other_side() -> None:
        said.append(await accept(api, event()))

    assert api.markers is not None
    before(api.markers, "unmark", other_side)
    assert (await process(api, event()), said) == ("mail-refused", ["accepted"])
    assert (await status_of(api, event()), await queued(api)) == ("pending", 1)


async def test_a_retry_whose_row_is_completed_while_it_marks_does_not_mail_again(bench: Workbench) -> None:
    api, is_away = bench.api(SYNC_DEADLINE_SECONDS="2"), True
    complete = api.store.complete

    async def completing(*args: Any, **named: Any) -> None:
        if is_away:
            raise StoreUnavailableError("away", was_asked=True)
        await complete(*args, **named)

    async def come_back() -> None:
        nonlocal is_away
        is_away = False
        await eventually(lambda: is_completed(api, event()))

    async def is_abandoned() -> bool:
        row = await row_of(api, event())
        return row is not None and row.is_abandoned

    api.store.complete = completing  # type: ignore[method-assign]
    assert await process(api, event()) == "unknown"
    assert await eventually(is_abandoned), "a retry may have it"
    assert api.markers is not None
    before(api.markers, "mark", come_back)
    assert await process(api, event()) == "processed"
    assert bench.provider.taken == {"e1": 1}


async def test_many_on_both_paths_at_once_make_one_event_each(bench: Workbench) -> None:
    bench.provider.delay_seconds = 0.01
    apis = [bench.api() for _ in range(2)]
    draws = Random(7)

    async def one(number: int) -> list[str]:
        each = event(f"e{number}", mailed=number % 4 != 0)

        async def client(side: int) -> str:
            await asyncio.sleep(draws.uniform(0, 0.02))
            return await (accept if side % 2 else process)(apis[side % 3 % 2], each)

        return await asyncio.gather(*(client(side) for side in range(8)))

    async with bench.working():
        answers = [await one(number) for number in range(40)]
        await eventually(lambda: all_completed(apis[0], count=40), within_seconds=30)
    firsts = Counter(answer for said in answers for answer in said if not answer.startswith("duplicate"))
    assert [sum(answer in ("accepted", "processed") for answer in said) for said in answers] == [1] * 40
    assert firsts.keys() == {"accepted", "processed"}, "both paths have to have won sometimes"
    assert bench.provider.taken == {f"e{number}": 1 for number in range(40) if number % 4}
