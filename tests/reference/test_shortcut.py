"""POST /ingest by the short way and by FastAPI's own: the same answers, byte for byte."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.reference.servers import Redis
from tests.reference.workbench import Workbench, event

KEY = "k-1"
SHOWN = {"X-API-Key": KEY}
REQUESTS: list[dict[str, Any]] = [
    {"json": event()},
    {"json": event()},  # a duplicate
    {"json": event(data="other")},  # a conflict
    {"json": event(id="")},
    {"content": b"{"},
    {"content": b"x" * 300},
    {"content": b"<a/>", "headers": {"Content-Type": "text/xml"}},
    {"json": event("e2"), "headers": {"X-API-Key": "another"}},
    {"json": event("a b/c?")},
    {"json": event("e:3", source="urn:a?b=c&d")},
]


async def answers(redis_url: str, *, fast_path: str) -> list[tuple[int, list[tuple[bytes, bytes]], bytes]]:
    bench = Workbench(redis_url, FAST_PATH=fast_path, MAX_BODY_BYTES="250", API_KEY=KEY)
    async with bench.serving() as api:
        found = [await api.post("/ingest", **{**request, "headers": SHOWN | request.get("headers", {})}) for request in REQUESTS]
        found += [await api.request(method, "/ingest", headers=SHOWN) for method in ("PUT", "OPTIONS", "HEAD")]
    return [(answer.status_code, sorted(answer.headers.raw), answer.content) for answer in found]


async def test_both_ways_answer_the_same(redis: Redis, redis_client: Any) -> None:
    short = await answers(redis.url, fast_path="true")
    await redis_client.flushall()
    assert short == await answers(redis.url, fast_path="false")
    assert [status for status, _, _ in short[:3]] == [202, 200, 422]


@pytest.mark.parametrize(("fast_path", "seen"), [("true", 0), ("false", 1)])
async def test_only_the_long_way_passes_middleware(redis: Redis, fast_path: str, seen: int) -> None:
    app, passed = Workbench(redis.url, FAST_PATH=fast_path).app(), list[str]()

    @app.middleware("http")
    async def note(request: Any, go_on: Any) -> Any:
        passed.append(request.url.path)
        return await go_on(request)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as api:
        assert (await api.post("/ingest", json=event())).status_code == 202
        assert (await api.get("/healthz")).status_code == 200
    await app.state.parts.close()
    assert passed == ["/ingest"] * seen + ["/healthz"]
