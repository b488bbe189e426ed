"""The worker's own port, and tracing as the environment turns it on: with real processes."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.reference.collector import Collector
from tests.reference.series import series, value
from tests.reference.servers import Postgres, Redis, SendGrid, Service, await_port, eventually, free_port
from tests.reference.workbench import event


@pytest.fixture
async def collector() -> AsyncIterator[tuple[Collector, str]]:
    """A collector and its URL."""
    made = Collector()
    yield made, await made.start()
    made.stop()


def environment(redis: Redis, postgres: Postgres, sendgrid: SendGrid) -> dict[str, str]:
    quick = {"RECLAIM_SECONDS": "2", "MAIL_TIMEOUT_SECONDS": "0.5", "DRAIN_SECONDS": "3"}
    urls = {"REDIS_URL": redis.url, "DATABASE_URL": postgres.url, "SENDGRID_URL": sendgrid.url}
    return {**urls, **quick, "SENDGRID_API_KEY": "SG.test"}


def listening_worker(service: Service) -> tuple[subprocess.Popen[bytes], str]:
    port = free_port()
    process = service.run("worker", "--port", str(port))
    await_port(port, process)
    return process, f"http://127.0.0.1:{port}"


async def test_the_port_shows_health_readiness_and_metrics_and_keeps_nobody_from_stopping(
    own_redis: Redis, postgres: Postgres, sendgrid: SendGrid, service: Service, client: httpx.AsyncClient
) -> None:
    service.env = environment(own_redis, postgres, sendgrid)
    api = service.api()
    worker, port = listening_worker(service)
    assert (await client.get(f"{port}/healthz")).json() == {"status": "ok"}
    assert (await client.get(f"{port}/readyz")).json() == {"status": "ready"}
    assert (await client.get(f"{port}/elsewhere")).status_code == 404
    await client.post(f"{api}/ingest", json=event())
    await eventually(lambda: is_completed(client, port))
    of_api, of_worker = [series((await client.get(f"{url}/metrics")).text) for url in (api, port)]
    assert value(of_api, "ingest_requests_total", outcome="accepted") == 1
    for found in (of_api, of_worker):
        assert (value(found, "ingest_queue_depth"), value(found, "ingest_queue_up")) == (0, 1)
        assert (value(found, "process_cpu_seconds_total") or 0) > 0
    own_redis.kill()
    assert (await client.get(f"{port}/healthz")).status_code == 200
    unready = await client.get(f"{port}/readyz")
    assert (unready.status_code, "Redis" in unready.json()["status"]) == (503, True)
    assert value(series((await client.get(f"{port}/metrics")).text), "ingest_queue_up") == 0
    worker.send_signal(signal.SIGTERM)  # the client's connection is still open
    assert await asyncio.to_thread(worker.wait, 10) == 0


async def test_the_port_is_there_until_the_last_entry_is_done(
    redis: Redis, postgres: Postgres, sendgrid: SendGrid, service: Service, client: httpx.AsyncClient
) -> None:
    patient = {"RECLAIM_SECONDS": "16", "MAIL_TIMEOUT_SECONDS": "8", "DRAIN_SECONDS": "10.5"}
    service.env = environment(redis, postgres, sendgrid) | patient
    api = service.api()
    worker, port = listening_worker(service)
    sendgrid.delay_seconds = 1.0
    await client.post(f"{api}/ingest", json=event())
    await eventually(lambda: sendgrid.calls)
    worker.send_signal(signal.SIGTERM)
    await eventually(lambda: is_gone(client, port))
    assert sendgrid.taken() == ["e1"], "the port went before the work was done"
    assert await asyncio.to_thread(worker.wait, 10) == 0


async def test_a_port_that_is_taken_is_told_in_a_sentence(service: Service, redis: Redis, postgres: Postgres) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "reference", "worker", "--port", str(port)]
        env = {"REDIS_URL": redis.url, "DATABASE_URL": postgres.url}
        done = await asyncio.to_thread(subprocess.run, command, env=env, capture_output=True, text=True, timeout=20)
    assert done.returncode == 2
    assert done.stderr == f"Port {port} of 127.0.0.1 cannot be listened on: Address already in use. Give another --port.\n"


async def test_spans_of_real_processes_arrive_also_when_a_worker_was_killed(
    redis: Redis,
    postgres: Postgres,
    sendgrid: SendGrid,
    service: Service,
    client: httpx.AsyncClient,
    collector: tuple[Collector, str],
) -> None:
    sink, url = collector
    fast = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    service.env = environment(redis, postgres, sendgrid) | fast
    api = service.api()
    dying = service.worker()
    sendgrid.delay_seconds = 0.8
    await client.post(f"{api}/ingest", json=event())
    await eventually(lambda: sendgrid.calls)
    dying.kill()
    sendgrid.delay_seconds = 0
    service.worker()
    await eventually(lambda: sink.named("process ingest"), within_seconds=20)
    (producer,), (consumer,) = sink.named("ingest_enqueue"), sink.named("process ingest")
    (link,) = consumer.links
    assert (link.trace_id, link.span_id) == (producer.trace_id, producer.span_id)
    assert sink.services == {"ingest-api", "ingest-worker"}


async def test_a_collector_that_never_answers_changes_no_answer_and_delays_no_end(
    redis: Redis, postgres: Postgres, sendgrid: SendGrid, service: Service, client: httpx.AsyncClient
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        service.env = environment(redis, postgres, sendgrid) | {"OTEL_EXPORTER_OTLP_ENDPOINT": url}
        service.env["OTEL_EXPORTER_OTLP_TIMEOUT"] = "60"
        api, worker = service.api(), service.worker()
        assert (await client.post(f"{api}/ingest", json=event())).status_code == 202
        await eventually(lambda: sendgrid.taken() == ["e1"])
        for process in (service.processes[0], worker):
            process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(process.wait, 15) == 0


def test_bad_tracing_settings_end_the_process_with_a_sentence() -> None:
    env = {"DATABASE_URL": "postgresql://x", "REDIS_URL": "redis://x", "OTEL_TRACES_EXPORTER": "zipkin"}
    done = subprocess.run([sys.executable, "-m", "reference", "worker"], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "OTEL_TRACES_EXPORTER" in done.stderr


async def is_gone(client: httpx.AsyncClient, port: str) -> bool:
    try:
        return (await client.get(f"{port}/healthz")).status_code != 200
    except httpx.TransportError:
        return True


async def is_completed(client: httpx.AsyncClient, port: str) -> bool:
    found = series((await client.get(f"{port}/metrics")).text)
    return value(found, "ingest_entries_total", outcome="completed") == 1
