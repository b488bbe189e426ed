"""After its first trouble with Redis an API process refuses for ever."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.intake import Intake, UnansweredError, UnavailableError

CAUGHT_BY, IN = "ingest_recovers", "redis_restart"

_sound = Intake.accept


async def _accept(self: Intake, event: Any) -> Any:
    if getattr(self, "is_shut", False):
        raise UnavailableError("shut")
    try:
        return await _sound(self, event)
    except (UnavailableError, UnansweredError):
        self.is_shut = True  # type: ignore[attr-defined]
        raise


def plant() -> AbstractContextManager[Any]:
    return patch.object(Intake, "accept", _accept)
