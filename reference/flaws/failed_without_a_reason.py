"""A failed event does not say why: nobody can tell the poison from the outage."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference import api
from reference.status import Status

CAUGHT_BY, IN = "failed_is_justified", "poison_event"

_sound = api._status_answer


def plant() -> AbstractContextManager[Any]:
    return patch.object(api, "_status_answer", lambda id_, found: _sound(id_, Status(found.status, found.processed_at)))
