"""The HTTP side: POST /ingest, GET /ingest/{id}/status, /healthz, /readyz and /metrics, with FastAPI.

Requests are read by hand: one pass from bytes to model, no dependency machinery on the hot path, same OpenAPI.
Where to go next: ``flag`` (which way), ``handover`` (202), ``synchronous`` (200 processed), ``problems`` (everything else),
``shortcut`` (how POST /ingest gets here).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic_core import to_json
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from reference import openapi, preference, problems
from reference.answers import Accepted, Duplicate, EventStatus, Failure, Health, Processed
from reference.encodings import event_in
from reference.events import Event, InvalidEventError
from reference.exposition import CONTENT_TYPE
from reference.handover import Handover
from reference.intake import Acceptance, UnansweredError, UnavailableError
from reference.observed import observed
from reference.problem import ProblemError
from reference.readiness import why_not_ready
from reference.shortcut import Application
from reference.status import SeveralSourcesError, Status, StatusUnavailableError
from reference.synchronous import SynchronousPath
from reference.wiring import ApiParts

_POLL_AGAIN = (b"retry-after", b"1")
_JSON = (b"content-type", b"application/json")
_BASE_PROCESSING_MS = 250
_PROCESSING_MS_PER_WAITING = 5


def create_app(parts: ApiParts) -> FastAPI:
    """The application made of ``parts``, which it closes when it ends."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await parts.open()
        yield
        await parts.close()

    app = Application(
        path="/ingest",
        title=openapi.TITLE,
        version=openapi.VERSION,
        lifespan=lifespan,
        redirect_slashes=False,  # another path is another resource: 404, not a redirect to whatever Host says
        exception_handlers=problems.handlers(),
        telemetry={"tracing": False, "metrics": False, "logs": False},  # else it looks for a provider at every request
    )
    app.state.parts = parts
    app.router.route_class = _DirectRoute
    reads = observed(status, note=parts.metrics.read)
    posts = observed(ingest, note=parts.metrics.ingested, tracing=parts.tracing)
    app.add_api_route("/ingest/{event_id}/status", reads, methods=["GET"], response_model=None)
    app.add_api_route("/ingest", posts, methods=["POST"], response_model=None)
    app.add_route("/metrics", metrics, methods=["GET"], include_in_schema=False)
    app.add_api_route("/healthz", healthz, methods=["GET"], response_model=None)
    app.add_api_route("/readyz", readyz, methods=["GET"], response_model=None)
    app.openapi = lambda: openapi.document(asks_for_key=parts.api_key.is_asked_for)  # type: ignore[method-assign]
    app.router.routes.sort(key=lambda route: not isinstance(route, _DirectRoute))  # ours first: a request asks one by one
    if parts.settings.fast_path:
        app.answer = _answering(posts)
    return app


Header = tuple[bytes, bytes]


class _Answer(JSONResponse):
    """JSON written in one go, and ``headers`` as they go out; ``outcome`` is the word it is counted under."""

    def __init__(self, content: Any, status_code: int = 200, headers: Sequence[Header] = ()) -> None:
        self.status_code = status_code
        self.background = None
        self.outcome = content["status"]
        self.body = to_json(content)
        self.raw_headers = [(b"content-length", b"%d" % len(self.body)), _JSON, *headers]


def _answering(endpoint: Callable[[Request], Awaitable[Response]]) -> ASGIApp:
    """The ASGI application of one route: whatever ``endpoint`` raises becomes an answer."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        try:
            response = await endpoint(request)
        except ClientDisconnect:
            return  # nobody is left to hear an answer
        except Exception as error:  # FastAPI would answer too, but then raise it again for the server to log with all it says
            response = problems.answer(error, request)
        await response(scope, receive, send)

    return answer


class _DirectRoute(APIRoute):
    """A route whose endpoint takes the request itself: in the OpenAPI like any other, without the machinery for dependencies."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self.app = _answering(endpoint)


async def ingest(request: Request) -> JSONResponse:
    """Take one event: 202 accepted, 200 duplicate, or 200 processed on the synchronous path."""
    parts, headers = _parts(request), dict(request.scope["headers"])
    parts.api_key.check(headers)
    wait = _wait(request, parts) if b"prefer" in headers else None
    try:
        event = event_in(await _read_body(request, headers, limit_bytes=parts.settings.max_body_bytes), headers)
        request.scope["event"] = event.pair  # for the log
        if parts.handover is not None and parts.flag.is_for_queue(event.pair):
            answer = await _accept(parts.handover, event)
            return answer if wait is None else await _outcome_answer(parts, event, answer, wait=wait)
        return await _process(parts.synchronous, event)
    except InvalidEventError as error:
        raise ProblemError(422, f"Not an acceptable event: {error}.", kind="invalid") from None


async def status(request: Request) -> JSONResponse:
    """The status of one event; ``source`` is needed where several sources use the id."""
    parts = _parts(request)
    parts.api_key.check(dict(request.scope["headers"]))
    event_id, source = request.path_params["event_id"], request.query_params.get("source")
    try:
        found = await parts.statuses.find(event_id, source=source)
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
    body: Health = {"status": "ok"}
    return _Answer(body)


async def readyz(request: Request) -> JSONResponse:
    """200 when events can be taken, else 503 with the reason."""
    parts = _parts(request)
    reason = await why_not_ready(redis=parts.redis_in_use, store=parts.store_in_use)
    if reason is not None:
        raise ProblemError(503, reason, kind="not-ready", retry_after_seconds=1)
    body: Health = {"status": "ready"}
    return _Answer(body)


async def metrics(request: Request) -> Response:
    """Prometheus' text format."""
    return Response(await _parts(request).exposition.text(), media_type=CONTENT_TYPE)


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
    body: Accepted = {
        "status": "accepted",
        "id": event.id,
        "idempotency_key": f"{event.source}:{event.id}",
        "estimated_processing_ms": _BASE_PROCESSING_MS + _PROCESSING_MS_PER_WAITING * acceptance.backlog,
    }
    return _Answer(body, 202, (_location(event), _POLL_AGAIN))


def _wait(request: Request, parts: ApiParts) -> preference.Wait | None:
    return preference.wanted(request.scope["headers"], longest_seconds=parts.settings.prefer_wait_longest_seconds)


async def _outcome_answer(parts: ApiParts, event: Event, answer: JSONResponse, *, wait: preference.Wait) -> JSONResponse:
    """What became of an event that is taken, if that is known while the client waits; else ``answer``."""
    final = await preference.outcome(parts.statuses, event.pair, until=wait.until)
    if final is not None and answer.status_code == 200:
        answer = _duplicate(event, current_status=final.status)
    elif final is not None and final.status == "completed":
        answer = _processed(event)
    elif final is not None:
        del answer.headers["Retry-After"]  # accepted, and failed since: its status says why, and does not change any more
    answer.headers["Preference-Applied"] = f"wait={wait.seconds}"
    return answer


async def _process(synchronous: SynchronousPath, event: Event) -> JSONResponse:
    settled = await synchronous.process(event)
    if settled is not None:
        return _duplicate(event, current_status=settled)
    return _processed(event)


def _processed(event: Event) -> JSONResponse:
    body: Processed = {"status": "processed", "id": event.id, "idempotency_key": f"{event.source}:{event.id}"}
    return _Answer(body, 200, (_location(event),))


def _duplicate(event: Event, *, current_status: str) -> JSONResponse:
    body: Duplicate = {"status": "duplicate", "original_id": event.id, "current_status": current_status}
    return _Answer(body, 200, (_location(event),))


def _status_answer(event_id: str, found: Status) -> JSONResponse:
    result: Failure | None = None if found.reason is None else {"error": found.reason}
    body: EventStatus = {"id": event_id, "status": found.status, "processed_at": found.processed_at, "result": result}
    return _Answer(body, 200, () if found.is_final else (_POLL_AGAIN,))


def _location(event: Event) -> Header:
    return b"location", f"/ingest/{quote(event.id, safe='')}/status?{_query(event.source)}".encode()


@lru_cache(maxsize=1024)  # there are few sources
def _query(source: str) -> str:
    return urlencode({"source": source})


async def _read_body(request: Request, headers: Mapping[bytes, bytes], *, limit_bytes: int) -> bytes:
    """The body, refused before it is read where its length is declared and too large."""
    declared = headers.get(b"content-length", b"")
    if declared.isdigit() and int(declared[:18]) > limit_bytes:
        raise _too_large(limit_bytes)
    body = bytearray()
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > limit_bytes:
            raise _too_large(limit_bytes)
        if not message.get("more_body", False):
            return bytes(body)


def _too_large(limit_bytes: int) -> ProblemError:
    return ProblemError(413, f"The body is larger than {limit_bytes} bytes; send less data.", kind="too-large")


def _parts(request: Request) -> ApiParts:
    parts: ApiParts = request.app.state.parts
    return parts
