"""The bodies of the answers, as types: ``api`` writes them, ``openapi`` tells the world.

Where to go next: ``problem`` for everything that is not a success.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

_CLOSED = ConfigDict(extra="forbid")
CurrentStatus = Annotated[str, Field(json_schema_extra={"enum": ["pending", "processing", "completed", "failed"]})]
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


@with_config(_CLOSED)
class Accepted(TypedDict):
    """A promise: stored once and mailed, or justifiably failed."""

    status: Literal["accepted"]
    id: str
    idempotency_key: Annotated[str, Field(description="source:id, for people; no code may parse it")]
    estimated_processing_ms: Annotated[int, Field(ge=0)]


@with_config(_CLOSED)
class Duplicate(TypedDict):
    """This pair was accepted before; that promise stands."""

    status: Literal["duplicate"]
    original_id: str
    current_status: CurrentStatus


@with_config(_CLOSED)
class Processed(TypedDict):
    """Already stored and mailed: on the synchronous path, or in the time a client was willing to wait."""

    status: Literal["processed"]
    id: str
    idempotency_key: Annotated[str, Field(description="source:id, for people; no code may parse it")]


@with_config(_CLOSED)
class Failure(TypedDict):
    """Why an event failed."""

    error: str


@with_config(_CLOSED)
class EventStatus(TypedDict):
    """What became of an event; completed never changes again and means stored and mailed."""

    id: str
    status: CurrentStatus
    processed_at: Time | None
    result: Failure | None


@with_config(_CLOSED)
class Health(TypedDict):
    """The answer to a probe."""

    status: Literal["ok", "ready"]


@with_config(_CLOSED)
class Problem(TypedDict):
    """Problem details (RFC 9457)."""

    type: Annotated[str, Field(pattern=r"^(urn:ingest:problem:[a-z-]+|about:blank)$")]
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    instance: Annotated[str, Field(json_schema_extra={"format": "uri-reference"})]
