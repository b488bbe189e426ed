"""Postgres runs with synchronous_commit off: what was completed in the moment before a crash has no row after it."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

import asyncpg

CAUGHT_BY, IN, WORLD = "every_accepted_event_is_stored_once", "postgres_restart", "real"

_sound = asyncpg.create_pool


def _create_pool(url: str, **options: Any) -> Any:
    return _sound(url, server_settings={"synchronous_commit": "off"}, **options)


def plant() -> AbstractContextManager[Any]:
    return patch.object(asyncpg, "create_pool", _create_pool)
