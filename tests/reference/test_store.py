"""The store's contract, kept by both arms: Postgres and the simulation's memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from reference.events import Event, Pair, parse
from reference.memory import MemoryStore
from reference.postgres import PostgresStore
from reference.store import NewRow, Row, Store, UnstorableError
from tests.reference.workbench import Database


async def empty(store: PostgresStore) -> None:
    await store.migrate()
    async with store._connection() as connection:
        await connection.execute("TRUNCATE events")


@pytest.fixture(params=["memory", "postgres"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    """One arm after the other."""
    if request.param == "memory":
        yield MemoryStore(Database())
        return
    opened = PostgresStore(request.getfixturevalue("shared_postgres").url)
    await empty(opened)
    yield opened
    await opened.close()


def event(event_id: str, *, data: Any = None, is_mail_due: bool = True, source: str = "a5") -> Event:
    fields: dict[str, Any] = {"id": event_id, "source": source, "data": data}
    if is_mail_due:
        fields["email"] = {"to": "r@example.com", "subject": "S", "text": "T"}
    return parse(json.dumps(fields))


def new(event_id: str, **more: Any) -> NewRow:
    return NewRow.of(event(event_id, **more))


def row(answer: Row | Exception) -> Row:
    assert isinstance(answer, Row), answer
    return answer


async def only(store: Store, event_id: str) -> Row:
    rows = await store.find(event_id)
    assert len(rows) == 1
    return rows[0]


async def test_an_event_is_stored_once_whoever_adds_it(store: Store) -> None:
    rounds = await asyncio.gather(*(store.add([new("e1"), new("e2")]) for _ in range(5)))
    assert [row(answer).pair.id for answer in rounds[0]] == ["e1", "e2"]
    assert len(await store.find("e1")) == 1
    assert (await only(store, "e1")).status == "pending"


async def test_answers_come_in_the_order_asked(store: Store) -> None:
    names = ["z", "a", "m"]
    assert [row(answer).pair.id for answer in await store.add([new(name) for name in names])] == names


async def test_an_event_twice_in_one_batch_is_one_row(store: Store) -> None:
    first, second = await store.add([new("e1"), new("e1")])
    assert first == second


async def test_the_first_payload_stays(store: Store) -> None:
    first = row((await store.add([new("e1", data=1)]))[0])
    second = row((await store.add([new("e1", data=2)]))[0])
    assert second.fingerprint == first.fingerprint != new("e1", data=2).fingerprint


async def test_without_mail_an_event_is_completed_by_being_stored(store: Store) -> None:
    stored = row((await store.add([new("e1", is_mail_due=False)]))[0])
    assert (stored.status, stored.is_mail_sent) == ("completed", False)
    assert stored.processed_at is not None
    assert stored.processed_at.tzinfo is not None


@pytest.mark.parametrize("data", ["\x00", {"deep": ["a\x00b"]}, {"key\x00": 1}], ids=repr)
async def test_what_cannot_be_stored_does_not_keep_the_others_out(store: Store, data: Any) -> None:
    good, bad, late = await store.add([new("good"), new("bad", data=data), new("late")])
    assert isinstance(bad, UnstorableError)
    assert (row(good).status, row(late).status) == ("pending", "pending")
    assert await store.find("bad") == []


async def test_an_escaped_backslash_is_no_nul(store: Store) -> None:
    assert isinstance((await store.add([new("e1", data="\\u0000")]))[0], Row)


async def test_completed_is_for_good(store: Store) -> None:
    await store.add([new("e1"), new("e2")])
    await store.complete([Pair("a5", "e1"), Pair("a5", "unknown"), Pair("a5", "e1")])
    await store.fail(Pair("a5", "e1"), reason="too late")
    done, other = await only(store, "e1"), await only(store, "e2")
    assert (done.status, done.is_mail_sent, done.reason) == ("completed", True, "")
    assert done.processed_at is not None
    assert other.status == "pending"


async def test_failed_carries_its_reason(store: Store) -> None:
    await store.add([new("e1")])
    await store.fail(Pair("a5", "e1"), reason="refused")
    failed = await only(store, "e1")
    assert (failed.status, failed.reason, failed.is_mail_sent) == ("failed", "refused", False)


async def test_a_failed_row_can_be_opened_again_and_no_other(store: Store) -> None:
    rows = [new("failed"), new("done"), new("waits")]
    await store.add(rows)
    await store.fail(Pair("a5", "failed"), reason="refused")
    await store.complete([Pair("a5", "done")])
    again = [await store.reopen(each.pair, fingerprint=each.fingerprint) for each in rows]
    assert [(each.status, each.reason, each.processed_at is None) for each in again if each] == [
        ("pending", "", True),
        ("completed", "", False),
        ("pending", "", True),
    ]
    assert await only(store, "failed") == again[0]
    assert await store.reopen(Pair("a5", "unknown"), fingerprint="any") is None


async def test_a_failed_row_is_not_opened_for_another_payload(store: Store) -> None:
    await store.add([new("e1", data=1)])
    await store.fail(Pair("a5", "e1"), reason="refused")
    found = await store.reopen(Pair("a5", "e1"), fingerprint=new("e1", data=2).fingerprint)
    assert found is not None
    assert (found.status, found.fingerprint) == ("failed", new("e1", data=1).fingerprint)


async def test_one_id_may_have_several_sources(store: Store) -> None:
    await store.add([new("e1", source="b"), new("e1", source="a")])
    assert [found.pair.source for found in await store.find("e1")] == ["a", "b"]
    assert [found.pair.source for found in await store.find("e1", source="b")] == ["b"]
    assert await store.find("e1", source="c") == []


async def test_one_attempt_at_a_time(store: Store) -> None:
    tries = await asyncio.gather(*(store.reserve(new("e1"), owner=f"o{n}", lease_seconds=5) for n in range(6)))
    assert sum(found.is_ours for found in tries) == 1
    assert all(found.row.is_leased for found in tries)


async def test_a_released_row_is_resumed(store: Store) -> None:
    pair = Pair("a5", "e1")
    assert (await store.reserve(new("e1"), owner="one", lease_seconds=5)).is_ours
    await store.release(pair, owner="somebody else")
    assert not (await store.reserve(new("e1"), owner="two", lease_seconds=5)).is_ours
    await store.release(pair, owner="one")
    assert not (await only(store, "e1")).is_leased
    assert (await store.reserve(new("e1"), owner="two", lease_seconds=5)).is_ours


async def test_a_lease_ends_by_itself(store: Store) -> None:
    await store.reserve(new("e1"), owner="one", lease_seconds=0.05)
    await asyncio.sleep(0.1)
    assert (await store.reserve(new("e1"), owner="two", lease_seconds=5)).is_ours


async def test_rows_at_work_are_counted_until_their_attempt_or_their_lease_ends(store: Store) -> None:
    await store.add([new("waits")])
    assert await store.leased() == 0
    for name in ("released", "completed", "discarded", "at work"):
        await store.reserve(new(name.replace(" ", "-")), owner="one", lease_seconds=5)
    await store.reserve(new("over"), owner="one", lease_seconds=0.05)
    assert await store.leased() == 5
    await store.release(Pair("a5", "released"), owner="one")
    await store.complete([Pair("a5", "completed")])
    await store.discard(Pair("a5", "discarded"), owner="one")
    await asyncio.sleep(0.1)
    assert await store.leased() == 1


@pytest.mark.parametrize(("is_mail_due", "status"), [(True, "pending"), (False, "completed")])
async def test_a_row_that_is_handed_over_is_the_queues(store: Store, is_mail_due: bool, status: str) -> None:
    mine = new("e1", is_mail_due=is_mail_due)
    await store.reserve(mine, owner="one", lease_seconds=5)
    await store.hand_over(mine.pair, owner="two")
    assert (await only(store, "e1")).is_leased
    await store.hand_over(mine.pair, owner="one")
    handed = await only(store, "e1")
    assert (handed.path, handed.status, handed.is_leased, handed.is_mail_sent) == ("queue", status, False, False)
    assert (handed.processed_at is None) == is_mail_due
    assert row((await store.add([mine]))[0]) == handed
    assert await store.unmarked(within_seconds=60, most=10) == []
    await store.discard(mine.pair, owner="one")
    assert await only(store, "e1") == handed


async def test_a_discarded_row_is_gone_but_never_a_completed_one(store: Store) -> None:
    pair = Pair("a5", "e1")
    await store.reserve(new("e1"), owner="one", lease_seconds=5)
    await store.discard(pair, owner="two")
    assert len(await store.find("e1")) == 1
    await store.discard(pair, owner="one")
    assert await store.find("e1") == []
    await store.reserve(new("e1"), owner="one", lease_seconds=5)
    await store.complete([pair])
    await store.discard(pair, owner="one")
    assert (await only(store, "e1")).status == "completed"


async def test_a_settled_or_different_row_is_not_reserved(store: Store) -> None:
    await store.reserve(new("done", is_mail_due=False), owner="one", lease_seconds=5, at_once=True)
    again = await store.reserve(new("done", is_mail_due=False), owner="two", lease_seconds=5, at_once=True)
    assert (again.is_ours, again.row.status) == (False, "completed")
    await store.reserve(new("other", data=1), owner="one", lease_seconds=0)
    assert not (await store.reserve(new("other", data=2), owner="two", lease_seconds=5)).is_ours


async def test_without_mail_a_reserved_row_waits_for_its_completion_unless_at_once_is_said(store: Store) -> None:
    plain = new("e1", is_mail_due=False)
    reserved = await store.reserve(plain, owner="one", lease_seconds=5)
    assert (reserved.is_ours, reserved.row.status, reserved.row.is_leased) == (True, "pending", True)
    await store.complete([plain.pair])
    done = await only(store, "e1")
    assert (done.status, done.is_mail_sent, done.is_leased) == ("completed", False, False)
    mailed = await store.reserve(new("e2"), owner="one", lease_seconds=5, at_once=True)
    assert (mailed.row.status, mailed.row.is_leased) == ("pending", True)


async def test_a_row_of_the_queue_is_reserved_by_nobody(store: Store) -> None:
    await store.add([new("e1")])
    answer = await store.reserve(new("e1"), owner="one", lease_seconds=5)
    assert (answer.is_ours, answer.row.path, answer.row.is_leased) == (False, "queue", False)


async def test_what_a_request_abandoned_becomes_the_queues(store: Store) -> None:
    await store.reserve(new("e1", data=1), owner="one", lease_seconds=5)
    assert row((await store.add([new("e1", data=1)]))[0]).path == "request", "somebody is at work on it"
    await store.release(Pair("a5", "e1"), owner="one")
    assert (await only(store, "e1")).is_abandoned
    claimed = row((await store.add([new("e1", data=2)]))[0])
    assert (claimed.path, claimed.status, claimed.fingerprint) == ("queue", "pending", new("e1", data=2).fingerprint)
    assert not (await store.reserve(new("e1", data=2), owner="two", lease_seconds=5)).is_ours


async def test_an_abandoned_row_without_mail_is_completed_by_the_queue(store: Store) -> None:
    await store.reserve(new("e1", is_mail_due=False), owner="one", lease_seconds=0)
    claimed = row((await store.add([new("e1", is_mail_due=False)]))[0])
    assert (claimed.path, claimed.status, claimed.processed_at is not None) == ("queue", "completed", True)


async def test_whose_lease_ran_out_cannot_take_a_row_from_the_queue(store: Store) -> None:
    await store.reserve(new("e1"), owner="one", lease_seconds=0)
    await store.add([new("e1")])
    await store.discard(Pair("a5", "e1"), owner="one")
    assert (await only(store, "e1")).path == "queue"


async def test_a_settled_row_of_a_request_stays_one(store: Store) -> None:
    await store.reserve(new("e1"), owner="one", lease_seconds=5)
    await store.complete([Pair("a5", "e1")])
    kept = row((await store.add([new("e1")]))[0])
    assert (kept.path, kept.status) == ("request", "completed")


async def test_a_reopened_row_is_the_queues(store: Store) -> None:
    await store.reserve(new("e1"), owner="one", lease_seconds=0)
    await store.fail(Pair("a5", "e1"), reason="refused")
    again = await store.reopen(Pair("a5", "e1"), fingerprint=new("e1").fingerprint)
    assert again is not None
    assert again.path == "queue"


async def test_completed_rows_redis_does_not_know_of_are_found_until_it_does(store: Store) -> None:
    for name in ("known", "unknown", "later"):
        await store.reserve(new(name), owner="one", lease_seconds=5)
    await store.complete([Pair("a5", "known")])
    await store.complete([Pair("a5", "unknown")], is_marked=False)
    await asyncio.sleep(0.05)
    await store.complete([Pair("a5", "later")], is_marked=False)
    await store.add([new("queued", is_mail_due=False)])
    assert await store.unmarked(within_seconds=60, most=10) == [Pair("a5", "later"), Pair("a5", "unknown")]
    assert await store.unmarked(within_seconds=60, most=1) == [Pair("a5", "later")]
    assert await store.unmarked(within_seconds=0, most=10) == []
    await store.note_marked([Pair("a5", "later"), Pair("a5", "nobody")])
    assert await store.unmarked(within_seconds=60, most=10) == [Pair("a5", "unknown")]


async def test_what_cannot_be_stored_cannot_be_reserved(store: Store) -> None:
    with pytest.raises(UnstorableError):
        await store.reserve(new("e1", data="\x00"), owner="one", lease_seconds=5)
    assert await store.find("e1") == []
