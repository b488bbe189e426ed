"""Both paths on one pair, with a real Redis and a real Postgres: whoever meets whom, and when, it stays one event.

The rules are those of `reference/markers.py`. An interleaving is made by letting the other side act at exactly one step.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import httpx
import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from reference import wiring
from reference.connection import STREAM, call, index_key, record_key
from reference.events import Event, parse
from reference.intake import Intake, UnansweredError
from reference.markers import Standing
from reference.postgres import PostgresStore
from reference.problem import ProblemError
from reference.settings import Settings
from reference.status import StatusUnavailableError
from reference.store import Row, StoreUnavailableError
from reference.wiring import ApiParts
from tests.reference.servers import Postgres, Redis, eventually

WITH_MAIL = {"email": {"to": "r@example.com", "subject": "S", "text": "T"}}


def event(event_id: str = "e1", *, mailed: bool = True, data: Any = 1) -> Event:
    return parse(json.dumps({"id": event_id, "source": "a5", "data": data, **(WITH_MAIL if mailed else {})}))


class Provider:
    """Takes mails after a moment; ``status`` is what it answers."""

    def __init__(self) -> None:
        self.status, self.delay_seconds = 202, 0.0
        self.mails: Counter[str] = Counter()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(self.delay_seconds)
        if self.status == 202:
            self.mails[json.loads(request.content)["custom_args"]["id"]] += 1
        return httpx.Response(self.status)


class Service:
    """API processes and workers in this process, each with connections of its own."""

    def __init__(self, *, redis_url: str, postgres_url: str) -> None:
        self.provider = Provider()
        self._urls = {"REDIS_URL": redis_url, "DATABASE_URL": postgres_url}
        self._seeds = iter(range(1, 1000))
        self._closing: list[Callable[[], Awaitable[None]]] = []

    def _given(self, **env: str) -> wiring.Surroundings:
        fixed = {"ACCEPT_DEADLINE_SECONDS": "0.5", "RECLAIM_SECONDS": "10", "RETRY_CAP_SECONDS": "0.2", "HIGH_WATER": "1000"}
        settings = Settings.of({**fixed, **self._urls, "SENDGRID_API_KEY": "k", **env})
        store = PostgresStore(settings.database_url.get_secret_value())
        return wiring.Surroundings("p", settings, Random(next(self._seeds)), store, httpx.MockTransport(self.provider))

    def api(self, **env: str) -> ApiParts:
        parts = wiring.api(self._given(**env))
        self._closing.append(parts.close)
        return parts

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """While a worker is at work."""
        given, terminated = self._given(), asyncio.Event()
        parts = wiring.worker(given)
        running = asyncio.create_task(parts.worker.run(terminated))
        yield
        terminated.set()
        await running
        await parts.redis.aclose()
        await given.store.close()

    async def close(self) -> None:
        for close in self._closing:
            await close()


@pytest.fixture
async def service(redis: Redis, postgres: Postgres) -> AsyncIterator[Service]:
    """A service whose servers are empty."""
    started = Service(redis_url=redis.url, postgres_url=postgres.url)
    yield started
    await started.close()


@pytest.fixture
async def api(service: Service) -> ApiParts:
    """One API process."""
    return service.api()


async def accept(api: ApiParts, event: Event) -> str:
    """The asynchronous path's answer in one word, with the status of a duplicate."""
    assert api.handover is not None
    try:
        answer = await api.handover.accept(event)
    except ProblemError as problem:
        return problem.kind
    return f"duplicate {answer.status}" if answer.kind == "duplicate" else answer.kind


async def process(api: ApiParts, event: Event) -> str:
    """The synchronous path's."""
    try:
        settled = await api.synchronous.process(event)
    except ProblemError as problem:
        return problem.kind
    return "processed" if settled is None else f"duplicate {settled}"


async def row_of(api: ApiParts, event: Event) -> Row | None:
    rows = await api.store.find(event.id)
    return rows[0] if rows else None


async def status_of(api: ApiParts, event: Event) -> str | None:
    found = await api.statuses.find(event.id, source=event.source)
    return found.status if found else None


async def queued(api: ApiParts) -> int:
    assert api.redis is not None
    return int(await call(api.redis, "XLEN", STREAM))


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


# --- what was processed at once is known to the queue


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


async def test_what_was_accepted_is_a_duplicate_for_a_request(api: ApiParts, service: Service) -> None:
    assert await accept(api, event()) == "accepted"
    assert await process(api, event(data=2)) == "conflict"
    assert await row_of(api, event()) is None, "nothing of the attempt may stand in the worker's way"
    assert await process(api, event()) == "duplicate pending", "not stored yet: Redis tells"
    row = await row_of(api, event())
    assert row is not None
    assert (row.path, row.status, row.is_leased) == ("queue", "pending", False), "now even without Redis it is known"
    async with service.working():
        await eventually(lambda: is_completed(api, event()))
    assert await process(api, event()) == "duplicate completed"
    assert service.provider.mails == {"e1": 1}


async def is_completed(api: ApiParts, event: Event) -> bool:
    return await status_of(api, event) == "completed"


async def test_a_row_of_the_queue_is_no_requests(api: ApiParts, service: Service) -> None:
    service.provider.status = 503
    await accept(api, event())
    async with service.working():
        await eventually(lambda: row_of(api, event()))
        assert await process(api, event()) == "duplicate pending"
        service.provider.status = 202
        await eventually(lambda: is_completed(api, event()))
    assert service.provider.mails == {"e1": 1}


@pytest.mark.parametrize("mailed", [True, False], ids=["with a mail", "without a mail"])
async def test_a_request_that_meets_an_accepted_event_leaves_nothing(api: ApiParts, service: Service, mailed: bool) -> None:
    accepted, other = event(mailed=mailed), event(mailed=mailed, data=2)
    await accept(api, accepted)
    assert await process(api, other) == "conflict"
    assert await row_of(api, other) is None
    async with service.working():
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


async def test_without_a_mail_an_accepted_event_is_finished_by_the_worker(api: ApiParts, service: Service) -> None:
    plain = event(mailed=False)
    await accept(api, plain)
    assert await process(api, plain) == "duplicate pending"
    async with service.working():
        await eventually(lambda: is_finished_in_redis(api))
    assert await status_of(api, plain) == "completed"


async def test_without_a_mail_an_event_is_processed_once_too(api: ApiParts, service: Service) -> None:
    assert await process(api, event(mailed=False)) == "processed"
    assert await accept(api, event(mailed=False)) == "duplicate completed"
    assert service.provider.mails == {}


# --- at the same time


async def test_an_accept_between_reserving_and_marking_wins(api: ApiParts, service: Service) -> None:
    said = list[str]()

    async def other_side() -> None:
        said.append(await accept(api, event()))

    assert api.markers is not None
    before(api.markers, "mark", other_side)
    assert (await process(api, event()), said) == ("duplicate pending", ["accepted"])
    row = await row_of(api, event())
    assert row is not None
    assert (row.path, row.is_leased, await queued(api)) == ("queue", False, 1)
    assert service.provider.mails == {}


async def test_an_attempt_that_begins_after_an_accept_looked_wins(api: ApiParts, service: Service) -> None:
    other, said = service.api(), list[str]()
    await abandon(api, service)
    service.provider.delay_seconds = 0.1

    async def begin() -> None:
        attempt = asyncio.create_task(process(other, event()))
        attempt.add_done_callback(lambda done: said.append(done.result()))
        await eventually(lambda: is_marked_anew(api))

    assert api.intake is not None
    takes = api.intake.accept

    async def accepting(event: Event, *, marker: str = "") -> Any:
        if marker and not said:
            await begin()
        return await takes(event, marker=marker)

    seen = await marker_of(api)

    async def is_marked_anew(api: ApiParts) -> bool:
        return await marker_of(api) not in ("", seen)

    api.intake.accept = accepting  # type: ignore[method-assign]
    assert await accept(api, event()) == "duplicate completed", "it waited for the attempt"
    assert await eventually(lambda: said) == ["processed"]
    assert (service.provider.mails, await queued(api)) == ({"e1": 1}, 0)


async def marker_of(api: ApiParts) -> str:
    assert api.redis is not None
    return str(await call(api.redis, "HGET", record_key(event().pair.key), "marker") or "")


async def abandon(api: ApiParts, service: Service) -> None:
    """Leave a row and a marker of a request whose mail failed."""
    service.provider.status = 503
    assert await process(api, event()) == "unknown"
    service.provider.status = 202
    row = await row_of(api, event())
    assert row is not None
    assert row.is_abandoned
    assert await marker_of(api)


async def test_what_a_request_abandoned_the_queue_takes_over(api: ApiParts, service: Service) -> None:
    await abandon(api, service)
    assert await accept(api, event()) == "accepted"
    assert await marker_of(api) == ""
    assert api.redis is not None
    assert await call(api.redis, "TTL", record_key(event().pair.key)) == -1, "what is pending never expires"
    assert await process(api, event()) == "duplicate pending"
    assert await accept(api, event()) == "duplicate pending"
    async with service.working():
        await eventually(lambda: is_completed(api, event()))
    assert service.provider.mails == {"e1": 1}


async def test_taking_over_another_payload_is_a_conflict(api: ApiParts, service: Service) -> None:
    await abandon(api, service)
    assert await accept(api, event(data=2)) == "conflict"
    assert await process(api, event()) == "processed"


async def test_a_marker_without_a_row_is_taken_over(api: ApiParts) -> None:
    assert api.markers is not None
    await api.markers.mark(event().pair, fingerprint="any", token="t")  # and then the attempt died
    assert await status_of(api, event()) is None
    assert await accept(api, event()) == "accepted"
    assert await status_of(api, event()) == "pending"


async def test_the_own_retry_of_a_lost_taking_over_is_an_acceptance(
    api: ApiParts, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    await abandon(api, service)
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


async def test_a_full_queue_takes_nothing_over(service: Service) -> None:
    api = service.api(HIGH_WATER="1")
    await abandon(api, service)
    await accept(api, event("other"))
    assert await accept(api, event()) == "full"
    assert await process(api, event()) == "processed"


async def test_who_meets_a_request_at_work_waits_and_then_takes_nothing(api: ApiParts, service: Service) -> None:
    service.provider.delay_seconds = 1.0
    attempt = asyncio.create_task(process(api, event()))
    await eventually(lambda: marker_of(api))
    assert await accept(api, event()) == "busy"
    assert (await attempt, await queued(api)) == ("processed", 0)


async def test_a_worker_waits_for_a_request_at_work(api: ApiParts, service: Service) -> None:
    """The request could not ask Redis, so it does not know that the event was accepted."""
    assert api.markers is not None
    await accept(api, event())
    service.provider.delay_seconds = 0.5

    async def away(*args: Any, **named: Any) -> Standing:
        return Standing("away")

    api.markers.mark = away  # type: ignore[method-assign]
    attempt = asyncio.create_task(process(api, event()))
    await eventually(lambda: row_of(api, event()))
    async with service.working():
        assert await attempt == "processed"
        await eventually(lambda: is_finished_in_redis(api))
    assert service.provider.mails == {"e1": 1}


async def is_finished_in_redis(api: ApiParts) -> bool:
    assert api.redis is not None
    return bool(await call(api.redis, "HGET", record_key(event().pair.key), "status") == "completed")


async def test_many_on_both_paths_at_once_make_one_event_each(service: Service) -> None:
    service.provider.delay_seconds = 0.01
    apis = [service.api() for _ in range(2)]
    draws = Random(7)

    async def one(number: int) -> list[str]:
        each = event(f"e{number}", mailed=number % 4 != 0)

        async def client(side: int) -> str:
            await asyncio.sleep(draws.uniform(0, 0.02))
            return await (accept if side % 2 else process)(apis[side % 3 % 2], each)

        return await asyncio.gather(*(client(side) for side in range(8)))

    async with service.working():
        answers = [await one(number) for number in range(40)]
        await eventually(lambda: all_completed(apis[0], count=40), within_seconds=30)
    firsts = Counter(answer for said in answers for answer in said if not answer.startswith("duplicate"))
    assert [sum(answer in ("accepted", "processed") for answer in said) for said in answers] == [1] * 40
    assert firsts.keys() == {"accepted", "processed"}, "both paths have to have won sometimes"
    assert service.provider.mails == {f"e{number}": 1 for number in range(40) if number % 4}


async def all_completed(api: ApiParts, *, count: int) -> bool:
    return all([await is_completed(api, event(f"e{number}")) for number in range(count)])


# --- what fails for good


async def test_what_can_never_be_stored_is_refused_unless_the_queue_had_accepted_it(api: ApiParts) -> None:
    poison = event(data="\x00")
    assert await process(api, poison) == "unstorable"
    assert await accept(api, poison) == "accepted"
    assert await process(api, poison) == "duplicate pending"


async def test_a_refused_mail_leaves_neither_row_nor_marker(api: ApiParts, service: Service) -> None:
    service.provider.status = 400
    assert await process(api, event()) == "mail-refused"
    assert (await row_of(api, event()), await marker_of(api)) == (None, "")
    assert await status_of(api, event()) is None
    assert await accept(api, event(data=2)) == "accepted"


async def test_who_cannot_ask_the_database_takes_nothing(api: ApiParts, service: Service) -> None:
    await abandon(api, service)

    async def away(*args: Any, **named: Any) -> Any:
        raise StoreUnavailableError("away", was_asked=True)

    api.store.find = away  # type: ignore[method-assign]
    assert await accept(api, event()) == "store-down"
    assert await accept(api, event("fresh")) == "accepted", "a fresh event needs no database"


# --- without Redis


async def test_without_redis_requests_go_on_and_are_told_of_later(own_redis: Redis, postgres: Postgres) -> None:
    service = Service(redis_url=own_redis.url, postgres_url=postgres.url)
    api = service.api()
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
    await service.close()


async def nothing_is_unmarked(api: ApiParts) -> bool:
    return await api.store.unmarked(within_seconds=60, most=10) == []


async def test_an_accepted_event_that_was_processed_without_redis_is_stored_and_mailed_once(
    own_redis: Redis, postgres: Postgres
) -> None:
    """The one thing that is not kept: two acceptances. Its status never goes back all the same."""
    service = Service(redis_url=own_redis.url, postgres_url=postgres.url)
    api = service.api()
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
    async with service.working():
        await eventually(lambda: is_finished_in_redis(api))
    assert service.provider.mails == {"e1": 1}
    await service.close()


async def test_that_redis_is_away_is_remembered_for_a_moment(service: Service) -> None:
    api = service.api(REDIS_URL="redis://127.0.0.1:1/0")
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


async def test_who_waits_for_a_silent_redis_does_not_wait_for_ever(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    api, asked = service.api(), 0

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


async def test_whoever_comes_back_catches_up_in_portions(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reference.markers._AT_ONCE", 2)
    away, api = service.api(REDIS_URL="redis://127.0.0.1:1/0"), service.api()
    for number in range(5):
        await process(away, event(f"e{number}"))
    assert api.markers is not None
    await api.markers.catch_up()
    assert await nothing_is_unmarked(api)
    assert {await accept(api, event(f"e{number}")) for number in range(5)} == {"duplicate completed"}


# --- statuses


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
