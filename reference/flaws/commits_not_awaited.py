"""Postgres runs with synchronous_commit off and a lazy WAL writer: what was completed before a crash has no row after it."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

import asyncpg

CAUGHT_BY, IN, WORLD = "every_accepted_event_is_stored_once", "postgres_restart", "real"

_sound = asyncpg.create_pool


async def _make_lazy(connection: Any) -> None:
    await connection.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
    await connection.execute("SELECT pg_reload_conf()")


def _create_pool(url: str, **options: Any) -> Any:
    return _sound(url, server_settings={"synchronous_commit": "off"}, init=_make_lazy, **options)


def plant() -> AbstractContextManager[Any]:
    return patch.object(asyncpg, "create_pool", _create_pool)
