"""The queue is counted once and the figure kept: the graph is flat, whatever happens."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from redis.asyncio import Redis

from reference import exposition
from reference.census import Census, count

CAUGHT_BY, IN, WORLD = "queue_depth_shows_the_backlog", "backlog", "real"


async def _count(redis: Redis) -> Census:
    cache: dict[str, Census] = redis.__dict__.setdefault("census", {})
    if not cache:
        cache["kept"] = await count(redis)
    return cache["kept"]


def plant() -> AbstractContextManager[Any]:
    return patch.object(exposition, "count", _count)
