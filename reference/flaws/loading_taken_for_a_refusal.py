"""A Redis that is still loading counts as a refusal of the event: clients are told that it is wrong, and give it up."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.events import Event
from reference.handover import Handover
from reference.intake import Acceptance, UnavailableError
from reference.problem import ProblemError

CAUGHT_BY, IN, WORLD = "refusals_are_honest", "redis_loads", "both"

_sound = Handover.accept


async def _accept(self: Handover, event: Event) -> Acceptance:
    try:
        return await _sound(self, event)
    except UnavailableError as error:
        if "loading the dataset" in str(error):
            raise ProblemError(422, "The queue does not take this event.") from None
        raise


def plant() -> AbstractContextManager[Any]:
    return patch.object(Handover, "accept", _accept)
