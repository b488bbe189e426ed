"""Tracing with OpenTelemetry, where the standard OTEL_* variables ask for it: spans go out over OTLP/HTTP, from the SDK's thread.

Imported only then. Where to go next: ``spans`` (which spans there are), ``__main__`` (who turns it on).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType

from opentelemetry.context import Context, attach, detach
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    Link,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    format_span_id,
    format_trace_id,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace import Span as Recorded
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from reference.problem import ProblemError
from reference.spans import TRAIL, Plan, Span, Value

_W3C = TraceContextTextMapPropagator()
_LAST_SPANS_SECONDS = 1.0  # a collector that is away must not keep a process from ending


class Tracing:
    """Records what happens inside ``watching``."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("reference")

    @classmethod
    def of(cls, env: Mapping[str, str], *, role: str) -> Tracing:
        """What ``env`` describes; the SDK itself reads most of it."""
        is_named = env.get("OTEL_SERVICE_NAME") or "service.name=" in env.get("OTEL_RESOURCE_ATTRIBUTES", "")
        resource = Resource.create({} if is_named else {"service.name": f"ingest-{role}"})
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        return cls(provider)

    @contextmanager
    def watching(self, headers: Mapping[str, str] | None = None) -> Iterator[None]:
        """Record the spans opened in here, as part of the trace that ``headers`` name or of a new one."""
        token = attach(_W3C.extract(headers or {}, context=Context()))
        trail = TRAIL.set(_Trail(self._tracer, began_ns=time.time_ns()))
        try:
            yield
        finally:
            TRAIL.reset(trail)
            detach(token)

    def close(self) -> None:
        """Send what is left, for a moment at most; to be called when the event loop has ended."""
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(_LAST_SPANS_SECONDS)


class _Trail:
    def __init__(self, tracer: Tracer, *, began_ns: int) -> None:
        self._tracer = tracer
        self._began_ns = began_ns

    def open(self, plan: Plan) -> Span:
        began_ns = self._began_ns if plan.is_request else None
        span = self._tracer.start_span(
            plan.name,
            kind=SpanKind[plan.kind],
            attributes=plan.attributes,
            links=_links(plan.link),
            start_time=began_ns,
        )
        return _Open(span, began_ns)

    def trace_id(self) -> str:
        context = get_current_span().get_span_context()
        return format_trace_id(context.trace_id) if context.is_valid else ""


class _Open:
    """A span under way; what leaves it as an exception is told by type only, a message may quote data."""

    def __init__(self, span: Recorded, began_ns: int | None) -> None:
        self._span = span
        self._began_ns = began_ns
        context = span.get_span_context()
        ids = f"{format_trace_id(context.trace_id)}-{format_span_id(context.span_id)}"
        self.traceparent = f"00-{ids}-{context.trace_flags & 0xFF:02x}" if context.is_valid else ""

    def set(self, name: str, value: Value) -> None:
        self._span.set_attribute(name, value)

    def __enter__(self) -> Span:
        self._token = attach(set_span_in_context(self._span))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        detach(self._token)
        if self._began_ns is not None:
            self._span.set_attribute("latency_ms", (time.time_ns() - self._began_ns) / 1e6)
        if error is not None and not (isinstance(error, ProblemError) and error.status < 500):
            self._span.set_attribute("error.type", type(error).__name__)
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


def _links(traceparent: str) -> list[Link]:
    if not traceparent:
        return []
    context = get_current_span(_W3C.extract({"traceparent": traceparent}, context=Context())).get_span_context()
    return [Link(context)] if context.is_valid else []
