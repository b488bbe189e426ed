"""The draft's `db`: the events table that its INSERT implies, and the pool it executes on. Next: `work`."""

from __future__ import annotations

import os
from typing import Protocol

import asyncpg

# The draft shows only the INSERT. That a redelivered event "fails" there needs a unique key, so the table has one.
EVENTS = """
CREATE TABLE IF NOT EXISTS events (
    id text NOT NULL,
    source text NOT NULL,
    payload jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (source, id)
)
"""


class Db(Protocol):
    """What the draft does with its database. Raises whatever asyncpg raises."""

    async def execute(self, query: str, *values: object) -> object: ...


async def create() -> None:
    """Create the events table where there is none."""
    connection = await asyncpg.connect(os.environ["DATABASE_URL"])
    try:
        await connection.execute(EVENTS)
    finally:
        await connection.close()


async def open_db() -> Db:
    """A pool to the database: asyncpg's defaults, so without any time-out, but for its size."""
    pool: Db = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=1)
    return pool
