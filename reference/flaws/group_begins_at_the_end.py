"""The consumer group begins at the end of the stream: what was accepted before the first worker came is never read."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference import queue
from reference.connection import call

CAUGHT_BY, IN = "every_accepted_event_is_stored_once", "redis_comes_back_empty"


async def _call(redis: Any, *words: Any, **options: Any) -> Any:
    begins = ["$" if words[:2] == ("XGROUP", "CREATE") and word == "0" else word for word in words]
    return await call(redis, *begins, **options)


def plant() -> AbstractContextManager[Any]:
    return patch.object(queue, "call", _call)
