"""A worker that was told to stop ends with a traceback and exit code 1: its supervisor takes every deploy for a crash."""

import asyncio
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.worker import Worker

CAUGHT_BY, IN, WORLD = "terminations_are_clean", "deploy", "both"

_sound = Worker.run


async def _run(self: Worker, terminated: asyncio.Event) -> None:
    await _sound(self, terminated)
    raise asyncio.CancelledError


def plant() -> AbstractContextManager[Any]:
    return patch.object(Worker, "run", _run)
