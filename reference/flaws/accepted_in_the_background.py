"""The API answers 202 and pushes to Redis afterwards: what cannot be pushed is lost, and nobody is told."""

import asyncio
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.events import Event
from reference.handover import Handover
from reference.intake import Acceptance

CAUGHT_BY, IN = "every_accepted_event_is_stored_once", "redis_restart"

_sound = Handover.accept


async def _accept(self: Handover, event: Event) -> Acceptance:
    pushing = asyncio.create_task(_sound(self, event))
    pushing.add_done_callback(lambda task: task.exception())
    return Acceptance("accepted", "pending", 0)


def plant() -> AbstractContextManager[Any]:
    return patch.object(Handover, "accept", _accept)
