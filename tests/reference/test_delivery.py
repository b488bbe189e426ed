"""The way of one entry: what is done in which order, and what is remembered when a server is gone in between."""

from __future__ import annotations

from typing import Any

import pytest

from reference import versions
from reference.events import Pair, fingerprint, parse
from reference.queue import Entry
from reference.store import NewRow
from tests.reference.delivering import EVENT, SETTINGS, Bench


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
        ({"attempts": 2, "age": 3600.0}, 503, "given up after 3 attempts: the mail provider answered 503"),
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
