"""Addresses, keys and words of a payload stay where they belong, in queue, row and mail: canaries that would sing elsewhere.

They are sent through everything that can happen to an event; then logs, answers, statuses, dead letters and metrics are searched.
"""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import asyncpg
import httpx
import pytest
import redis as redis_client

from reference.connection import DEAD
from reference.postgres import PostgresStore, _describe
from tests.reference.servers import Postgres, Redis, eventually
from tests.reference.workbench import Provider, Workbench

API_KEY, MAIL_KEY, WRONG_KEY = "canary-api-key", "SG.canary-mail-key", "canary-wrong-key"
PAYLOAD = ["canary-word", "canary-key", "canary-type", "canary.to@example.com", "canary-subject", "canary-text", "canary-more"]
CANARIES = [*PAYLOAD, API_KEY, MAIL_KEY, WRONG_KEY]
MAIL = {"to": "canary.to@example.com", "subject": "canary-subject", "text": "canary-text"}
SHOWN = {"X-API-Key": API_KEY}


def event(event_id: str, **more: Any) -> dict[str, Any]:
    data = {"canary-key": ["canary-word"]}
    return {"id": event_id, "source": "a5", "type": "canary-type", "data": data, "email": MAIL, "canary-more": 1, **more}


class Leaky(Provider):
    """A provider that quotes the mail in whatever it answers or raises, as real ones do."""

    raises: Exception | None = None

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.raises is not None:
            raise type(self.raises)(f"could not send {request.content!r} with {request.headers['authorization']}")
        return httpx.Response(self.status, json={"errors": [{"message": request.content.decode(), "field": "canary-word"}]})


@pytest.fixture
def leaky() -> Leaky:
    return Leaky()


@pytest.fixture
def bench(redis: Redis, postgres: Postgres, leaky: Leaky) -> Workbench:
    bench = Workbench(
        redis.url,
        provider=leaky,
        API_KEY=API_KEY,
        SENDGRID_API_KEY=MAIL_KEY,
        BREAKER_FAILURES="100",
        RETRY_BASE_SECONDS="0.01",
        RETRY_CAP_SECONDS="0.02",
        MOST_ATTEMPTS="3",
        GIVE_UP_AFTER_SECONDS="0",
        BREAKER_RESET_SECONDS="0.05",
        RATE_LIMIT_LONGEST_SECONDS="0.1",
    )
    bench.open_store = lambda: PostgresStore(postgres.url)
    return bench


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Whatever anybody logs, at any level, with tracebacks."""
    written, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(written), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
def everything_said(log: io.StringIO, capfd: pytest.CaptureFixture[str]) -> Iterator[list[str]]:
    """What a test collects is searched at its end, with all that was logged or printed meanwhile."""
    said: list[str] = []
    yield said
    printed = capfd.readouterr()
    whole = "\n".join([*said, log.getvalue(), printed.out, printed.err])
    assert len(said) > 3, "too little was looked at"
    for canary in CANARIES:
        assert canary not in whole, whole[max(0, whole.index(canary) - 300) :][:700]


def told(answer: httpx.Response) -> str:
    return f"{answer.status_code} {answer.headers} {answer.text}"


async def status(client: httpx.AsyncClient, event_id: str) -> dict[str, Any]:
    answer = await client.get(f"/ingest/{event_id}/status", headers=SHOWN)
    found: dict[str, Any] = answer.json()
    return found


async def ended(client: httpx.AsyncClient, event_id: str, *, as_status: str) -> str:
    async def is_there() -> str | None:
        found = await status(client, event_id)
        return json.dumps(found) if found.get("status") == as_status else None

    return str(await eventually(is_there))


async def test_what_is_accepted_done_and_refused(bench: Workbench, leaky: Leaky, everything_said: list[str]) -> None:
    async with bench.serving() as client, bench.working():
        for body in (event("e1"), event("e1"), event("e1", data="canary-word")):
            everything_said.append(told(await client.post("/ingest", json=body, headers=SHOWN)))
        everything_said.append(await ended(client, "e1", as_status="completed"))
        cloud = event("e2", specversion="1.0")
        structured = SHOWN | {"Content-Type": "application/cloudevents+json"}
        binary = SHOWN | {
            "ce-id": "e3",
            "ce-source": "canary-word canary-word",
            "ce-type": "canary-type",
            "ce-specversion": "1.0",
        }
        refused: list[dict[str, Any]] = [
            {"json": event("e2"), "headers": {"X-API-Key": WRONG_KEY}},
            {"json": event("e2"), "headers": {"Authorization": f"Bearer {WRONG_KEY}"}},
            {"json": event("canary-word/"), "headers": SHOWN},
            {"json": event("e2", source="canary-word "), "headers": SHOWN},
            {"json": event("e2", email=MAIL | {"subject": ["canary-subject"]}), "headers": SHOWN},
            {"json": event("e2", email={"to": "canary.to@example.com", "canary-key": 1}), "headers": SHOWN},
            {"json": event("e2", data=[2**60, "canary-word"]), "headers": SHOWN},
            {"content": b'{"id": "e2", "data": "canary-word', "headers": SHOWN},
            {"content": json.dumps(cloud), "headers": structured},
            {"json": {"canary-key": 1}, "headers": binary},
            {"content": b"canary-word", "headers": SHOWN | {"Content-Type": "text/canary-word"}},
            {"json": event("e2", data="canary-word" * 30_000), "headers": SHOWN},
        ]
        answers = [await client.post("/ingest", **request) for request in refused]
        assert {answer.status_code for answer in answers} == {401, 413, 415, 422}
        everything_said += map(told, answers)


async def test_mails_that_fail(bench: Workbench, leaky: Leaky, everything_said: list[str]) -> None:
    async with bench.serving() as client, bench.working():
        failures = [None, httpx.ConnectError("x"), httpx.ReadTimeout("x"), OSError("x")]
        for number, failure in enumerate(failures):  # these are counted: given up in the end
            leaky.status, leaky.raises = 500, failure
            everything_said.append(told(await client.post("/ingest", json=event(f"e{number}"), headers=SHOWN)))
            everything_said.append(await ended(client, f"e{number}", as_status="failed"))
        for status_code in (401, 429):  # not counted: tried for ever
            leaky.status, leaky.raises = status_code, None
            leaky.requests.clear()
            everything_said.append(told(await client.post("/ingest", json=event(f"s{status_code}"), headers=SHOWN)))
            await eventually(lambda: leaky.requests)
            everything_said.append(json.dumps(await status(client, f"s{status_code}")))


async def test_dead_letters(bench: Workbench, leaky: Leaky, redis: Redis, everything_said: list[str]) -> None:
    leaky.status = 400
    async with bench.serving() as client, bench.working():
        for body in (event("refused"), event("unstorable", data={"canary-key": "canary-word\x00"}), event("spent", email=None)):
            everything_said.append(told(await client.post("/ingest", json=body, headers=SHOWN)))
        everything_said.append(await ended(client, "refused", as_status="failed"))
        everything_said.append(await ended(client, "unstorable", as_status="failed"))
        leaky.status = 500
        await client.post("/ingest", json=event("given-up"), headers=SHOWN)
        everything_said.append(await ended(client, "given-up", as_status="failed"))
    with redis_client.Redis.from_url(redis.url, decode_responses=True) as reader:
        letters = [fields for _, fields in reader.xrange(DEAD)]
    assert {letter["id"] for letter in letters} == {"refused", "unstorable", "given-up"}
    everything_said += [f"{letter['reason']} {letter['attempts']}" for letter in letters]


async def test_defects(bench: Workbench, leaky: Leaky, everything_said: list[str], log: io.StringIO) -> None:
    leaky.raises = ValueError("x")
    async with bench.serving() as client, bench.working():
        everything_said.append(told(await client.post("/ingest", json=event("e1"), headers=SHOWN)))
        await eventually(lambda: "broke: ValueError" in log.getvalue())
        everything_said += [json.dumps(await status(client, "e1")) for _ in range(3)]


async def test_servers_that_are_gone(bench: Workbench, leaky: Leaky, everything_said: list[str], log: io.StringIO) -> None:
    bench.env["REDIS_URL"] = "redis://:canary-api-key@127.0.0.1:1/0"
    async with bench.serving() as client:
        everything_said.append(told(await client.post("/ingest", json=event("e1"), headers=SHOWN)))
        everything_said.append(told(await client.get("/readyz")))
        everything_said.append(told(await client.get("/ingest/e1/status", headers=SHOWN)))
        async with bench.working():
            await eventually(lambda: "the queue is unavailable" in log.getvalue())
    bench.open_store = lambda: PostgresStore("postgresql://canary-api-key:canary-mail-key@127.0.0.1:1/x")
    bench.env["ASYNC_INGESTION"] = "false"
    async with bench.serving() as client:
        everything_said.append(told(await client.post("/ingest", json=event("e1"), headers=SHOWN)))
        everything_said.append(told(await client.get("/readyz")))


async def test_metrics_and_the_document(bench: Workbench, leaky: Leaky, everything_said: list[str]) -> None:
    async with bench.serving() as client, bench.working():
        everything_said.append(told(await client.post("/ingest", json=event("e1"), headers=SHOWN)))
        everything_said.append(await ended(client, "e1", as_status="completed"))
        for path in ("/metrics", "/openapi.json", "/readyz", "/healthz"):
            everything_said.append(told(await client.get(path)))


async def test_an_error_of_the_driver_quotes_nothing(postgres: Postgres) -> None:
    connection = await asyncpg.connect(postgres.url)
    with pytest.raises(asyncpg.DataError) as error:
        await connection.execute("SELECT $1::int", "canary-word")
    with pytest.raises(asyncpg.DataError) as other:
        await connection.execute("SELECT $1::text::jsonb", '"\\u0000"')
    await connection.close()
    assert "canary-word" in str(error.value)
    assert _describe(error.value) == "DataError: refused by the driver"
    assert _describe(other.value) == "UntranslatableCharacterError: unsupported Unicode escape sequence"
