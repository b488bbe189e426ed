"""Pours rows into the event store as fast as it takes them, and does nothing else: what a worker is measured against.

``python -m tests.benchmarks.pouring unnest|copy NAME ROWS``, as a process of its own; prints rows per second. ``unnest`` is the
worker's own INSERT in the worker's batches, one after another; ``copy`` is one COPY of all rows, without any ON CONFLICT.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time

import asyncpg

from reference import statements
from reference.events import Event
from reference.store import NewRow

BATCH = 250
COLUMNS = ("source", "id", "type", "payload", "fingerprint", "status", "mail_state", "path", "marked")


def events(name: str, count: int) -> list[Event]:
    """Events that ask for no mail."""
    return [Event(id=f"{name}-{n}", source="bench", type="page.published", data={"number": n}) for n in range(count)]


async def unnest(connection: asyncpg.Connection[asyncpg.Record], rows: list[NewRow]) -> None:
    for start in range(0, len(rows), BATCH):
        batch = sorted(rows[start : start + BATCH], key=lambda row: row.pair.id)
        columns = zip(*((r.pair.source, r.pair.id, r.type, r.payload, r.fingerprint, r.is_mail_due) for r in batch), strict=True)
        await connection.execute(statements.ADD, *map(list, columns))


async def copy(connection: asyncpg.Connection[asyncpg.Record], rows: list[NewRow]) -> None:
    records = [(r.pair.source, r.pair.id, r.type, r.payload, r.fingerprint, "completed", "none", "queue", True) for r in rows]
    await connection.copy_records_to_table("events", records=records, columns=COLUMNS)


async def main(kind: str, name: str, count: int) -> None:
    """Pour, and say how fast."""
    rows = [NewRow.of(event) for event in events(name, count)]
    connection = await asyncpg.connect(os.environ["DATABASE_URL"])
    began = time.perf_counter()
    await {"unnest": unnest, "copy": copy}[kind](connection, rows)
    print(count / (time.perf_counter() - began))
    await connection.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
