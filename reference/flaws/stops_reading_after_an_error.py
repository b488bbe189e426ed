"""A worker's loop ends at the first error of Redis while the process stays up: it looks healthy and does nothing."""

import asyncio
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from redis.exceptions import ResponseError

from reference.worker import Worker

CAUGHT_BY, IN = "backlog_drains", "redis_restart"

_sound = Worker._recover


async def _recover(self: Worker, error: Exception) -> None:
    await _sound(self, error)
    if not isinstance(error, ResponseError):
        await asyncio.Event().wait()


def plant() -> AbstractContextManager[Any]:
    return patch.object(Worker, "_recover", _recover)
