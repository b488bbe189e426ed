"""What the API answers, whatever it is asked; with the queue real and everything else in memory."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import httpx
import pytest

from reference import wiring
from reference.api import create_app
from reference.settings import BadSettingsError, Settings
from reference.simulation import MemoryStore
from tests.reference.servers import Redis
from tests.reference.test_store import Database

MAIL = {"to": "r@example.com", "subject": "S", "text": "T"}


class Provider:
    """Answers every mail with ``status``."""

    def __init__(self) -> None:
        self.status = 202
        self.calls = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.calls += 1
        return httpx.Response(self.status)


@pytest.fixture
def provider() -> Provider:
    """A mail provider in memory."""
    return Provider()


def settings(**more: str) -> Settings:
    return Settings.of({"DATABASE_URL": "postgresql://unused", "SENDGRID_API_KEY": "SG.k", **more})


async def serving(given: Settings, provider: Provider, store: MemoryStore | None = None) -> AsyncIterator[httpx.AsyncClient]:
    store = store or MemoryStore(Database())
    parts = wiring.api(wiring.Surroundings("api-0", given, Random(1), store, httpx.MockTransport(provider)))
    transport = httpx.ASGITransport(create_app(parts), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        yield client
    await parts.close()


@pytest.fixture
async def api(redis: Redis, provider: Provider) -> AsyncIterator[httpx.AsyncClient]:
    """The asynchronous API."""
    async for client in serving(settings(REDIS_URL=redis.url), provider):
        yield client


@pytest.fixture
async def sync_api(provider: Provider) -> AsyncIterator[httpx.AsyncClient]:
    """The synchronous API."""
    given = settings(ASYNC_INGESTION="false", BREAKER_FAILURES="1", BREAKER_RESET_SECONDS="60", SYNC_DEADLINE_SECONDS="0.5")
    async for client in serving(given, provider):
        yield client


def event(event_id: str = "e1", **more: Any) -> dict[str, Any]:
    return {"id": event_id, "source": "a5", "email": MAIL, **more}


def is_problem(answer: httpx.Response, status: int) -> bool:
    named = answer.status_code == answer.json().get("status") == status
    return named and answer.headers["content-type"] == "application/problem+json" and bool(answer.json()["detail"])


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


async def test_without_redis_nothing_is_taken_and_stored_events_are_still_known(provider: Provider) -> None:
    async for api in serving(settings(REDIS_URL="redis://127.0.0.1:1/0"), provider):
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


async def test_processing_at_once(sync_api: httpx.AsyncClient, provider: Provider) -> None:
    answer = await sync_api.post("/ingest", json=event())
    assert (answer.status_code, answer.json()["status"], provider.calls) == (200, "processed", 1)
    again = await sync_api.post("/ingest", json=event())
    assert (again.json()["status"], again.json()["current_status"], provider.calls) == ("duplicate", "completed", 1)
    assert is_problem(await sync_api.post("/ingest", json=event(data="other")), 422)
    assert (await sync_api.get("/ingest/e1/status")).json()["status"] == "completed"


async def test_a_mail_refused_for_good_leaves_nothing(sync_api: httpx.AsyncClient, provider: Provider) -> None:
    provider.status = 400
    assert is_problem(await sync_api.post("/ingest", json=event()), 422)
    assert is_problem(await sync_api.get("/ingest/e1/status"), 404)


async def test_a_mail_that_failed_is_unknown_and_the_open_breaker_takes_nothing(
    sync_api: httpx.AsyncClient, provider: Provider
) -> None:
    provider.status = 503
    assert is_problem(await sync_api.post("/ingest", json=event()), 504)
    refused = await sync_api.post("/ingest", json=event("e2"))
    assert is_problem(refused, 503)
    assert int(refused.headers["retry-after"]) > 50
    assert is_problem(await sync_api.post("/ingest", json=event()), 504), "something of this one is stored"
    assert is_problem(await sync_api.get("/ingest/e2/status"), 404)
    assert provider.calls == 1
    mailless = await sync_api.post("/ingest", json={"id": "e3", "source": "a5"})
    assert mailless.json()["status"] == "processed", "needs no mail, so no provider either"


async def test_the_application_is_built_quickly(redis: Redis, provider: Provider) -> None:
    store, transport = MemoryStore(Database()), httpx.MockTransport(provider)
    given = wiring.Surroundings("api-0", settings(REDIS_URL=redis.url), Random(1), store, transport)
    create_app(wiring.api(given))
    began = time.process_time()
    for _ in range(10):
        create_app(wiring.api(given))
    assert (time.process_time() - began) / 10 < 0.02


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
