"""What is posted, and which statuses are read: events with ids of their own, made from a seed.

`next_post` and `next_read` say what to send; `accepted` tells the workload which pairs may be repeated or read.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from random import Random
from typing import Any

SOURCE = "load"
REMEMBERED = 300  # pairs accepted last, of which reads and duplicates take one

_as_json = json.JSONEncoder(separators=(",", ":")).encode  # json.dumps would build an encoder for every event


@dataclass(frozen=True, slots=True)
class Mix:
    """Shares of the POSTs: that ask for a mail, and that repeat a pair accepted lately."""

    mailed: float = 0.5
    duplicates: float = 0.0


@dataclass(frozen=True, slots=True)
class Posting:
    """One POST: the event's id, its JSON text, and whether the pair was accepted before."""

    id: str
    payload: str
    duplicate: bool = False


class Workload:
    """The requests of one stream. `prefix` makes its ids unique in the run; characters must be safe in a path segment."""

    def __init__(self, mix: Mix, prefix: str, random: Random) -> None:
        self._mix = mix
        self._prefix = prefix
        self._random = random
        self._number = 0
        self._lately: deque[Posting] = deque(maxlen=REMEMBERED)

    def next_post(self) -> Posting:
        """A fresh event, or one accepted lately once more."""
        if self._lately and self._mix.duplicates > 0 and self._random.random() < self._mix.duplicates:
            repeated = self._random.choice(self._lately)
            return Posting(repeated.id, repeated.payload, duplicate=True)
        self._number += 1
        event_id = f"{self._prefix}-{self._number}"
        return Posting(event_id, _as_json(self._event(event_id)))

    def next_read(self) -> str | None:
        """The id whose status is read; None while nothing has been accepted."""
        return self._random.choice(self._lately).id if self._lately else None

    def accepted(self, posting: Posting) -> None:
        """Remember a fresh event that the service has taken."""
        self._lately.append(posting)

    def _event(self, event_id: str) -> dict[str, Any]:
        event = {"id": event_id, "source": SOURCE, "type": "page.published", "data": {"number": self._number}}
        if self._random.random() < self._mix.mailed:
            reader = f"reader-{self._number}@example.com"
            event["email"] = {"to": reader, "subject": "Ready", "text": "Your page is ready."}
        return event
