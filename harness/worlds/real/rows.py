"""The harness' own eyes on Postgres: it runs the system's `observe.rows` twice a second, past the proxy.

Every pair seen for the first time becomes a `Stored` entry; the final read gives every `Row`, duplicates included. All of it
happens in read-only transactions: looking must not change what is looked at.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import asyncpg

from harness.history import Pair, Stored
from harness.usage import UsageError

OURS = "ingestion harness"  # how our own connections call themselves
BETWEEN_READS_S = 0.5
ANSWERS_WITHIN_S = 3.0
FINAL_READ_WITHIN_S = 10.0
TABLE_APPEARS_WITHIN_S = 5.0  # after every process is ready: one without a `ready` path may still be making it
CHECKS_AGAIN_AFTER_S = 0.1
# What asyncpg raises while a server restarts; the last one derives from Exception alone.
UNREADABLE = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
# What a service may still be about to make.
NOT_THERE_YET = (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError, asyncpg.InvalidSchemaNameError)


class RowReader:
    """Reads pairs of (source, id), by position, with the system's SQL."""

    def __init__(self, url: str, sql: str) -> None:
        self._url = url
        self._sql = sql
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._seen: set[Pair] = set()

    async def check(self) -> None:
        """Run the SQL once all processes are ready. Raises UsageError, with the server's own sentence, if it does not work.

        A table may appear a moment after that.
        """
        deadline = time.monotonic() + TABLE_APPEARS_WITHIN_S
        while True:
            try:
                wrong, may_come = await self._what_is_wrong(), False
            except UNREADABLE as error:
                wrong, may_come = str(error) or type(error).__name__, isinstance(error, NOT_THERE_YET)
                await self.close()
            if not wrong:
                return
            if not may_come or time.monotonic() > deadline:
                raise UsageError(
                    f"observe.rows cannot be read ({wrong}); it must be one statement that only reads, and selects source and "
                    f"id: `{self._sql}`."
                )
            await asyncio.sleep(CHECKS_AGAIN_AFTER_S)

    async def watch(self, record: Callable[[Stored], None], now: Callable[[], float]) -> None:
        """Record every pair when it first appears, for ever."""
        while True:
            try:
                pairs = await self._read()
            except UNREADABLE:
                pairs = []  # the server is down
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

    async def _what_is_wrong(self) -> str:
        """What is wrong with the SQL's columns; empty if nothing is."""
        connection = await self._connected()
        async with connection.transaction(readonly=True):
            statement = await connection.prepare(self._sql)
            await statement.fetch()
        columns = [attribute.name for attribute in statement.get_attributes()]
        if len(columns) == len(Pair._fields):
            return ""
        return f"it selects {len(columns)} columns ({', '.join(columns)}), expected 2" if columns else "it selects nothing"

    async def _read(self) -> list[Pair]:
        try:
            connection = await self._connected()
            async with connection.transaction(readonly=True):
                rows = await connection.fetch(self._sql)
            return [Pair(str(row[0]), str(row[1])) for row in rows]
        except BaseException:
            await self.close()
            raise

    async def _connected(self) -> asyncpg.Connection[asyncpg.Record]:
        if self._connection is None:
            self._connection = await asyncpg.connect(
                self._url,
                timeout=ANSWERS_WITHIN_S,
                command_timeout=ANSWERS_WITHIN_S,
                server_settings={"application_name": OURS},
            )
        return self._connection
