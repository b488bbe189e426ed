"""One event, three encodings, one fingerprint: plain JSON, a structured CloudEvent, a binary CloudEvent.

Where to go next: ``events`` (plain JSON, the hot path) and ``cloudevents`` (the other two).
"""

from __future__ import annotations

from collections.abc import Mapping

from reference import cloudevents
from reference.events import Event, parse
from reference.problem import ProblemError

PLAIN = "application/json"
STRUCTURED = "application/cloudevents+json"
_PLAIN = PLAIN.encode()
_ACCEPTED = {"Accept": f"{PLAIN}, {STRUCTURED}"}


def event_in(body: bytes, headers: Mapping[bytes, bytes]) -> Event:
    """The event that ``body`` and ``headers`` (lower-case names) carry. Raises InvalidEventError or ProblemError (415)."""
    is_binary = not headers.keys().isdisjoint(cloudevents.HEADERS)
    if not is_binary and headers.get(b"content-type") == _PLAIN and b"content-encoding" not in headers:
        return parse(body)
    return _decode(body, headers, is_binary=is_binary)


def _decode(body: bytes, headers: Mapping[bytes, bytes], *, is_binary: bool) -> Event:
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise ProblemError(415, "Compressed bodies are not understood; send it as it is.", kind="unsupported-media")
    media_type = headers.get(b"content-type", _PLAIN).decode("latin-1")
    name = media_type.partition(";")[0].strip().lower()
    if name == STRUCTURED:
        return cloudevents.structured(body)
    if is_binary and cloudevents.is_json(name) and not name.startswith("application/cloudevents"):
        return cloudevents.binary(headers, body)
    if is_binary or name != PLAIN:
        raise _not_understood()
    return parse(body)


def _not_understood() -> ProblemError:
    detail = f"Send {PLAIN}, {STRUCTURED} (one event), or a binary CloudEvent: ce- headers and {PLAIN}."
    return ProblemError(415, detail, kind="unsupported-media", headers=_ACCEPTED)
