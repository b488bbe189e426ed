"""The synchronous path answers in words of its own: a client that knows the contract takes its success for an error."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference import api
from reference.api import _Answer
from reference.events import Event

CAUGHT_BY, IN, SYSTEM = "answers_follow_the_contract", "baseline", "sync"


def _processed(event: Event) -> _Answer:
    return _Answer({"status": "ok", "event_id": event.id})


def plant() -> AbstractContextManager[Any]:
    return patch.object(api, "_processed", _processed)
