"""The HTTP side: POST /ingest, GET /ingest/{id}/status, /healthz and /readyz, with FastAPI.

Requests are read by hand: one pass from bytes to model, no dependency machinery on the hot path, same OpenAPI.
Where to go next: ``flag`` (which way), ``handover`` (202), ``synchronous`` (200 processed), ``problems`` (everything else).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic_core import to_json
from starlette.types import Receive, Scope, Send

from reference import problems
from reference.events import Event, InvalidEventError, Pair, parse
from reference.handover import Handover
from reference.intake import Acceptance, UnansweredError, UnavailableError
from reference.problem import ProblemError
from reference.readiness import why_not_ready
from reference.status import SeveralSourcesError, Status, StatusUnavailableError
from reference.synchronous import SynchronousPath
from reference.wiring import ApiParts

_POLL_AGAIN_SECONDS = "1"
_BASE_PROCESSING_MS = 250
_PROCESSING_MS_PER_WAITING = 5
_BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": Event.model_json_schema()}}}}

_NAMES = {
    "parameters": [
        {"name": "event_id", "in": "path", "required": True, "schema": {"type": "string"}},
        {"name": "source", "in": "query", "required": False, "schema": {"type": "string"}},
    ]
}


def create_app(parts: ApiParts) -> FastAPI:
    """The application made of ``parts``, which it closes when it ends."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await parts.open()
        yield
        await parts.close()

    app = FastAPI(
        title="Event ingestion",
        version="1",
        lifespan=lifespan,
        exception_handlers=problems.handlers(),
        telemetry={"tracing": False, "metrics": False, "logs": False},  # else it looks for a provider at every request
    )
    app.state.parts = parts
    app.router.route_class = _DirectRoute
    app.add_api_route("/ingest/{event_id}/status", status, methods=["GET"], response_model=None, openapi_extra=_NAMES)
    app.add_api_route("/ingest", ingest, methods=["POST"], response_model=None, openapi_extra=_BODY)
    app.add_api_route("/healthz", healthz, methods=["GET"], response_model=None)
    app.add_api_route("/readyz", readyz, methods=["GET"], response_model=None)
    app.router.routes.sort(key=lambda route: not isinstance(route, _DirectRoute))  # ours first: a request asks one by one
    return app


class _Answer(JSONResponse):
    """JSON written in one go."""

    def render(self, content: Any) -> bytes:
        return to_json(content)


class _DirectRoute(APIRoute):
    """A route whose endpoint takes the request itself: in the OpenAPI like any other, without the machinery for dependencies."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self.app = self._answer

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        response: JSONResponse = await self.endpoint(Request(scope, receive, send))
        await response(scope, receive, send)


async def ingest(request: Request) -> JSONResponse:
    """Take one event: 202 accepted, 200 duplicate, or 200 processed on the synchronous path."""
    parts = _parts(request)
    try:
        event = parse(await _read_body(request, limit_bytes=parts.settings.max_body_bytes))
        if parts.handover is not None and parts.flag.is_for_queue(event.pair):
            return await _accept(parts.handover, event)
        return await _process(parts.synchronous, event)
    except InvalidEventError as error:
        raise ProblemError(422, f"Not an acceptable event: {error}.", kind="invalid") from None


async def status(request: Request) -> JSONResponse:
    """The status of one event; ``source`` is needed where several sources use the id."""
    event_id, source = request.path_params["event_id"], request.query_params.get("source")
    try:
        found = await _parts(request).statuses.find(event_id, source=source)
    except SeveralSourcesError:
        detail = "Several sources use this id; name one: ?source=..."
        raise ProblemError(409, detail, kind="several-sources") from None
    except StatusUnavailableError:
        detail = "The status cannot be read now; ask again."
        raise ProblemError(503, detail, kind="status-unavailable", retry_after_seconds=1) from None
    if found is None:
        raise ProblemError(404, "No event with this id was accepted.", kind="unknown-event")
    return _status_answer(event_id, found)


async def healthz(_: Request) -> JSONResponse:
    """200 while the event loop turns; says nothing about servers."""
    return _Answer({"status": "ok"})


async def readyz(request: Request) -> JSONResponse:
    """200 when events can be taken, else 503 with the reason."""
    reason = await why_not_ready(_parts(request))
    if reason is not None:
        raise ProblemError(503, reason, kind="not-ready", retry_after_seconds=1)
    return _Answer({"status": "ready"})


async def _accept(door: Handover, event: Event) -> JSONResponse:
    try:
        acceptance = await door.accept(event)
    except UnavailableError:
        detail = "The queue is unavailable; nothing was taken."
        raise ProblemError(503, detail, kind="queue-down", retry_after_seconds=1) from None
    except UnansweredError:
        detail = "The queue did not answer in time, the event may or may not have been taken; retry with the same pair."
        raise ProblemError(504, detail, kind="unknown", retry_after_seconds=1) from None
    return _acceptance_answer(event, acceptance)


def _acceptance_answer(event: Event, acceptance: Acceptance) -> JSONResponse:
    if acceptance.kind == "conflict":
        raise ProblemError(422, "This pair was accepted before with another payload; use a new id.", kind="conflict")
    if acceptance.kind == "full":
        raise ProblemError(429, "The queue is full; nothing was taken.", kind="high-water", retry_after_seconds=1)
    if acceptance.kind == "duplicate":
        return _duplicate(event, current_status=acceptance.status)
    body = {
        "status": "accepted",
        "id": event.id,
        "idempotency_key": f"{event.source}:{event.id}",
        "estimated_processing_ms": _BASE_PROCESSING_MS + _PROCESSING_MS_PER_WAITING * acceptance.backlog,
    }
    return _Answer(body, 202, {"Location": _status_url(event.pair), "Retry-After": _POLL_AGAIN_SECONDS})


async def _process(synchronous: SynchronousPath, event: Event) -> JSONResponse:
    settled = await synchronous.process(event)
    if settled is not None:
        return _duplicate(event, current_status=settled)
    body = {"status": "processed", "id": event.id, "idempotency_key": f"{event.source}:{event.id}"}
    return _Answer(body, 200, {"Location": _status_url(event.pair)})


def _duplicate(event: Event, *, current_status: str) -> JSONResponse:
    body = {"status": "duplicate", "original_id": event.id, "current_status": current_status}
    return _Answer(body, 200, {"Location": _status_url(event.pair)})


def _status_answer(event_id: str, found: Status) -> JSONResponse:
    result = None if found.reason is None else {"error": found.reason}
    body = {"id": event_id, "status": found.status, "processed_at": found.processed_at, "result": result}
    return _Answer(body, 200, {} if found.is_final else {"Retry-After": _POLL_AGAIN_SECONDS})


def _status_url(pair: Pair) -> str:
    return f"/ingest/{quote(pair.id, safe='')}/status?{urlencode({'source': pair.source})}"


async def _read_body(request: Request, *, limit_bytes: int) -> bytes:
    """The body, refused before it is read where its length is declared and too large."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit_bytes:
        raise _too_large(limit_bytes)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit_bytes:
            raise _too_large(limit_bytes)
    return bytes(body)


def _too_large(limit_bytes: int) -> ProblemError:
    return ProblemError(413, f"The body is larger than {limit_bytes} bytes; send less data.", kind="too-large")


def _parts(request: Request) -> ApiParts:
    parts: ApiParts = request.app.state.parts
    return parts
