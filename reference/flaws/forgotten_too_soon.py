"""Finished events are remembered for two seconds instead of the window that was promised: a late retry is done all over again."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.queue import Queue

CAUGHT_BY, IN = "one_acceptance_per_pair", "duplicate_storm"

_sound = Queue.__init__


def _init(self: Queue, redis: Any, *, consumer: str, window_seconds: float) -> None:
    _sound(self, redis, consumer=consumer, window_seconds=2.0)


def plant() -> AbstractContextManager[Any]:
    return patch.object(Queue, "__init__", _init)
