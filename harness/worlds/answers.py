"""What an HTTP answer of the service means, by the ingest contract: one reading for both worlds.

An `Exchange` is one request with its answer or the lack of one; `post_of` and `read_of` turn it into history entries.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import unquote

from harness.history import Outcome, Pair, Post, Read
from harness.traffic import Event

OK_STATUSES = range(200, 300)
CERTAIN_5XX = frozenset({503})  # certainly nothing was taken; any other 5xx leaves it open
FIELDS = {  # what each answer to a POST tells besides `status`
    "accepted": ("id", "idempotency_key", "estimated_processing_ms"),
    "duplicate": ("original_id", "current_status"),
    "processed": ("id",),
}


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request to the service, in seconds on the world's clock; header names are lower case.

    Without an answer `http_status` is None and `error` says why; `refused` then means that it was certainly not sent.
    """

    process: str
    begin_s: float
    end_s: float
    http_status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    error: str = ""
    refused: bool = False

    @property
    def outcome(self) -> Outcome:
        """ok, failed (certainly nothing was taken) or unknown."""
        if self.http_status is None:
            return "failed" if self.refused else "unknown"
        if self.http_status in OK_STATUSES:
            return "ok"
        return "failed" if self.http_status < 500 or self.http_status in CERTAIN_5XX else "unknown"

    @property
    def document(self) -> dict[str, Any]:
        """The body as a JSON object; empty if it is none."""
        try:
            document = json.loads(self.body)
        except ValueError:
            return {}
        return document if isinstance(document, dict) else {}


def post_of(event: Event, exchange: Exchange, *, attempt: int) -> Post:
    """The history entry of a POST /ingest."""
    document = exchange.document if exchange.outcome == "ok" else {}
    return Post(
        pair=event.pair,
        payload=event.payload,
        wants_mail=event.email is not None,
        poison=event.poison,
        attempt=attempt,
        begin_s=exchange.begin_s,
        end_s=exchange.end_s,
        outcome=exchange.outcome,
        http_status=exchange.http_status,
        answer=_answer(exchange, document),
        original_id=_text(document, "original_id"),
        current_status=_text(document, "current_status"),
        retry_after_s=retry_after_s(exchange.headers.get("retry-after", "")),
        content_type=exchange.headers.get("content-type", ""),
        error=exchange.error,
        process=exchange.process,
        missing=_missing_of_post(event, exchange, document) if exchange.outcome == "ok" else (),
        recipient=event.email.to if event.email else "",
    )


def read_of(pair: Pair, exchange: Exchange, *, final: bool) -> Read:
    """The history entry of a GET of a status."""
    document = exchange.document if exchange.http_status == 200 else {}
    result = document.get("result")
    return Read(
        pair=pair,
        begin_s=exchange.begin_s,
        end_s=exchange.end_s,
        outcome=exchange.outcome,
        http_status=exchange.http_status,
        status=_text(document, "status"),
        reason=_text(result, "error") if isinstance(result, dict) else None,
        processed_at=_text(document, "processed_at"),
        error=exchange.error,
        process=exchange.process,
        final=final,
        missing=_missing_of_read(pair, document) if exchange.http_status == 200 else (),
        content_type=exchange.headers.get("content-type", ""),
    )


def _answer(exchange: Exchange, document: dict[str, Any]) -> str | None:
    return _text(document, "status") or ("accepted" if exchange.http_status == 202 else None)


def retry_after_s(value: str) -> float | None:
    """Seconds of a Retry-After header, a number or an HTTP date; None if it is neither."""
    try:
        seconds = float(value)
        return max(0.0, seconds) if math.isfinite(seconds) else None
    except ValueError:
        pass  # then perhaps a date
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def _missing_of_post(event: Event, exchange: Exchange, document: dict[str, Any]) -> tuple[str, ...]:
    answer = _answer(exchange, document) or ""
    names = ("status", *FIELDS.get(answer, ()))
    location = _missing_location(exchange.headers.get("location", ""), event.id) if answer == "accepted" else ()
    return location + _another_id(document, names, event.id) + tuple(name for name in names if document.get(name) is None)


def _missing_location(location: str, event_id: str) -> tuple[str, ...]:
    """The address of the event's status has the event's id among its parts."""
    if not location:
        return ("Location",)
    return () if event_id in map(unquote, re.split("[/?=&#]", location)) else ("its own id in Location",)


def _another_id(document: dict[str, Any], names: Sequence[str], event_id: str) -> tuple[str, ...]:
    return ("its own id",) if "id" in names and document.get("id") not in (None, event_id) else ()


def _missing_of_read(pair: Pair, document: dict[str, Any]) -> tuple[str, ...]:
    """`processed_at` and `result` may be null, but they are there."""
    untold = tuple(name for name in ("id", "status") if _text(document, name) is None)
    untold += _another_id(document, ("id",), pair.id) if "id" not in untold else ()
    return untold + tuple(name for name in ("processed_at", "result") if name not in document)


def _text(document: dict[str, Any], name: str) -> str | None:
    value = document.get(name)
    return value if isinstance(value, str) else None
