"""What is posted: an event, its mail, and a submission of it at some moment. `traffic.py` lays submissions out."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.history import Pair

SOURCE = "a5"
REFUSED_DOMAIN = "refused.example"  # the provider answers 400 for every address there


@dataclass(frozen=True, slots=True)
class Email:
    """The mail an event asks for."""

    to: str
    subject: str = "Ready"
    text: str = "Your page is ready."


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event of the ingest contract."""

    id: str
    source: str = SOURCE
    type: str = "page.published"
    data: Mapping[str, Any] = field(default_factory=dict)
    email: Email | None = None
    poison: bool = False  # acceptable, but the service cannot finish it, or may refuse it

    @property
    def pair(self) -> Pair:
        """Its identity."""
        return Pair(self.source, self.id)

    @property
    def payload(self) -> str:
        """A digest of {type, data, email}: equal digests are equal payloads."""
        body = {key: value for key, value in self.to_json().items() if key not in ("id", "source")}
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]

    def to_json(self) -> dict[str, Any]:
        """The body of POST /ingest."""
        body: dict[str, Any] = {"id": self.id, "source": self.source, "type": self.type, "data": dict(self.data)}
        if self.email is not None:
            body["email"] = dataclasses.asdict(self.email)
        return body


@dataclass(frozen=True, slots=True)
class Submission:
    """One event posted at `at_s`, `copies` times at once (each copy by a client of its own)."""

    at_s: float
    event: Event
    copies: int = 1


def event_of(name: str, *, mailed: bool, source: str = SOURCE) -> Event:
    """An event of that name, which asks for a mail to an address of its own if it is `mailed`."""
    email = Email(f"{name.replace(':', '.')}@example.com") if mailed else None
    return Event(id=name, source=source, data={"number": name}, email=email)
