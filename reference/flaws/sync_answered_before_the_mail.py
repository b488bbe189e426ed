"""The synchronous path says processed and sends the mail afterwards: if that fails, nobody is there to hear of it."""

import asyncio
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.synchronous import Attempt, SynchronousPath

CAUGHT_BY, IN, SYSTEM = "completed_means_done", "baseline", "sync"

_sound = SynchronousPath._mail


async def _mail(self: SynchronousPath, attempt: Attempt) -> None:
    mailing = asyncio.create_task(_sound(self, attempt))
    mailing.add_done_callback(lambda task: task.exception())


def plant() -> AbstractContextManager[Any]:
    return patch.object(SynchronousPath, "_mail", _mail)
