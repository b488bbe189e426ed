"""What telemetry costs a POST /ingest: without any, with metrics, with metrics and tracing, in turns in one run.

The three APIs share this process, one real Valkey and the same events; requests go straight into the ASGI application, 16 at a
time. CPU microseconds of this process by request, the exporter's thread included; who collects the spans is a process of its own.
Nothing fails for being slow: the figures are in `extra_info`.
"""

from __future__ import annotations

import asyncio
import gc
import json
import multiprocessing
import socket
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import httpx
import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from reference import wiring
from reference.api import create_app
from reference.memory import MemoryStore
from reference.settings import Settings
from reference.tracing import Tracing
from tests.benchmarks.collector import collect
from tests.reference.servers import Redis
from tests.reference.workbench import Database

ROUNDS = 9
REQUESTS = 800
AT_ONCE = 16
ARMS = ("off", "metrics", "tracing")


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    """A Valkey."""
    server = Redis(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def collector() -> Iterator[str]:
    """Where spans go: a process that reads them and says yes."""
    listener = socket.create_server(("127.0.0.1", 0))
    process = multiprocessing.get_context("fork").Process(target=collect, args=(listener,), daemon=True)
    process.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1/traces"
    process.kill()
    process.join()


def test_post_ingest(benchmark: Any, redis: Redis, collector: str) -> None:
    costs = benchmark.pedantic(lambda: asyncio.run(measured(redis.url, collector)), rounds=1)
    median = {arm: statistics.median(costs[arm]) for arm in ARMS}
    for arm in ARMS:
        paired = [cost / off for cost, off in zip(costs[arm], costs["off"], strict=True)]
        benchmark.extra_info[arm] = {
            "median_us": round(median[arm], 1),
            "min_us": round(min(costs[arm]), 1),
            "against_off": round(statistics.median(paired), 3),
        }


async def measured(redis_url: str, collector: str) -> dict[str, list[float]]:
    """CPU microseconds by request, of each arm and round."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=collector)))
    apps = {arm: made(arm, redis_url, provider) for arm in ARMS}
    costs: dict[str, list[float]] = {arm: [] for arm in ARMS}
    for number in range(ROUNDS + 1):
        for arm in ARMS[number % 3 :] + ARMS[: number % 3]:
            gc.collect()
            began = time.process_time()
            await posts(apps[arm], f"{arm}-{number}")
            if arm == "tracing":
                provider.force_flush()  # its share of the exporting is this arm's, not the next one's
            if number > 0:  # the first round warms up
                costs[arm].append((time.process_time() - began) / REQUESTS * 1e6)
    for app in apps.values():
        await app.state.parts.close()
    provider.shutdown()
    return costs


def made(arm: str, redis_url: str, provider: TracerProvider) -> Any:
    settings = Settings.of({"DATABASE_URL": "postgresql://unused", "REDIS_URL": redis_url, "HIGH_WATER": "1000000"})
    tracing = Tracing(provider) if arm == "tracing" else None
    transport = httpx.MockTransport(lambda request: httpx.Response(202))
    given = wiring.Surroundings(arm, settings, Random(1), MemoryStore(Database()), transport, tracing)
    if arm != "off":
        return create_app(wiring.api(given))
    with patch("reference.api.observed", lambda endpoint, **_: endpoint):
        return create_app(wiring.api(given))


async def posts(app: Any, name: str) -> None:
    """``REQUESTS`` events, ``AT_ONCE`` under way."""
    numbers = iter(range(REQUESTS))

    async def client() -> None:
        for number in numbers:
            await post(app, f"{name}-{number}")

    await asyncio.gather(*(client() for _ in range(AT_ONCE)))


async def post(app: Any, event_id: str) -> None:
    email = {"to": "reader@example.com", "subject": "Ready", "text": "Your page is ready."}
    body = json.dumps({"id": event_id, "source": "bench", "type": "page.published", "data": {"n": 1}, "email": email}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), (b"host", b"api")]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/ingest",
        "raw_path": b"/ingest",
        "query_string": b"",
        "headers": headers,
        "http_version": "1.1",
        "scheme": "http",
        "server": ("api", 80),
        "client": ("127.0.0.1", 1),
        "root_path": "",
    }
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await app(scope, receive, send)
    assert statuses == [202]
