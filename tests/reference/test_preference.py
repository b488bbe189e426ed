"""`Prefer: wait=N`: whose end comes in time is told so, everybody else hears what they would have heard anyway."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import httpx
import pytest

from reference.events import Pair
from reference.preference import outcome, wanted
from reference.status import Status, StatusUnavailableError
from tests.reference.servers import Redis, eventually
from tests.reference.workbench import Workbench, event, is_problem


async def seconds_of(*headers: bytes, longest: int = 30) -> int:
    found = wanted([(b"prefer", value) for value in headers], longest_seconds=longest)
    return 0 if found is None else found.seconds


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([b"wait=5"], 5),
        ([b"WAIT = 5"], 5),
        ([b'wait="5"'], 5),
        ([b"respond-async, wait=5"], 5),
        ([b"respond-async", b"wait=5; x=y"], 5),
        ([b"wait=5, wait=7"], 5),
        ([b"wait=99999999999999999999"], 30),
        ([b"wait=0"], 0),
        ([b"wait"], 0),
        ([b"wait=-5"], 0),
        ([b"wait=5.5"], 0),
        ([b"wait=\xb2"], 0),
        ([b"await=5"], 0),
        ([b"return=minimal"], 0),
        ([b""], 0),
    ],
    ids=str,
)
async def test_reading_the_header(headers: list[bytes], seconds: int) -> None:
    assert await seconds_of(*headers) == seconds


async def test_no_wait_is_granted_where_the_setting_says_so() -> None:
    assert await seconds_of(b"wait=5", longest=0) == 0


@pytest.fixture
async def bench(redis: Redis) -> AsyncIterator[tuple[Workbench, httpx.AsyncClient]]:
    bench = Workbench(redis.url, PREFER_WAIT_LONGEST_SECONDS="30", BREAKER_FAILURES="100")
    bench.provider.gate.clear()
    async with bench.serving() as client:
        yield bench, client


Bench = tuple[Workbench, httpx.AsyncClient]


async def post(client: httpx.AsyncClient, event_id: str = "e1", **more: Any) -> httpx.Response:
    return await client.post("/ingest", json=event(event_id, **more), headers={"Prefer": "wait=60"})


async def test_whose_end_comes_in_time_is_processed(bench: Bench) -> None:
    work, client = bench
    async with work.working():
        waiting = asyncio.create_task(post(client))
        await work.provider.asked.wait()
        assert not waiting.done(), "its mail has not been taken yet"
        work.provider.gate.set()
        answer = await waiting
    assert (answer.status_code, answer.json()) == (200, {"status": "processed", "id": "e1", "idempotency_key": "a5:e1"})
    assert answer.headers["preference-applied"] == "wait=30"
    assert (await client.get(answer.headers["location"])).json()["status"] == "completed"
    assert len(work.provider.requests) == 1, "waiting makes nothing happen twice"
    again = await post(client)
    assert (again.status_code, again.json()["status"], again.json()["current_status"]) == (200, "duplicate", "completed")
    assert len(work.provider.requests) == 1


async def test_whose_end_does_not_come_in_time_is_accepted(redis: Redis) -> None:
    async with Workbench(redis.url, PREFER_WAIT_LONGEST_SECONDS="1").serving() as client:
        began = asyncio.get_running_loop().time()
        async with asyncio.timeout(20):
            answer = await post(client)
        assert asyncio.get_running_loop().time() - began >= 1, "it did wait"
    assert (answer.status_code, answer.json()["status"]) == (202, "accepted")
    assert (answer.headers["preference-applied"], answer.headers["retry-after"]) == ("wait=1", "1")


async def test_a_server_that_falls_silent_meanwhile_leaves_no_answer_for_the_next(own_redis: Redis) -> None:
    async with Workbench(own_redis.url, PREFER_WAIT_LONGEST_SECONDS="1").serving() as client:
        waiting = asyncio.create_task(post(client))
        await eventually(partial(is_known, client, "e1"))
        own_redis.send_signal(signal.SIGSTOP)
        answer = await waiting
        own_redis.send_signal(signal.SIGCONT)
        assert answer.status_code == 202
        await eventually(partial(is_known, client, "e1"))
        for event_id, status in [("e1", 200), ("unknown", 404)] * 3:
            assert (await client.get(f"/ingest/{event_id}/status")).status_code == status
        assert (await client.post("/ingest", json=event())).json()["status"] == "duplicate"


async def is_known(client: httpx.AsyncClient, event_id: str) -> bool:
    return (await client.get(f"/ingest/{event_id}/status")).status_code == 200


async def test_a_duplicate_waits_too_and_stays_a_duplicate(bench: Bench) -> None:
    work, client = bench
    async with work.working():
        first = await client.post("/ingest", json=event())
        waiting = asyncio.create_task(post(client))
        await work.provider.asked.wait()
        assert (await client.get("/ingest/e1/status")).json()["status"] == "processing"
        assert not waiting.done()
        work.provider.gate.set()
        answer = await waiting
    assert first.status_code == 202
    assert (answer.json()["status"], answer.json()["current_status"]) == ("duplicate", "completed")
    assert answer.headers["preference-applied"] == "wait=30"


async def test_who_fails_was_accepted_and_is_not_told_to_come_back(bench: Bench) -> None:
    work, client = bench
    work.provider.status = 400
    work.provider.gate.set()
    async with work.working():
        answer = await post(client)
    assert (answer.status_code, answer.json()["status"]) == (202, "accepted"), "processed would mean mailed"
    assert "retry-after" not in answer.headers
    assert (await client.get(answer.headers["location"])).json()["result"] == {"error": "the mail provider answered 400"}


async def test_refusals_do_not_wait(bench: Bench) -> None:
    _, client = bench
    await client.post("/ingest", json=event())
    async with asyncio.timeout(10):
        for answer in (await post(client, data="other"), await post(client, "a/b")):
            assert is_problem(answer, 422)
            assert "preference-applied" not in answer.headers


async def test_nobody_waits_who_did_not_ask(bench: Bench) -> None:
    _, client = bench
    async with asyncio.timeout(10):
        answer = await client.post("/ingest", json=event())
    assert answer.status_code == 202
    assert "preference-applied" not in answer.headers


class Statuses:
    """Answers, in turn, what is in ``known``; the last for ever. An exception is raised, a number is slept."""

    def __init__(self, *known: Any) -> None:
        self.known = list(known)

    async def find(self, event_id: str, *, source: str | None = None) -> Status | None:
        found = self.known.pop(0) if len(self.known) > 1 else self.known[0]
        if isinstance(found, Exception):
            raise found
        if isinstance(found, float):
            await asyncio.sleep(found)
            return None
        return found  # type: ignore[no-any-return]


async def outcome_of(*known: Any, within_seconds: float) -> Status | None:
    until = asyncio.get_running_loop().time() + within_seconds
    return await outcome(Statuses(*known), Pair("a5", "e1"), until=until)  # type: ignore[arg-type]


async def test_a_status_that_cannot_be_read_is_asked_for_again() -> None:
    done = Status("completed")
    assert await outcome_of(StatusUnavailableError(), None, Status("pending"), done, within_seconds=5) == done


async def test_servers_that_do_not_answer_hold_nobody_longer() -> None:
    async with asyncio.timeout(5):
        assert await outcome_of(60.0, within_seconds=0.05) is None
        assert await outcome_of(StatusUnavailableError(), within_seconds=0.05) is None
