"""A lost reply of the database counts as a refusal: an event that was stored all the same is shown as failed, and not mailed."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.delivery import Delivery, Done, Ending
from reference.events import Event
from reference.queue import Entry
from reference.store import StoreUnavailableError

CAUGHT_BY, IN = "failed_is_justified", "postgres_commit_in_doubt"

_sound = Delivery._process


async def _process(self: Delivery, entry: Entry, event: Event) -> Ending:
    try:
        return await _sound(self, entry, event)
    except StoreUnavailableError as error:
        return Done("failed", str(error))


def plant() -> AbstractContextManager[Any]:
    return patch.object(Delivery, "_process", _process)
