"""A connection to Postgres that broke is never given back: after one restart of the database the pool is empty for good."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference import postgres

CAUGHT_BY, IN, WORLD = "backlog_drains", "postgres_restart", "real"

_sound = postgres._give_back


async def _give_back(pool: Any, connection: Any, *, timeout_seconds: float) -> None:
    if not connection.is_closed():
        await _sound(pool, connection, timeout_seconds=timeout_seconds)


def plant() -> AbstractContextManager[Any]:
    return patch.object(postgres, "_give_back", _give_back)
