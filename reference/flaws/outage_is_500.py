"""While Redis is away the API answers 500: clients that retry 503 and 504 give up on a defect that is none."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.events import Event
from reference.handover import Handover
from reference.intake import Acceptance, UnansweredError, UnavailableError

CAUGHT_BY, IN, WORLD = "errors_are_problems", "redis_restart", "both"

_sound = Handover.accept


async def _accept(self: Handover, event: Event) -> Acceptance:
    try:
        return await _sound(self, event)
    except (UnavailableError, UnansweredError) as error:
        raise RuntimeError(error) from error


def plant() -> AbstractContextManager[Any]:
    return patch.object(Handover, "accept", _accept)
