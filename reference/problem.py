"""An answer other than success, as the code below the routes raises it: nothing here knows of HTTP frameworks.

Where to go next: ``problems`` (how it is put on the wire), ``openapi`` (where each kind is documented).
"""

from __future__ import annotations

from collections.abc import Mapping

# Every kind there is, and what it means in a few words (docs/http.md says when, and what a client does).
TITLES = {
    "invalid": "Not an acceptable event",
    "conflict": "The same pair with another payload",
    "unstorable": "The event cannot be stored",
    "mail-refused": "The mail was refused for good",
    "too-large": "The body is too large",
    "unsupported-media": "The body is in an encoding that is not understood",
    "unauthorised": "No valid API key",
    "high-water": "The queue is full",
    "queue-down": "The queue is unavailable",
    "busy": "Another request may be at work on this event",
    "store-down": "The event store is unavailable",
    "mail-closed": "The mail provider is unavailable",
    "unknown": "Taken or not, nobody knows",
    "several-sources": "Several sources use this id",
    "status-unavailable": "The status cannot be read now",
    "unknown-event": "No such event",
    "not-ready": "Not ready",
}


class ProblemError(Exception):
    """An answer other than success; raise it anywhere below a route."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        kind: str = "",
        retry_after_seconds: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.kind = kind
        self.retry_after_seconds = retry_after_seconds
        self.headers = headers or {}
