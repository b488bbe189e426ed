"""A duplicate's original_id is the internal key: the client that asks for it is told that there is no such event."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference import api
from reference.api import _Answer
from reference.events import Event

CAUGHT_BY, IN = "duplicates_point_to_their_event", "duplicate_storm"


def _duplicate(event: Event, *, current_status: str) -> _Answer:
    return _Answer({"status": "duplicate", "original_id": event.pair.key, "current_status": current_status})


def plant() -> AbstractContextManager[Any]:
    return patch.object(api, "_duplicate", _duplicate)
