"""Workers wait for Redis without a time-out: once a connection dies in silence, its worker never does anything again."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference import queue, scripts
from reference.connection import call
from reference.flaws import together

CAUGHT_BY, IN = "backlog_drains", "redis_connections_half_open"


async def _call(redis: Any, *command: str | int, patience_seconds: float = 0.0) -> Any:
    return await call(redis, *command, patience_seconds=3600.0)


def plant() -> AbstractContextManager[Any]:
    return together(patch.object(queue, "call", _call), patch.object(scripts, "call", _call))
