"""The OpenAPI document: every answer that can happen, with its schema and an example that is literally true.

A test provokes each example and compares; another sends what the document allows and what it does not.
Where to go next: ``answers`` and ``problem`` (what is answered), ``api`` (the routes these are for).
"""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import TypeAdapter

from reference import answers
from reference.cloudevents import CloudEvent
from reference.encodings import PLAIN, STRUCTURED
from reference.events import Event
from reference.problem import TITLES

TITLE = "Event ingestion"
VERSION = "1"
_REF = "#/components/schemas/{model}"
_SCHEMAS: tuple[Any, ...] = (
    Event,
    CloudEvent,
    answers.Accepted,
    answers.Duplicate,
    answers.Processed,
    answers.EventStatus,
    answers.Health,
    answers.Problem,
)
_KEYS = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
_MAIL = {"to": "reader@example.com", "subject": "Ready", "text": "Your page is ready."}
_EVENT = {"id": "evt_abc123", "source": "a5", "type": "page.published", "data": {"any": "json"}, "email": _MAIL}
_CLOUD_EVENT = {
    "specversion": "1.0",
    "id": "evt_abc123",
    "source": "a5",
    "type": "page.published",
    "time": "2026-01-05T21:00:00Z",
    "data": {"data": {"any": "json"}, "email": _MAIL},
}
_BARE = {"id": "evt_abc124", "source": "a5"}
_NOW = {"type": "integer", "minimum": 1}
_LOCATION = {"Location": {"description": "the URL of the status", "required": True, "schema": {"type": "string"}}}
_APPLIED = {
    "Preference-Applied": {
        "description": "wait=N, where the client asked to wait",
        "schema": {"type": "string", "pattern": "^wait=[0-9]+$"},
    }
}
_COME_BACK = {"Retry-After": {"description": "seconds until it is worth asking again", "required": True, "schema": _NOW}}
_WHILE_NOT_FINAL = {"Retry-After": {"description": "while the status is not final, seconds until it may be", "schema": _NOW}}
_CHALLENGE = {"WWW-Authenticate": {"description": "Bearer", "required": True, "schema": {"type": "string"}}}


_DESCRIPTION = (
    "Takes one event: plain JSON, a structured CloudEvent, or a binary one, that is the headers ce-specversion, ce-id, ce-source "
    "and ce-type with {data, email} as the JSON body. Answers 202 accepted, 200 duplicate, or 200 processed."
)


def _ref(name: str) -> dict[str, str]:
    return {"$ref": _REF.format(model=name)}


def _success(description: str, examples: dict[str, Any], *, schema: Any, headers: dict[str, Any] | None = None) -> Any:
    shown = {name: {"value": value} for name, value in examples.items()}
    content = {"application/json": {"schema": schema, "examples": shown}}
    return {"description": description, "headers": headers or {}, "content": content}


def _problem(status: int, details: dict[str, str], *, instance: str, headers: dict[str, Any] | None = None) -> Any:
    titles = {kind: TITLES[kind] for kind in details}
    examples = {
        kind: {
            "value": {
                "type": f"urn:ingest:problem:{kind}",
                "title": titles[kind],
                "status": status,
                "detail": detail,
                "instance": instance,
            }
        }
        for kind, detail in details.items()
    }
    content = {"application/problem+json": {"schema": _ref("Problem"), "examples": examples}}
    return {"description": "; ".join(titles.values()), "headers": headers or {}, "content": content}


def _problems(details: dict[int, dict[str, str]], *, instance: str) -> dict[str, Any]:
    headers = {401: _CHALLENGE, 429: _COME_BACK, 503: _COME_BACK, 504: _COME_BACK}
    return {str(code): _problem(code, kinds, instance=instance, headers=headers.get(code)) for code, kinds in details.items()}


_UNAUTHORISED = {"unauthorised": "An API key is needed: send Authorization: Bearer KEY, or X-API-Key: KEY."}
_TAKEN = {"id": "evt_abc123", "idempotency_key": "a5:evt_abc123"}

_INGEST: dict[str, Any] = {
    "operationId": "ingest",
    "summary": "Take one event",
    "description": _DESCRIPTION,
    "parameters": [
        {
            "name": "Prefer",
            "in": "header",
            "description": "RFC 7240: wait up to so many seconds for the end; clamped. Any other preference is ignored",
            "schema": {"type": "string"},
            "example": "wait=1",
        }
    ],
    "requestBody": {
        "required": True,
        "content": {
            PLAIN: {"schema": _ref("Event"), "examples": {"plain": {"value": _EVENT}, "bare": {"value": _BARE}}},
            STRUCTURED: {"schema": _ref("CloudEvent"), "examples": {"structured": {"value": _CLOUD_EVENT}}},
        },
    },
    "responses": {
        "202": _success(
            "A promise: stored once and mailed, or justifiably failed",
            {"accepted": {"status": "accepted", **_TAKEN, "estimated_processing_ms": 255}},
            schema=_ref("Accepted"),
            headers=_LOCATION | _APPLIED | _WHILE_NOT_FINAL,
        ),
        "200": _success(
            "Accepted before, or done already",
            {
                "duplicate": {"status": "duplicate", "original_id": "evt_abc123", "current_status": "pending"},
                "processed": {"status": "processed", **_TAKEN},
            },
            schema={"oneOf": [_ref("Duplicate"), _ref("Processed")]},
            headers=_LOCATION | _APPLIED,
        ),
        **_problems(
            {
                401: _UNAUTHORISED,
                413: {"too-large": "The body is larger than 262144 bytes; send less data."},
                415: {
                    "unsupported-media": "Send application/json, application/cloudevents+json (one event), "
                    "or a binary CloudEvent: ce- headers and application/json."
                },
                422: {
                    "invalid": "Not an acceptable event: id: Field required.",
                    "conflict": "This pair was accepted before with another payload; use a new id.",
                    "unstorable": "The event cannot be stored: unsupported Unicode escape sequence",
                    "mail-refused": "The mail was refused for good: the mail provider answered 400.",
                },
                429: {"high-water": "The queue is full; nothing was taken."},
                503: {
                    "queue-down": "The queue is unavailable; nothing was taken.",
                    "busy": "Another request may be at work on this event; this one took nothing.",
                    "store-down": "The event store cannot be reached; nothing was taken.",
                    "mail-closed": "The mail provider is unavailable; nothing was taken.",
                },
                504: {
                    "unknown": "The queue did not answer in time, the event may or may not have been taken; "
                    "retry with the same pair."
                },
            },
            instance="/ingest",
        ),
    },
}

_STATUS: dict[str, Any] = {
    "operationId": "status",
    "summary": "What became of one event",
    "parameters": [
        {"name": "event_id", "in": "path", "required": True, "schema": {"type": "string"}, "example": "evt_abc123"},
        {
            "name": "source",
            "in": "query",
            "description": "needed where several sources use the id",
            "schema": {"type": "string"},
            "example": "a5",
        },
    ],
    "responses": {
        "200": _success(
            "What became of the event",
            {
                "pending": {"id": "evt_abc123", "status": "pending", "processed_at": None, "result": None},
                "completed": {
                    "id": "evt_abc123",
                    "status": "completed",
                    "processed_at": "2026-01-05T21:00:00.123456Z",
                    "result": None,
                },
                "failed": {
                    "id": "evt_abc123",
                    "status": "failed",
                    "processed_at": "2026-01-05T21:00:00.123456Z",
                    "result": {"error": "the mail provider answered 400"},
                },
            },
            schema=_ref("EventStatus"),
            headers=_WHILE_NOT_FINAL,
        ),
        **_problems(
            {
                401: _UNAUTHORISED,
                404: {"unknown-event": "No event with this id was accepted."},
                409: {"several-sources": "Several sources use this id; name one: ?source=..."},
                503: {"status-unavailable": "The status cannot be read now; ask again."},
            },
            instance="/ingest/evt_abc123/status",
        ),
    },
}

_HEALTHZ: dict[str, Any] = {
    "operationId": "healthz",
    "summary": "Whether the event loop turns; says nothing about servers",
    "responses": {"200": _success("The event loop turns", {"ok": {"status": "ok"}}, schema=_ref("Health"))},
}

_READYZ: dict[str, Any] = {
    "operationId": "readyz",
    "summary": "Whether events can be taken",
    "responses": {
        "200": _success("Events can be taken", {"ready": {"status": "ready"}}, schema=_ref("Health")),
        **_problems(
            {503: {"not-ready": "Redis cannot be reached; check REDIS_URL and that the server runs."}}, instance="/readyz"
        ),
    },
}


_OPERATIONS = {
    ("/ingest", "post"): _INGEST,
    ("/ingest/{event_id}/status", "get"): _STATUS,
    ("/healthz", "get"): _HEALTHZ,
    ("/readyz", "get"): _READYZ,
}


@cache
def document(*, asks_for_key: bool) -> dict[str, Any]:
    """The document, for a service that asks for an API key or does not."""
    security: dict[str, Any] = {"security": [{name: []} for name in _KEYS]} if asks_for_key else {}
    paths: dict[str, Any] = {}
    for (path, method), operation in _OPERATIONS.items():
        paths[path] = {method: operation | (security if path.startswith("/ingest") else {})}
    components = {"schemas": _schemas()} | ({"securitySchemes": _KEYS} if asks_for_key else {})
    return {"openapi": "3.1.0", "info": {"title": TITLE, "version": VERSION}, "paths": paths, "components": components}


def _schemas() -> dict[str, Any]:
    adapters = [(number, "validation", TypeAdapter(schema)) for number, schema in enumerate(_SCHEMAS)]
    _, definitions = TypeAdapter.json_schemas(adapters, ref_template=_REF)  # type: ignore[arg-type]
    schemas: dict[str, Any] = definitions["$defs"]
    return schemas
