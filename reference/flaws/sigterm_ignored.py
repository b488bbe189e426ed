"""A worker does not listen to SIGTERM: every deploy waits for its grace period and then kills it in mid-work."""

import asyncio
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.worker import Worker

CAUGHT_BY, IN = "terminations_are_clean", "deploy"

_sound = Worker.run


async def _run(self: Worker, terminated: asyncio.Event) -> None:
    await _sound(self, asyncio.Event())


def plant() -> AbstractContextManager[Any]:
    return patch.object(Worker, "run", _run)
