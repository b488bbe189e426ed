"""The spans of a trace as the rest of the service opens them: without OpenTelemetry, and without effect while tracing is off.

Whether this task is traced is a context variable, which ``tracing`` sets; nobody hands a tracer around, and off it is one look.
Names and attributes stand here, together. No payload, address or key is ever among them.
Where to go next: ``tracing`` (what happens when it is on); docs/telemetry.md shows the spans of one event.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from reference.connection import GROUP, STREAM

if TYPE_CHECKING:
    from reference.events import Event, Pair
    from reference.queue import Entry

Value = str | int | float


class Span(Protocol):
    """One span; a context manager that ends it. ``traceparent`` is how others may refer to it."""

    traceparent: str

    def set(self, name: str, value: Value) -> None:
        """Add an attribute."""

    def __enter__(self) -> Span: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


@dataclass(frozen=True)
class Plan:
    """A span to open. ``kind`` is one of OpenTelemetry's, ``link`` a traceparent; ``is_request``: it began with the request."""

    name: str
    kind: str
    attributes: Mapping[str, Value] = field(default_factory=dict)
    link: str = ""
    is_request: bool = False


class Trail(Protocol):
    """The trace of one task."""

    def open(self, plan: Plan) -> Span:
        """A new span, child of the one under way."""
        ...

    def trace_id(self) -> str:
        """32 hexadecimal digits; "" while no span is open."""
        ...


TRAIL: ContextVar[Trail | None] = ContextVar("trail", default=None)


class _Nothing:
    """The span of a task that is not traced."""

    traceparent = ""

    def set(self, name: str, value: Value) -> None:
        pass

    def __enter__(self) -> Span:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        pass


NOTHING: Span = _Nothing()


def enqueueing(event: Event) -> Span:
    """An event on its way into the queue."""
    trail = TRAIL.get()
    if trail is None:
        return NOTHING
    attributes = {**_identity(event.pair), **_messaging(event.id, operation="send")}
    return trail.open(Plan("ingest_enqueue", "PRODUCER", attributes, is_request=True))


def processing(event: Event) -> Span:
    """An event processed while its client waits."""
    trail = TRAIL.get()
    return NOTHING if trail is None else trail.open(Plan("ingest_process", "SERVER", _identity(event.pair), is_request=True))


def consuming(entry: Entry) -> Span:
    """An entry of the queue in a worker's hands: linked to its acceptance, not its child, for they may be hours apart."""
    trail = TRAIL.get()
    if trail is None:
        return NOTHING
    counts: dict[str, Value] = {
        "ingest.takes": entry.takes,
        "ingest.attempts": entry.attempts,
        "messaging.consumer.group.name": GROUP,
    }
    attributes = {**_identity(entry.pair), **_messaging(entry.entry_id, operation="process"), **counts}
    return trail.open(Plan("process ingest", "CONSUMER", attributes, link=entry.traceparent))


def storing() -> Span:
    """The row of the event being written, the wait for its batch included."""
    trail = TRAIL.get()
    return NOTHING if trail is None else trail.open(Plan("store event", "CLIENT", {"db.system.name": "postgresql"}))


def mailing() -> Span:
    """The mail of the event being sent, the wait for its turn included."""
    trail = TRAIL.get()
    return NOTHING if trail is None else trail.open(Plan("send mail", "CLIENT"))


def trace_id() -> str:
    """The trace this task is part of; "" if it is not traced."""
    trail = TRAIL.get()
    return "" if trail is None else trail.trace_id()


def _identity(pair: Pair) -> dict[str, Value]:
    return {"event.id": pair.id, "event.source": pair.source}


def _messaging(message_id: str, *, operation: str) -> dict[str, Value]:
    return {
        "messaging.system": "redis",
        "messaging.destination.name": STREAM,
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.message.id": message_id,
    }
