"""A sink for traces: OTLP over HTTP, as a collector would take it. A system names it with `{otlp_url}`.

The exporters of OpenTelemetry add `/v1/traces` to the URL they are given and send protobuf, perhaps compressed.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from harness.history import Pair, Span
from harness.worlds.real.journal import WallClock
from harness.worlds.real.serving import served

ROLES = {2: "server", 3: "client", 4: "producer", 5: "consumer"}  # opentelemetry.proto.trace.v1.Span.SpanKind
PATH = "/v1/traces"
PROTOBUF = "application/x-protobuf"
NANO = 1e9


def sink(record: Callable[[Span], None], clock: WallClock) -> AbstractAsyncContextManager[str]:
    """The URL of a sink, until the block is left; `record` gets every span, its times on `clock`."""

    async def take(request: Request) -> Response:
        try:
            spans = list(_spans(_plain(await request.body(), request.headers.get("content-encoding", ""))))
        except (DecodeError, OSError, EOFError, zlib.error) as error:
            return Response(f"These are no spans: {error}", 400, media_type="text/plain")
        for span in spans:
            record(span_of(span, clock))
        return _taken()

    return served(Starlette(routes=[Route(PATH, take, methods=["POST"])]))


def drain() -> AbstractAsyncContextManager[str]:
    """The URL of a sink that takes everything and looks at nothing: under load the harness has other things to do."""

    async def take(_: Request) -> Response:
        return _taken()

    return served(Starlette(routes=[Route(PATH, take, methods=["POST"])]))


def span_of(otlp: OtlpSpan, clock: WallClock) -> Span:
    """The history entry of a span."""
    attributes = {attribute.key: attribute.value.string_value for attribute in otlp.attributes}
    source, id_ = attributes.get("event.source"), attributes.get("event.id")
    return Span(
        trace=otlp.trace_id.hex(),
        span=otlp.span_id.hex(),
        parent=otlp.parent_span_id.hex(),
        name=otlp.name,
        role=ROLES.get(otlp.kind, "internal"),
        begin_s=round(clock.at_unix(otlp.start_time_unix_nano / NANO), 6),
        end_s=round(clock.at_unix(otlp.end_time_unix_nano / NANO), 6),
        pair=Pair(source, id_) if source and id_ else None,
        links=tuple(f"{link.trace_id.hex()}/{link.span_id.hex()}" for link in otlp.links),
    )


def _plain(body: bytes, encoding: str) -> bytes:
    if encoding == "gzip":
        return gzip.decompress(body)
    return zlib.decompress(body) if encoding == "deflate" else body


def _spans(body: bytes) -> Iterator[OtlpSpan]:
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        for scope in resource.scope_spans:
            yield from scope.spans


def _taken() -> Response:
    return Response(ExportTraceServiceResponse().SerializeToString(), media_type=PROTOBUF)
