"""When an entry is given up: it was tried too often for too long, or taken too often; and what it ends as then."""

from __future__ import annotations

import pytest

from reference.events import Pair, parse
from reference.store import NewRow, StoreUnavailableError
from tests.reference.delivering import EVENT, SETTINGS, Bench

TOO_OFTEN = SETTINGS.most_takes + 1


@pytest.fixture
async def bench() -> Bench:
    """A fresh one."""
    return Bench()


@pytest.mark.parametrize(("attempts", "age"), [(1, 9000.0), (200, 3599.0)], ids=["not tried enough", "too young"])
async def test_only_what_was_tried_often_and_is_old_is_given_up(bench: Bench, attempts: int, age: float) -> None:
    """Many workers open their breakers, each with attempts of the one event that waits: in minutes they are a hundred."""
    bench.status = 503
    await bench.delivery.deliver(bench.entry(attempts=attempts, age=age))
    assert bench.queue.finished == []
    assert [later.attempts for later in bench.queue.delayed] == [attempts + 1]


async def test_what_waits_for_an_ill_provider_begins_anew(bench: Bench) -> None:
    bench.status = 503
    for _ in range(SETTINGS.breaker_failures):
        await bench.delivery.deliver(bench.entry(attempts=1))
    assert [(later.attempts, later.is_parked) for later in bench.queue.delayed[-2:]] == [(2, False), (0, True)]


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
