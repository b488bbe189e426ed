"""The way of one entry: what is done in which order, and what is remembered when a server is gone in between."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Any, cast

import httpx
import pytest

from reference import versions, wiring
from reference.backoff import Backoff
from reference.delivery import Delivery
from reference.events import Pair, fingerprint, parse
from reference.lease import Leases
from reference.memory import MemoryStore
from reference.metrics import MailMetrics
from reference.queue import Delay, Entry, Finish
from reference.settings import Settings
from reference.store import NewRow, Row, StoreUnavailableError
from tests.reference.workbench import Database

EVENT = '{"id": "e1", "source": "a5", "email": {"to": "r@example.com", "subject": "S", "text": "T"}}'
SETTINGS = Settings.of(
    {
        "DATABASE_URL": "x",
        "REDIS_URL": "redis://x",
        "RETRY_BASE_SECONDS": "0.01",
        "RETRY_CAP_SECONDS": "0.02",
        "MOST_ATTEMPTS": "3",
    }
)


class Queue:
    """Notes how entries end; ``lost`` are no longer ours."""

    def __init__(self) -> None:
        self.finished: list[Finish] = []
        self.delayed: list[Delay] = []
        self.lost: list[str] = []
        self.unparked = 0

    async def finish(self, finishes: Sequence[Finish]) -> list[bool]:
        self.finished += finishes
        return [True for _ in finishes]

    async def delay(self, delays: Sequence[Delay]) -> list[bool]:
        self.delayed += delays
        return [True for _ in delays]

    def unpark(self) -> None:
        self.unparked += 1

    async def renew(self, entry_ids: Sequence[str]) -> list[str]:
        return [entry_id for entry_id in entry_ids if entry_id in self.lost]


class Store(MemoryStore):
    """A store that can be away."""

    away = False

    async def add(self, rows: Sequence[NewRow]) -> list[Row | Exception]:
        self._look()
        return await super().add(rows)

    async def find(self, event_id: str, *, source: str | None = None) -> list[Row]:
        self._look()
        return await super().find(event_id, source=source)

    async def complete(self, pairs: Sequence[Pair], *, is_marked: bool = True) -> None:
        self._look()
        await super().complete(pairs, is_marked=is_marked)

    def _look(self) -> None:
        if self.away:
            raise StoreUnavailableError("away", was_asked=True)


class Bench:
    """One delivery with everything around it."""

    def __init__(self) -> None:
        self.queue = cast(Any, Queue())
        self.store = Store(Database())
        self.status = 202
        self.headers: dict[str, str] = {}
        self.calls = 0
        self.leases = Leases(self.queue, reclaim_seconds=10)
        given = wiring.Surroundings("worker-0", SETTINGS, Random(1), self.store, httpx.MockTransport(self._answer))
        backoff = Backoff(Random(1), 0.01, 0.02)
        self.delivery = Delivery(
            leases=self.leases,
            store=self.store,
            postman=wiring.postman(given, MailMetrics()),
            settings=SETTINGS,
            backoff=backoff,
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.calls += 1
        return httpx.Response(self.status, headers=self.headers)

    def entry(self, *, event: str = EVENT, attempts: int = 0, takes: int = 1, was_mailed: bool = False) -> Entry:
        self.leases.hold(["1-0"], since=asyncio.get_running_loop().time())
        return Entry("1-0", Pair("a5", "e1").key, event, fingerprint(parse(EVENT)), attempts, takes, was_mailed)

    async def row_status(self) -> str:
        (row,) = await self.store.find("e1")
        return row.status


@pytest.fixture
async def bench() -> Bench:
    """A fresh one."""
    return Bench()


async def test_an_event_is_stored_mailed_and_then_acknowledged(bench: Bench) -> None:
    await bench.delivery.deliver(bench.entry())
    assert (await bench.row_status(), bench.calls) == ("completed", 1)
    assert [end.status for end in bench.queue.finished] == ["completed"]
    assert len(bench.leases) == 0


async def test_an_entry_of_a_later_release_waits_for_a_worker_that_can_read_it(bench: Bench) -> None:
    await bench.delivery.deliver(bench.entry(event=versions.write(parse(EVENT), version=2), attempts=3))
    assert (bench.queue.finished, bench.calls, await bench.store.find("e1")) == ([], 0, [])
    (later,) = bench.queue.delayed
    assert (later.attempts, later.is_parked) == (3, False), "no attempt: nothing was tried"
    assert 2.0 <= later.delay_seconds <= 2.5


async def test_a_completed_row_is_not_mailed_again(bench: Bench) -> None:
    await bench.store.add([NewRow.of(parse(EVENT))])
    await bench.store.complete([Pair("a5", "e1")])
    await bench.delivery.deliver(bench.entry())
    assert bench.calls == 0
    assert [end.status for end in bench.queue.finished] == ["completed"]


async def test_a_mail_the_store_cannot_note_is_noted_in_the_queue_at_once(bench: Bench) -> None:
    """Kept in memory alone it would be forgotten with the process, and sent again."""
    original = bench.delivery._completed

    async def leave(taken: Entry) -> Any:
        bench.store.away = True
        return await original(taken)

    bench.delivery._completed = leave  # type: ignore[method-assign, assignment]
    await bench.delivery.deliver(bench.entry())
    assert (bench.calls, bench.queue.finished) == (1, [])
    assert [(later.was_mailed, later.attempts) for later in bench.queue.delayed] == [(True, 0)]
    bench.store.away = False
    bench.delivery._completed = original  # type: ignore[method-assign]
    await bench.delivery.deliver(bench.entry(was_mailed=True))
    assert (await bench.row_status(), bench.calls) == ("completed", 1)


async def test_what_was_mailed_is_handed_back_as_mailed_and_not_mailed_again(bench: Bench) -> None:
    entry = bench.entry()
    bench.delivery._mailed.add(entry.entry_id)
    await bench.delivery.hand_back(entry)
    assert [(later.was_mailed, later.delay_seconds) for later in bench.queue.delayed] == [(True, 0.0)]
    await bench.delivery.deliver(bench.entry(was_mailed=True))
    assert (await bench.row_status(), bench.calls) == ("completed", 0)


async def test_without_the_store_an_entry_waits_and_costs_no_attempt(bench: Bench) -> None:
    bench.store.away = True
    await bench.delivery.deliver(bench.entry(attempts=1, takes=SETTINGS.most_takes))
    assert [(later.attempts, later.takes) for later in bench.queue.delayed] == [(1, 0)]
    assert bench.calls == 0


async def test_a_lost_lease_stops_everything(bench: Bench) -> None:
    entry = bench.entry()
    bench.leases.hold([entry.entry_id], since=-1000.0)
    bench.queue.lost = [entry.entry_id]
    await bench.delivery.deliver(entry)
    assert (bench.calls, bench.queue.finished, bench.queue.delayed) == (0, [], [])


async def test_an_entry_lost_at_the_very_end_did_not_end_here(bench: Bench) -> None:
    entry = bench.entry(event='{"id": "e1", "source": "a5"}')  # without a mail nothing asks for the lease before the end
    bench.leases.hold([entry.entry_id], since=-1000.0)
    bench.queue.lost = [entry.entry_id]
    assert await bench.delivery.deliver(entry) is None
    assert bench.queue.finished == []


async def test_nothing_is_begun_while_draining(bench: Bench) -> None:
    bench.delivery.is_draining = True
    await bench.delivery.deliver(bench.entry())
    assert bench.calls == 0
    assert [later.delay_seconds for later in bench.queue.delayed] == [0.0]


@pytest.mark.parametrize(("status", "attempts"), [(503, 1), (429, 0), (401, 0)])
async def test_only_a_real_try_counts_as_an_attempt(bench: Bench, status: int, attempts: int) -> None:
    bench.status = status
    await bench.delivery.deliver(bench.entry())
    assert [later.attempts for later in bench.queue.delayed] == [attempts]
    assert await bench.row_status() == "pending"


async def test_a_rate_limit_is_waited_for_by_the_whole_worker(bench: Bench) -> None:
    bench.status, bench.headers = 429, {"retry-after": "7"}
    await bench.delivery.deliver(bench.entry())
    await bench.delivery.deliver(bench.entry())
    assert bench.calls == 1
    assert all(6.9 < later.delay_seconds < 8 for later in bench.queue.delayed)


@pytest.mark.parametrize(
    ("entry", "status", "reason"),
    [
        ({}, 400, "the mail provider answered 400"),
        ({"attempts": 2}, 503, "given up after 3 attempts: the mail provider answered 503"),
        ({"takes": 11}, 202, "taken 11 times by workers that died or lost it"),
        ({"event": EVENT.replace('"a5"', '"a5", "data": "\\u0000"')}, 202, "cannot be stored: "),
        ({"event": "{"}, 202, "cannot be stored: "),
    ],
    ids=["refused", "given up", "kills workers", "poison", "garbage"],
)
async def test_what_fails_for_good_says_why(bench: Bench, entry: dict[str, Any], status: int, reason: str) -> None:
    bench.status = status
    await bench.delivery.deliver(bench.entry(**entry))
    ((end_status, end_reason),) = [(end.status, end.reason) for end in bench.queue.finished]
    assert end_status == "failed"
    assert end_reason.startswith(reason)


async def test_while_the_breaker_is_open_events_are_parked_and_only_a_trial_is_welcome(bench: Bench) -> None:
    assert bench.delivery.mails_welcome() == SETTINGS.batch_size
    bench.status = 401  # opens it at once
    await bench.delivery.deliver(bench.entry())
    await bench.delivery.deliver(bench.entry())
    assert [later.is_parked for later in bench.queue.delayed] == [False, True]
    assert (bench.calls, bench.delivery.mails_welcome()) == (1, 0)
    bench.delivery._postman._breaker._states.half_open()
    assert bench.delivery.mails_welcome() == SETTINGS.breaker_trials
    bench.status = 202
    await bench.delivery.deliver(bench.entry())
    assert (bench.queue.unparked, bench.delivery.mails_welcome()) == (1, SETTINGS.batch_size)


async def test_the_first_stored_payload_is_the_one_that_counts(bench: Bench) -> None:
    first = parse(EVENT.replace('"a5"', '"a5", "data": 1'))
    await bench.store.add([NewRow.of(first)])
    await bench.delivery.deliver(bench.entry())
    assert [end.status for end in bench.queue.finished] == ["failed"]
    assert bench.calls == 0
    (row,) = await bench.store.find("e1")
    assert (row.status, row.fingerprint) == ("pending", fingerprint(first))


TOO_OFTEN = SETTINGS.most_takes + 1


@pytest.mark.parametrize(("status", "reason"), [("completed", ""), ("failed", "refused")])
async def test_what_was_taken_too_often_ends_as_its_row_says(bench: Bench, status: str, reason: str) -> None:
    await bench.store.add([NewRow.of(parse(EVENT))])
    await (
        bench.store.complete([Pair("a5", "e1")]) if status == "completed" else bench.store.fail(Pair("a5", "e1"), reason=reason)
    )
    await bench.delivery.deliver(bench.entry(takes=TOO_OFTEN))
    assert [(end.status, end.reason) for end in bench.queue.finished] == [(status, reason)]
    assert (await bench.row_status(), bench.calls) == (status, 0)


async def test_what_was_taken_too_often_and_mailed_is_completed(bench: Bench) -> None:
    await bench.store.add([NewRow.of(parse(EVENT))])
    await bench.delivery.deliver(bench.entry(was_mailed=True, takes=TOO_OFTEN))
    assert [end.status for end in bench.queue.finished] == ["completed"]
    assert (await bench.row_status(), bench.calls) == ("completed", 0)


async def test_what_was_taken_too_often_waits_for_a_request_at_work(bench: Bench) -> None:
    await bench.store.reserve(NewRow.of(parse(EVENT)), owner="one", lease_seconds=60)
    await bench.delivery.deliver(bench.entry(takes=TOO_OFTEN))
    assert (bench.queue.finished, await bench.row_status()) == ([], "pending")
    assert [later.takes for later in bench.queue.delayed] == [SETTINGS.most_takes], "it is given up the next time, too"


async def test_what_was_taken_too_often_leaves_the_row_of_another_payload_alone(bench: Bench) -> None:
    await bench.store.add([NewRow.of(parse(EVENT.replace('"a5"', '"a5", "data": 1')))])
    await bench.delivery.deliver(bench.entry(takes=TOO_OFTEN))
    assert [end.status for end in bench.queue.finished] == ["failed"]
    assert await bench.row_status() == "pending"


async def test_without_the_store_nobody_knows_what_became_of_what_was_taken_too_often(bench: Bench) -> None:
    bench.store.away = True
    await bench.delivery.deliver(bench.entry(was_mailed=True, takes=TOO_OFTEN))
    await bench.delivery.hand_back(bench.entry(takes=TOO_OFTEN))
    assert [(later.was_mailed, later.takes) for later in bench.queue.delayed] == [
        (True, SETTINGS.most_takes),
        (False, SETTINGS.most_takes),
    ]


async def test_whose_lease_is_lost_while_the_store_is_away_fails_nothing(bench: Bench) -> None:
    """Whoever has the entry now may have mailed it."""
    await bench.store.add([NewRow.of(parse(EVENT))])
    entry, fail = bench.entry(takes=TOO_OFTEN), bench.store.fail

    async def failing(pair: Pair, *, reason: str) -> None:
        if bench.queue.lost:
            await fail(pair, reason=reason)
        bench.queue.lost = [entry.entry_id]
        bench.leases.hold([entry.entry_id], since=-1000.0)
        raise StoreUnavailableError("away", was_asked=True)

    bench.store.fail = failing  # type: ignore[method-assign]
    assert await bench.delivery.deliver(entry) is None
    assert (bench.queue.finished, await bench.row_status()) == ([], "pending")
