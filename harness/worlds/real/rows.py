"""The harness' own eyes on Postgres: it runs the system's `observe.rows` twice a second, past the proxy.

Every pair seen for the first time becomes a `Stored` entry; the final read gives every `Row`, duplicates included.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import asyncpg

from harness.history import Pair, Stored
from harness.usage import UsageError

BETWEEN_READS_S = 0.5
ANSWERS_WITHIN_S = 3.0
FINAL_READ_WITHIN_S = 10.0
# What asyncpg raises while a server restarts; the last one derives from Exception alone.
UNREADABLE = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)


class RowReader:
    """Reads pairs of (source, id), by position, with the system's SQL."""

    def __init__(self, url: str, sql: str) -> None:
        self._url = url
        self._sql = sql
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._seen: set[Pair] = set()

    async def check(self) -> None:
        """Raises UsageError if the SQL can never work; a table that does not exist yet may still come."""
        try:
            statement = await (await self._connected()).prepare(self._sql)
            wrong = "" if len(statement.get_attributes()) >= len(Pair._fields) else "it selects one column"
        except asyncpg.UndefinedTableError:
            return
        except UNREADABLE as error:
            wrong = str(error)
        if wrong:
            raise UsageError(f"observe.rows cannot be read ({wrong}); it must be SQL that selects source and id: `{self._sql}`.")

    async def watch(self, record: Callable[[Stored], None], now: Callable[[], float]) -> None:
        """Record every pair when it first appears, for ever."""
        while True:
            try:
                pairs = await self._read()
            except UNREADABLE:
                pairs = []  # the server is down, or the table is not there yet
            for pair in pairs:
                if pair not in self._seen:
                    self._seen.add(pair)
                    record(Stored(pair=pair, at_s=now()))
            await asyncio.sleep(BETWEEN_READS_S)

    async def read_all(self) -> Sequence[Pair] | None:
        """Every row; None if the database cannot be read within ten seconds."""
        deadline = time.monotonic() + FINAL_READ_WITHIN_S
        while True:
            try:
                return await self._read()
            except UNREADABLE:
                if time.monotonic() > deadline:
                    return None
                await asyncio.sleep(0.2)

    async def close(self) -> None:
        """Drop the connection."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def _read(self) -> list[Pair]:
        try:
            rows = await (await self._connected()).fetch(self._sql)
            return [Pair(str(row[0]), str(row[1])) for row in rows]
        except BaseException:
            await self.close()
            raise

    async def _connected(self) -> asyncpg.Connection[asyncpg.Record]:
        if self._connection is None:
            self._connection = await asyncpg.connect(self._url, timeout=ANSWERS_WITHIN_S, command_timeout=ANSWERS_WITHIN_S)
        return self._connection
