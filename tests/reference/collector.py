"""Takes spans over OTLP/HTTP, as OpenTelemetry's collector does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector:
    """Keeps the spans it was sent, and who sent them."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.services: set[str] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> str:
        """Listen; the URL to give to an exporter."""
        self._server = await asyncio.start_server(lambda *ends: take_exports(*ends, take=self._take), "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def stop(self) -> None:
        """Listen no more."""
        assert self._server is not None
        self._server.close()

    def named(self, name: str) -> list[Span]:
        """The spans of this name so far."""
        return [span for span in self.spans if span.name == name]

    def _take(self, body: bytes) -> None:
        for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.services |= {pair.value.string_value for pair in of_resource.resource.attributes if pair.key == "service.name"}
            self.spans += [span for of_scope in of_resource.scope_spans for span in of_scope.spans]


async def take_exports(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, take: Callable[[bytes], None]) -> None:
    """Hand every request's body on this connection to `take`, then say yes."""
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            take(await reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])))
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
    except (asyncio.IncompleteReadError, OSError):
        writer.close()
