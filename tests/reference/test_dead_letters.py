"""Dead letters on a real server: looked at without giving anything away, retried once however often it is asked, discarded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis as Client

from reference import commands, connection
from reference.__main__ import _parser
from reference.dead_letters import DeadLetters, Filter, Letter
from reference.events import Event, fingerprint, parse
from reference.memory import MemoryStore
from reference.queue import Queue
from reference.settings import Settings
from reference.store import NewRow
from tests.reference.processes import configure, status_of
from tests.reference.processes import event as posted
from tests.reference.queueing import finish, intake, record, seen_by, taken
from tests.reference.servers import Postgres, Redis, SendGrid, Service, eventually
from tests.reference.workbench import Database

ADDRESS = "canary@example.com"


class Morgue:
    """The queue, the store, and what an operator does with them."""

    def __init__(self, client: Client, queue: Queue) -> None:
        self.client: Any = client
        self.queue = queue
        self.store = MemoryStore(Database())
        self.letters = DeadLetters(client, self.store)

    async def bury(
        self, event: Event, *, reason: str = "the mail provider answered 400", stored: bool = True, version: int = 1
    ) -> Letter:
        """Let ``event`` fail for good as a worker would; answers its letter."""
        await intake(self.client, version=version).accept(event)
        (entry,) = await taken(self.queue)
        if stored:
            await self.store.add([NewRow.of(event)])
            await self.store.fail(event.pair, reason=reason)
        await self.queue.finish([finish(entry, status="failed", reason=reason)])
        return [letter async for letter in self.letters.find(Filter())][-1]

    async def run(self, *words: str) -> int:
        arguments = _parser().parse_args(["dead-letters", *words])
        settings = Settings.of({"DATABASE_URL": "x", "REDIS_URL": "redis://x"})
        return await commands.perform(arguments, commands.Tools(settings, self.client, self.store))

    async def row_status(self, event: Event) -> str:
        (row,) = await self.store.find(event.id)
        return row.status


@pytest.fixture
async def morgue(redis: Redis) -> AsyncIterator[Morgue]:
    """Everything empty."""
    client = connection.connect(redis.url, timeout_seconds=2, connect_timeout_seconds=1)
    queue = seen_by(client, "one")
    await queue.create_group()
    yield Morgue(client, queue)
    await client.aclose()


def event(event_id: str = "e1", *, source: str = "a5", data: Any = 1) -> Event:
    mail = {"to": ADDRESS, "subject": "S", "text": "T"}
    return parse(json.dumps({"id": event_id, "source": source, "data": data, "email": mail}))


async def test_a_retried_event_is_where_a_fresh_one_would_be(morgue: Morgue) -> None:
    letter = await morgue.bury(event())
    assert await morgue.letters.retry(letter) == "retried"
    assert await morgue.row_status(event()) == "pending"
    known = await record(morgue.client, event().pair)
    assert (known["status"], known["attempts"], known["takes"]) == ("pending", "0", "0")
    assert "reason" not in known
    keys = [connection.record_key(event().pair.key), connection.index_key("e1")]
    assert [await morgue.client.ttl(key) for key in keys] == [-1, -1], "pending never expires"
    assert await morgue.client.zscore(keys[1], "a5") == float("inf")
    (entry,) = await taken(morgue.queue)
    assert (parse(entry.event), entry.fingerprint) == (event(), fingerprint(event()))
    assert [letter async for letter in morgue.letters.find(Filter())] == []
    assert await morgue.client.zscore(connection.OPEN, keys[0]) is not None, "its age counts again"


async def test_a_retry_is_done_once_however_often_it_is_asked(morgue: Morgue) -> None:
    letter = await morgue.bury(event())
    assert [await morgue.letters.retry(letter) for _ in range(3)] == ["retried", "pending", "pending"]
    assert len(await taken(morgue.queue)) == 1


async def test_who_is_overtaken_by_a_discard_leaves_the_event_failed(morgue: Morgue) -> None:
    letter = await morgue.bury(event())
    assert await morgue.letters.discard(letter) == "discarded"
    assert await morgue.letters.retry(letter) == "gone"
    assert await morgue.row_status(event()) == "failed"
    assert await taken(morgue.queue) == []


async def test_a_crash_between_row_and_queue_is_repaired_by_running_it_again(morgue: Morgue) -> None:
    letter = await morgue.bury(event())
    await morgue.store.reopen(letter.pair, fingerprint=fingerprint(event()))  # and then the command died
    assert await morgue.letters.retry(letter) == "retried"
    assert len(await taken(morgue.queue)) == 1


async def test_poison_that_has_no_row_can_be_retried(morgue: Morgue) -> None:
    letter = await morgue.bury(event(data="\x00"), reason="cannot be stored: NUL", stored=False)
    assert await morgue.letters.retry(letter) == "retried"
    assert await morgue.store.find("e1") == []
    assert len(await taken(morgue.queue)) == 1


async def test_what_a_later_release_wrote_is_shown_as_json_and_retried(
    morgue: Morgue, capsys: pytest.CaptureFixture[str]
) -> None:
    letter = await morgue.bury(event(), version=2)
    assert await morgue.run("show", letter.letter_id, "--payload", "--json") == 0
    assert parse(json.loads(capsys.readouterr().out)["event"]) == event()
    assert await morgue.letters.retry(letter) == "retried"
    assert [entry.event for entry in await taken(morgue.queue)] == [letter.event]


async def test_what_was_mailed_stays_known_as_mailed(morgue: Morgue) -> None:
    letter = await morgue.bury(event())
    await morgue.client.hset(connection.record_key(event().pair.key), "mailed", "1")
    await morgue.letters.retry(letter)
    assert [entry.was_mailed for entry in await taken(morgue.queue)] == [True]


async def test_a_letter_outlives_its_record(morgue: Morgue) -> None:
    letter = await morgue.bury(event())
    key = connection.record_key(event().pair.key)
    await morgue.client.delete(key, connection.index_key("e1"))
    await morgue.client.hset(key, "marker", "of a request that came since")
    assert await morgue.letters.retry(letter) == "retried"
    assert "marker" not in await record(morgue.client, event().pair)
    assert (await intake(morgue.client).accept(event())).kind == "duplicate"
    assert (await intake(morgue.client).accept(event(data=2))).kind == "conflict"


@pytest.mark.parametrize(("status", "stays"), [("pending", True), ("processing", True), ("completed", False)])
async def test_an_event_that_is_failed_no_more_is_left_alone(morgue: Morgue, status: str, stays: bool) -> None:
    letter = await morgue.bury(event())
    await morgue.client.hset(connection.record_key(event().pair.key), "status", status)
    assert await morgue.letters.retry(letter) == status
    assert await taken(morgue.queue) == []
    assert (await morgue.letters.get(letter.letter_id) is not None) == stays


async def test_a_pair_stored_with_another_payload_stays_as_it_is(morgue: Morgue) -> None:
    await morgue.store.add([NewRow.of(event(data=2))])
    await morgue.store.fail(event().pair, reason="refused")
    letter = await morgue.bury(event(), reason="this pair was stored before with another payload", stored=False)
    assert await morgue.run("retry", letter.letter_id) == 1
    assert await morgue.row_status(event()) == "failed"
    assert await taken(morgue.queue) == []


async def test_a_letter_whose_event_is_lost_says_so(morgue: Morgue, capsys: pytest.CaptureFixture[str]) -> None:
    fields = {"source": "a5", "id": "e1", "reason": "lost", "attempts": "1", "event": ""}
    letter_id = await morgue.client.xadd(connection.DEAD, fields)
    assert await morgue.run("retry", letter_id) == 1
    assert "cannot be read any more" in capsys.readouterr().out


async def test_nothing_private_is_listed_and_a_payload_only_when_asked_for(
    morgue: Morgue, capsys: pytest.CaptureFixture[str]
) -> None:
    letter = await morgue.bury(event())
    for words in (["list"], ["list", "--json"], ["show", letter.letter_id], ["show", letter.letter_id, "--json"]):
        assert await morgue.run(*words) == 0
        told = capsys.readouterr().out
        assert "the mail provider answered 400" in told
        assert letter.letter_id in told
        assert "canary" not in told
    assert "canary" not in repr(letter)
    assert await morgue.run("show", letter.letter_id, "--payload", "--json") == 0
    assert json.loads(json.loads(capsys.readouterr().out)["event"])["email"]["to"] == ADDRESS


async def test_listing_finds_what_fits(morgue: Morgue, capsys: pytest.CaptureFixture[str]) -> None:
    await morgue.bury(event("a"), reason="given up after 100 attempts")
    await morgue.bury(event("b", source="x"))
    await morgue.bury(event("c"))

    async def ids(*words: str) -> list[str]:
        assert await morgue.run("list", "--json", *words) == 0
        return [letter["event_id"] for letter in json.loads(capsys.readouterr().out)]

    assert await ids() == ["a", "b", "c"]
    assert await ids("--reason", "answered 400") == ["b", "c"]
    assert await ids("--source", "a5", "--reason", "400") == ["c"]
    assert await ids("--limit", "2") == ["a", "b"]
    await morgue.run("list", "--limit", "2")
    assert "3 dead letters, 1 of them not shown" in capsys.readouterr().out


async def test_retrying_all_ends_although_letters_come_back(morgue: Morgue, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(3):
        await morgue.bury(event(f"e{number}"))
    retry = morgue.letters.retry

    async def fails_again(letter: Letter) -> str:
        outcome = await retry(letter)
        (entry,) = await taken(morgue.queue)
        await morgue.queue.finish([finish(entry, status="failed", reason="again")])
        return outcome

    morgue.letters.retry = fails_again  # type: ignore[method-assign]
    async with asyncio.timeout(5):
        outcomes = [await morgue.letters.retry(letter) async for letter in morgue.letters.find(Filter())]
    assert outcomes == ["retried"] * 3
    assert [letter.reason async for letter in morgue.letters.find(Filter())] == ["again"] * 3
    assert await morgue.run("retry", "--all", "--reason", "nothing of the kind") == 0
    assert "0 dead letters" in capsys.readouterr().out


async def test_a_discarded_letter_is_gone_and_its_event_stays_failed(morgue: Morgue, capsys: pytest.CaptureFixture[str]) -> None:
    letter = await morgue.bury(event())
    for told in ("discarded; the event stays failed", "not there: retried or discarded before"):
        assert await morgue.run("discard", letter.letter_id) == 0
        assert told in capsys.readouterr().out
    assert await morgue.row_status(event()) == "failed"
    assert await morgue.run("show", letter.letter_id) == 1


async def test_wrong_usage_is_told_in_a_sentence(morgue: Morgue, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["retry"], ["discard"], ["retry", "1-0", "--all"], ["discard", "1-0", "--source", "a5"]):
        assert await morgue.run(*words) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1
    for words in (["show", "nonsense"], ["list", "--limit", "0"], ["bury"]):
        with pytest.raises(SystemExit) as end:
            await morgue.run(*words)
        assert end.value.code == 2


@pytest.mark.parametrize(("url", "code"), [("", 2), ("redis://127.0.0.1:1/0", 1)])
async def test_without_redis_there_is_nothing_to_look_at(url: str, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings.of({"DATABASE_URL": "x", "ASYNC_INGESTION": "false", "REDIS_URL": url})
    assert await commands.run(_parser().parse_args(["dead-letters", "list"]), settings) == code
    assert "REDIS_URL" in capsys.readouterr().err


async def test_a_refused_event_is_mailed_after_all_once_it_is_retried(
    service: Service, redis: Redis, postgres: Postgres, sendgrid: SendGrid, client: httpx.AsyncClient
) -> None:
    configure(service, postgres=postgres, sendgrid=sendgrid, redis=redis)
    sendgrid.answer = lambda mail: (400, {})
    url = service.api()
    service.worker()
    assert (await client.post(f"{url}/ingest", json=posted("e1"))).status_code == 202

    async def is_now(status: str) -> bool:
        return await status_of(client, url, "e1") == status

    await eventually(lambda: is_now("failed"))
    sendgrid.answer = lambda mail: (202, {})
    assert service.run("dead-letters", "retry", "--all").wait() == 0
    await eventually(lambda: is_now("completed"))
    assert sendgrid.taken() == ["e1"]
    assert service.run("dead-letters", "retry", "--all").wait() == 0
    assert (await client.post(f"{url}/ingest", json=posted("e1"))).json()["current_status"] == "completed"
