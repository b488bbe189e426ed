"""Every mail has a breaker of its own: none of them ever sees enough failures to open."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.breaker import Breaker
from reference.events import Event
from reference.mailer import Answer
from reference.postman import Postman

CAUGHT_BY, IN = "provider_is_spared", "sendgrid_outage"

_sound = Postman._answer


async def _answer(self: Postman, event: Event, guard: Any) -> Answer:
    self._breaker = Breaker(failures=10, reset_seconds=3.0)
    return await _sound(self, event, guard)


def plant() -> AbstractContextManager[Any]:
    return patch.object(Postman, "_answer", _answer)
