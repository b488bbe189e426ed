"""The harness as Prometheus and as a collector: what it reads of a page of metrics, and which spans reach it."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from harness.history import Pair, Scrape, Span
from harness.systems import Observe
from harness.worlds.real import http
from harness.worlds.real.journal import WallClock
from harness.worlds.real.monitoring import FILE, Monitoring, depth_of, read_samples
from harness.worlds.real.ports import Ports
from harness.worlds.real.traces import drain, sink
from tests.harness.worlds.real.waiting import until

PAGE = """# TYPE ingest_queue_depth gauge
ingest_queue_depth{state="waiting"} 40.0
ingest_queue_depth{state="parked"} 2.0
# TYPE ingest_queue_depth_other gauge
ingest_queue_depth_other 7.0
"""


def test_a_series_with_labels_is_summed() -> None:
    samples = read_samples(PAGE)
    assert samples['ingest_queue_depth{state="parked"}'] == 2
    assert depth_of(samples, "ingest_queue_depth") == 42
    assert depth_of(samples, "queue_depth") is None
    assert depth_of(samples, None) is None
    with pytest.raises(ValueError, match=r".+"):
        read_samples("<html>not metrics {")


async def test_every_process_is_scraped_and_one_that_is_silent_is_down(tmp_path: Path) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(PAGE)}\r\n\r\n{PAGE}".encode())
        await writer.drain()
        writer.close()

    server, ports, seen = await asyncio.start_server(answer, "127.0.0.1", 0), Ports(), list[Scrape]()
    monitoring = Monitoring(
        observe=Observe(rows="SELECT", metrics="/metrics", queue_depth="ingest_queue_depth"),
        ports={"worker-0": server.sockets[0].getsockname()[1], "api-0": ports.draw()},
        now=lambda: 3.0,
        record=seen.append,
        folder=tmp_path,
    )
    watching = asyncio.create_task(monitoring.watch())
    await until(lambda: seen and (tmp_path / FILE).read_text().count("api-0"))
    watching.cancel()
    server.close()
    ports.close()
    assert seen[0] == Scrape(process="worker-0", at_s=3.0, queue_depth=42)
    kept = {line["process"]: line for line in map(json.loads, (tmp_path / FILE).read_text().splitlines())}
    assert (kept["worker-0"]["up"], kept["worker-0"]["samples"]) == (1, read_samples(PAGE))
    assert (kept["api-0"]["up"], kept["api-0"]["samples"]) == (0, {})
    assert all(line["at_s"] == 3 and abs(line["unix_s"] - time.time()) < 60 for line in kept.values())


def exported() -> bytes:
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id, span.name, span.kind = bytes(range(16)), bytes(8), "process ingest", 5
    span.start_time_unix_nano, span.end_time_unix_nano = 1_000_000_000_000, 1_000_500_000_000
    for key, value in (("event.source", "a5"), ("event.id", "evt_1")):
        attribute = span.attributes.add()
        attribute.key, attribute.value.string_value = key, value
    link = span.links.add()
    link.trace_id, link.span_id = b"\1" * 16, b"\2" * 8
    return bytes(request.SerializeToString())


async def post(url: str, body: bytes, **headers: str) -> int:
    head = http.request("POST", "/v1/traces", headers=headers, body=body)
    return (await http.ask(int(url.rpartition(":")[2]), head, body, within_s=5)).status


@pytest.mark.parametrize("encoding", ["", "gzip"])
async def test_a_span_becomes_an_entry(encoding: str) -> None:
    seen: list[Span] = []
    body = gzip.compress(exported()) if encoding else exported()
    async with sink(seen.append, WallClock()) as url:
        assert await post(url, body, **{"Content-Encoding": encoding}) == 200
        assert await post(url, b"no spans at all") == 400
    (span,) = seen
    assert (span.role, span.name, span.pair, span.parent) == ("consumer", "process ingest", Pair("a5", "evt_1"), "")
    assert span.place == f"{bytes(range(16)).hex()}/{bytes(8).hex()}"
    assert span.links == (f"{'01' * 16}/{'02' * 8}",)
    assert span.end_s - span.begin_s == pytest.approx(0.5)


async def test_under_load_spans_are_taken_and_not_looked_at() -> None:
    async with drain() as url:
        assert await post(url, b"anything") == 200
