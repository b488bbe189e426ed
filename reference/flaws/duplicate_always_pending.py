"""A duplicate is said to be pending without a look at its status: the client waits for what was done long ago."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference import api
from reference.api import _Answer
from reference.events import Event

CAUGHT_BY, IN = "status_never_goes_back", "duplicate_storm"


def _duplicate(event: Event, *, current_status: str) -> _Answer:
    return _Answer({"status": "duplicate", "original_id": event.id, "current_status": "pending"})


def plant() -> AbstractContextManager[Any]:
    return patch.object(api, "_duplicate", _duplicate)
