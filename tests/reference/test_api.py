"""What the API answers, whatever it is asked; with the queue real and everything else in memory."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import httpx
import pytest

from reference.settings import BadSettingsError, Settings
from tests.reference.servers import Redis
from tests.reference.workbench import NOWHERE, Workbench, event, is_problem


@pytest.fixture
async def api(redis: Redis) -> AsyncIterator[httpx.AsyncClient]:
    """The asynchronous API."""
    async with Workbench(redis.url).serving() as client:
        yield client


@pytest.fixture
def synchronous() -> Workbench:
    """The synchronous path alone."""
    return Workbench(BREAKER_FAILURES="1", BREAKER_RESET_SECONDS="60", SYNC_DEADLINE_SECONDS="0.5")


@pytest.fixture
async def sync_api(synchronous: Workbench) -> AsyncIterator[httpx.AsyncClient]:
    """Its API."""
    async with synchronous.serving() as client:
        yield client


async def test_accepting(api: httpx.AsyncClient) -> None:
    answer = await api.post("/ingest", json=event("a:b@c", source="x:/y?z"))
    assert answer.status_code == 202
    assert answer.json() == {
        "status": "accepted",
        "id": "a:b@c",
        "idempotency_key": "x:/y?z:a:b@c",
        "estimated_processing_ms": 255,
    }
    assert answer.headers["retry-after"] == "1"
    status = await api.get(answer.headers["location"])
    assert status.json() == {"id": "a:b@c", "status": "pending", "processed_at": None, "result": None}
    again = await api.post("/ingest", json=event("a:b@c", source="x:/y?z"))
    assert again.json() == {"status": "duplicate", "original_id": "a:b@c", "current_status": "pending"}


async def test_an_id_of_several_sources_has_to_be_told_apart(api: httpx.AsyncClient) -> None:
    for source in ("a", "b"):
        await api.post("/ingest", json=event(source=source))
    assert is_problem(await api.get("/ingest/e1/status"), 409)
    assert (await api.get("/ingest/e1/status?source=b")).status_code == 200
    assert is_problem(await api.get("/ingest/e1/status?source=c"), 404)


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("POST", "/ingest", b"{", 422),
        ("POST", "/ingest", b'{"id": "a/b", "source": "a5"}', 422),
        ("POST", "/ingest", b'{"id": "e1", "source": "a5", "data": 9007199254740993}', 422),
        ("POST", "/ingest", b" " * 300_000, 413),
        ("GET", "/ingest", b"", 405),
        ("GET", "/nowhere", b"", 404),
        ("GET", "/ingest/unknown/status", b"", 404),
    ],
)
async def test_every_refusal_is_a_problem(api: httpx.AsyncClient, method: str, path: str, content: bytes, status: int) -> None:
    assert is_problem(await api.request(method, path, content=content), status)


async def test_a_body_of_undeclared_length_is_limited_too(api: httpx.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(300):
            yield b" " * 1024

    assert is_problem(await api.post("/ingest", content=chunks()), 413)


async def test_without_redis_nothing_is_taken_and_stored_events_are_still_known() -> None:
    async with Workbench(NOWHERE).serving() as api:
        answer = await api.post("/ingest", json=event())
        assert is_problem(answer, 503)
        assert answer.headers["retry-after"] == "1"
        assert is_problem(await api.get("/ingest/e1/status"), 503)
        assert is_problem(await api.get("/readyz"), 503)
        assert (await api.get("/healthz")).status_code == 200


async def test_readiness_wants_a_server_that_never_evicts(api: httpx.AsyncClient, redis: Redis) -> None:
    import redis as redis_client

    assert (await api.get("/readyz")).status_code == 200
    with redis_client.Redis.from_url(redis.url) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        answer = await api.get("/readyz")
        client.config_set("maxmemory-policy", "noeviction")
    assert is_problem(answer, 503)
    assert "noeviction" in answer.json()["detail"]


async def test_processing_at_once(sync_api: httpx.AsyncClient, synchronous: Workbench) -> None:
    answer = await sync_api.post("/ingest", json=event())
    assert (answer.status_code, answer.json()["status"], len(synchronous.provider.requests)) == (200, "processed", 1)
    again = await sync_api.post("/ingest", json=event())
    assert (again.json()["status"], again.json()["current_status"]) == ("duplicate", "completed")
    assert len(synchronous.provider.requests) == 1
    assert is_problem(await sync_api.post("/ingest", json=event(data="other")), 422)
    assert (await sync_api.get("/ingest/e1/status")).json()["status"] == "completed"


async def test_a_mail_refused_for_good_leaves_nothing(sync_api: httpx.AsyncClient, synchronous: Workbench) -> None:
    synchronous.provider.status = 400
    assert is_problem(await sync_api.post("/ingest", json=event()), 422)
    assert is_problem(await sync_api.get("/ingest/e1/status"), 404)


async def test_a_mail_that_failed_is_unknown_and_the_open_breaker_takes_nothing(
    sync_api: httpx.AsyncClient, synchronous: Workbench
) -> None:
    synchronous.provider.status = 503
    assert is_problem(await sync_api.post("/ingest", json=event()), 504)
    refused = await sync_api.post("/ingest", json=event("e2"))
    assert is_problem(refused, 503)
    assert int(refused.headers["retry-after"]) > 50
    assert is_problem(await sync_api.post("/ingest", json=event()), 504), "something of this one is stored"
    assert is_problem(await sync_api.get("/ingest/e2/status"), 404)
    assert len(synchronous.provider.requests) == 1
    mailless = await sync_api.post("/ingest", json={"id": "e3", "source": "a5"})
    assert mailless.json()["status"] == "processed", "needs no mail, so no provider either"


@pytest.mark.parametrize(
    ("env", "named"),
    [
        ({}, "DATABASE_URL"),
        ({"DATABASE_URL": "x"}, "REDIS_URL"),
        ({"DATABASE_URL": "x", "REDIS_URL": "http://x"}, "REDIS_URL"),
        ({"DATABASE_URL": "x", "ASYNC_INGESTION": "perhaps"}, "ASYNC_INGESTION"),
        ({"DATABASE_URL": "x", "ASYNC_INGESTION": "false", "HIGH_WATER": "0"}, "HIGH_WATER"),
    ],
)
def test_a_bad_setting_is_named_in_one_sentence(env: dict[str, str], named: str) -> None:
    with pytest.raises(BadSettingsError) as error:
        Settings.of(env)
    assert named in str(error.value)
    assert str(error.value).count("\n") == 0
    assert json.dumps(env).count("secret") == 0
