"""Accepting calls a blocking library in an async function: every request of the process waits for every other."""

import time
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.events import Event
from reference.handover import Handover
from reference.intake import Acceptance

CAUGHT_BY, IN, WORLD = "ingest_stays_fast", "baseline", "real"

_sound = Handover.accept


async def _accept(self: Handover, event: Event) -> Acceptance:
    time.sleep(0.06)  # noqa: ASYNC251  # that is the flaw
    return await _sound(self, event)


def plant() -> AbstractContextManager[Any]:
    return patch.object(Handover, "accept", _accept)
