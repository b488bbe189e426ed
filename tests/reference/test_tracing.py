"""One event's spans, as the in-memory exporter sees them: across the queue, after a crash, on the synchronous path, and off."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode, TraceFlags
from redis.asyncio import Redis as Client

from reference import connection, telemetry, wiring
from reference.events import Pair
from reference.settings import BadSettingsError
from reference.tracing import Tracing
from tests.reference.servers import Redis, eventually
from tests.reference.spans import into
from tests.reference.workbench import NOWHERE, PRIVATE, Workbench, event

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def spans() -> InMemorySpanExporter:
    """Where finished spans go."""
    return InMemorySpanExporter()


@pytest.fixture
def bench(redis: Redis, spans: InMemorySpanExporter) -> Workbench:
    """The asynchronous service, traced; a dead worker's entries are taken up within a second."""
    tracing = Tracing(into(spans))
    return Workbench(redis.url, tracing=tracing, RECLAIM_SECONDS="0.6", MAIL_TIMEOUT_SECONDS="0.3", DRAIN_SECONDS="3")


def named(spans: InMemorySpanExporter, name: str) -> list[ReadableSpan]:
    return [span for span in spans.get_finished_spans() if span.name == name]


async def one(spans: InMemorySpanExporter, name: str) -> ReadableSpan:
    await eventually(lambda: named(spans, name))
    (span,) = named(spans, name)
    return span


def ids(span: ReadableSpan) -> tuple[int, int]:
    return span.context.trace_id, span.context.span_id


def linked(span: ReadableSpan) -> list[tuple[int, int]]:
    return [(link.context.trace_id, link.context.span_id) for link in span.links]


def attributes(span: ReadableSpan) -> dict[str, object]:
    return dict(span.attributes or {})


def is_private(spans: Sequence[ReadableSpan]) -> bool:
    told = " ".join(span.to_json() for span in spans)
    return not any(secret in told for secret in PRIVATE)


async def test_the_work_on_an_event_is_linked_to_its_acceptance_and_has_its_row_and_mail_as_children(
    bench: Workbench, spans: InMemorySpanExporter
) -> None:
    async with bench.serving() as api, bench.working():
        await api.post("/ingest", json=event(data="confidential"))
        consumer = await one(spans, "process ingest")
    producer = await one(spans, "ingest_enqueue")
    assert (producer.kind, producer.parent) == (SpanKind.PRODUCER, None)
    assert (consumer.kind, consumer.parent) == (SpanKind.CONSUMER, None)
    assert linked(consumer) == [ids(producer)]
    for child in ("store event", "send mail"):
        span = await one(spans, child)
        assert span.parent is not None
        assert (span.kind, span.context.trace_id, span.parent.span_id) == (SpanKind.CLIENT, *ids(consumer))
    assert is_private(spans.get_finished_spans())


async def test_what_the_spans_say(bench: Workbench, spans: InMemorySpanExporter) -> None:
    async with bench.serving() as api, bench.working():
        await api.post("/ingest", json=event())
        consumer = attributes(await one(spans, "process ingest"))
    producer = attributes(await one(spans, "ingest_enqueue"))
    assert 0 < float(str(producer.pop("latency_ms"))) < 30_000
    assert producer == {
        "event.id": "e1",
        "event.source": "a5",
        "queue.depth": 1,
        "ingest.outcome": "accepted",
        "messaging.system": "redis",
        "messaging.destination.name": "{ingest}:stream",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.message.id": "e1",
    }
    assert consumer["messaging.operation.type"] == "process"
    assert consumer["messaging.consumer.group.name"] == "workers"
    assert (consumer["ingest.outcome"], consumer["ingest.takes"], consumer["ingest.attempts"]) == ("completed", 1, 0)
    assert attributes(await one(spans, "send mail"))["mail.outcome"] == "sent"


async def test_the_callers_trace_is_continued(bench: Workbench, spans: InMemorySpanExporter) -> None:
    async with bench.serving() as api:
        await api.post("/ingest", json=event(), headers={"traceparent": CALLER})
        await api.post("/ingest", json=event("e2"), headers={"traceparent": "00-nonsense"})
        await api.post("/ingest", json=event("e3"))
    first, second, third = named(spans, "ingest_enqueue")
    assert first.parent is not None
    assert (f"{first.context.trace_id:032x}", f"{first.parent.span_id:016x}") == tuple(CALLER.split("-")[1:3])
    assert second.parent is third.parent is None
    assert len({span.context.trace_id for span in (first, second, third)}) == 3


async def test_whoever_takes_up_what_a_dead_worker_left_links_to_the_same_acceptance(
    bench: Workbench, spans: InMemorySpanExporter
) -> None:
    bench.provider.gate.clear()
    async with bench.serving() as api:
        dying = asyncio.create_task(wiring.worker(bench.given()).worker.run(asyncio.Event()))
        await api.post("/ingest", json=event())
        await eventually(lambda: bench.provider.requests)
        await killed(dying)
        bench.provider.gate.set()
        async with bench.working():
            await eventually(lambda: completed(spans))
    (producer,) = named(spans, "ingest_enqueue")
    (again,) = completed(spans)
    assert linked(again) == [ids(producer)]
    assert attributes(again)["ingest.takes"] == 2
    (died,) = [span for span in named(spans, "process ingest") if span is not again]
    assert (linked(died), died.status.status_code) == ([ids(producer)], StatusCode.ERROR)


async def test_an_event_put_back_is_linked_again(bench: Workbench, spans: InMemorySpanExporter) -> None:
    bench.provider.status = 503
    async with bench.serving() as api, bench.working():
        await api.post("/ingest", json=event())
        await eventually(lambda: named(spans, "process ingest"))
        bench.provider.status = 202
        await eventually(lambda: completed(spans))
    (producer,) = named(spans, "ingest_enqueue")
    first, *_ = named(spans, "process ingest")
    assert attributes(first)["ingest.outcome"] == "delayed"
    assert all(linked(span) == [ids(producer)] for span in named(spans, "process ingest"))


async def test_the_trace_of_what_completed_is_forgotten_and_of_what_failed_kept(bench: Workbench, redis_client: Client) -> None:
    async with bench.serving() as api, bench.working():
        for name, status in (("good", 202), ("bad", 400)):
            bench.provider.status = status
            await api.post("/ingest", json=event(name))
            await eventually(lambda name=name: is_final(redis_client, name))  # type: ignore[misc]
    assert await trace_of(redis_client, "good") is None
    assert await trace_of(redis_client, "bad") is not None


async def test_the_synchronous_path_continues_the_callers_trace_with_row_and_mail_inside(spans: InMemorySpanExporter) -> None:
    bench = Workbench(tracing=Tracing(into(spans)))
    async with bench.serving() as api:
        await api.post("/ingest", json=event(), headers={"traceparent": CALLER})
        await api.post("/ingest", json=event())
        bench.provider.status = 400
        assert (await api.post("/ingest", json=event("refused"))).status_code == 422
        bench.provider.status = 503
        assert (await api.post("/ingest", json=event("unknown"))).status_code == 504
    first, again, refused, unknown = named(spans, "ingest_process")
    assert (first.kind, f"{first.context.trace_id:032x}") == (SpanKind.SERVER, CALLER.split("-")[1])
    children = [span for span in spans.get_finished_spans() if span.parent and span.parent.span_id == first.context.span_id]
    assert [span.name for span in children] == ["store event", "send mail"]
    assert [attributes(span).get("ingest.outcome") for span in (first, again)] == ["processed", "duplicate"]
    assert [span.status.status_code for span in (refused, unknown)] == [StatusCode.UNSET, StatusCode.ERROR]
    assert is_private(spans.get_finished_spans())


async def test_a_queue_that_is_down_shows_in_the_span(spans: InMemorySpanExporter) -> None:
    async with Workbench(NOWHERE, tracing=Tracing(into(spans))).serving() as api:
        assert (await api.post("/ingest", json=event())).status_code == 503
    (span,) = named(spans, "ingest_enqueue")
    assert (span.status.status_code, attributes(span)["error.type"]) == (StatusCode.ERROR, "UnavailableError")
    assert not span.events, "an exception's message may quote a payload"


async def test_an_idle_worker_makes_no_spans(bench: Workbench, spans: InMemorySpanExporter) -> None:
    async with bench.working():
        await asyncio.sleep(1.0)  # it tends and renews several times meanwhile
    assert spans.get_finished_spans() == ()


async def test_what_is_not_sampled_is_not_exported_and_still_carries_its_trace(
    redis: Redis, redis_client: Client, spans: InMemorySpanExporter
) -> None:
    provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    async with Workbench(redis.url, tracing=Tracing(provider)).serving() as api:
        await api.post("/ingest", json=event())
    *_, flags = (await trace_of(redis_client, "e1") or "").split("-")
    assert int(flags, 16) & TraceFlags.SAMPLED == 0
    assert spans.get_finished_spans() == ()


async def test_off_nothing_travels(redis: Redis, redis_client: Client) -> None:
    async with Workbench(redis.url).serving() as api:
        await api.post("/ingest", json=event(), headers={"traceparent": CALLER})
    assert await trace_of(redis_client, "e1") is None


@pytest.mark.parametrize(
    ("env", "is_on"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "a7"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, False),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, False),
    ],
)
def test_the_standard_variables_turn_it_on_and_off(env: dict[str, str], is_on: bool) -> None:
    made = telemetry.tracing(env, role="api")
    assert (made is not None) is is_on
    if made is not None:
        made.close()


@pytest.mark.parametrize(("name", "given"), [("OTEL_TRACES_EXPORTER", "zipkin"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")])
def test_what_is_not_spoken_is_refused_with_its_name(name: str, given: str) -> None:
    with pytest.raises(BadSettingsError, match=name):
        telemetry.tracing({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", name: given}, role="api")


def test_off_neither_tracing_nor_the_exporter_is_imported() -> None:
    program = (  # the SDK itself is: redis-py imports it wherever it is installed
        "import sys, reference.__main__, reference.api; from reference import telemetry; "
        "assert telemetry.tracing({}, role='api') is None; "
        "print(bool({'reference.tracing', 'opentelemetry.exporter'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def completed(spans: InMemorySpanExporter) -> list[ReadableSpan]:
    return [span for span in named(spans, "process ingest") if attributes(span).get("ingest.outcome") == "completed"]


async def killed(running: asyncio.Task[None]) -> None:
    """End everything a worker was doing, as near to kill -9 as one process gets: nothing is handed back."""
    others = {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    assert running.cancelled()


async def is_final(client: Client, event_id: str) -> bool:
    return await field_of(client, event_id, "status") in ("completed", "failed")


async def trace_of(client: Client, event_id: str) -> str | None:
    return await field_of(client, event_id, "trace")


async def field_of(client: Client, event_id: str, name: str) -> str | None:
    found: str | None = await connection.call(client, "HGET", connection.record_key(Pair("a5", event_id).key), name)
    return found
