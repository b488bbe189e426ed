"""The synchronous path fails where Redis is away: the rollback leads out of every outage but the one it is most needed in."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.markers import Standing
from reference.problem import ProblemError
from reference.synchronous import Attempt, SynchronousPath

CAUGHT_BY, IN = "ingest_stays_available", "rollback_without_redis"

_sound = SynchronousPath._mark


async def _mark(self: SynchronousPath, markers: Any, attempt: Attempt) -> Standing:
    standing = await _sound(self, markers, attempt)
    if standing.kind == "away":
        raise ProblemError(504, "The queue is unavailable.", kind="unknown", retry_after_seconds=1)
    return standing


def plant() -> AbstractContextManager[Any]:
    return patch.object(SynchronousPath, "_mark", _mark)
