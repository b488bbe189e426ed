"""The event store on Postgres (asyncpg): batches through unnest, row by row where a batch holds a row that cannot be stored.

Connections are made at first use, so the asynchronous API starts without one.
Where to go next: ``store`` (the port this implements).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
from asyncpg.exceptions._base import InternalClientError

from reference import statements
from reference.events import Pair
from reference.store import NewRow, Reservation, Row, StoreUnavailableError, UnstorableError

# A restart, a failover to a replica or a cut connection shows as one of these.
_UNAVAILABLE = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.QueryCanceledError,
    asyncpg.TooManyConnectionsError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.DeadlockDetectedError,
    asyncpg.DiskFullError,
    asyncpg.InterfaceError,
    InternalClientError,
    OSError,
    TimeoutError,
)
# What no database of this kind will ever take.
_UNSTORABLE = (asyncpg.DataError, asyncpg.ProgramLimitExceededError, asyncpg.StatementTooComplexError, ValueError)


_TRIES = 3  # a row that was in the way may be discarded before it is read


class PostgresStore:
    """``store.Store`` on a Postgres database. Calls and connecting end after ``timeout_seconds`` each."""

    def __init__(self, url: str, *, timeout_seconds: float = 2.0, connections: int = 4) -> None:
        self._url = url
        self._timeout_seconds = timeout_seconds
        self._connections = connections
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._opening = asyncio.Lock()

    async def close(self) -> None:
        """See Store."""
        if self._pool is not None:
            try:
                await asyncio.wait_for(self._pool.close(), self._timeout_seconds)
            except _UNAVAILABLE:
                self._pool.terminate()

    async def ping(self) -> None:
        """See Store."""
        async with self._connection() as connection:
            await connection.execute("SELECT 1")

    async def migrate(self) -> None:
        """Create what is missing; several processes may do so at once."""
        async with self._connection() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(20261)")
            await connection.execute(statements.SCHEMA)

    async def add(self, rows: Sequence[NewRow]) -> list[Row | Exception]:
        """See Store."""
        try:
            return await self._add_together(rows)
        except UnstorableError as error:
            if len(rows) == 1:
                return [error]
        return [(await self.add([row]))[0] for row in rows]

    async def complete(self, pairs: Sequence[Pair], *, is_marked: bool = True) -> None:
        """See Store."""
        async with self._connection() as connection:
            await connection.execute(statements.COMPLETE, *_named(pairs), is_marked)

    async def fail(self, pair: Pair, *, reason: str) -> None:
        """See Store."""
        async with self._connection() as connection:
            await connection.execute(statements.FAIL, pair.source, pair.id, reason)

    async def reopen(self, pair: Pair, *, fingerprint: str) -> Row | None:
        """See Store."""
        async with self._connection() as connection:
            await connection.execute(statements.REOPEN, pair.source, pair.id, fingerprint)
            record = await connection.fetchrow(statements.SELECT, [pair.source], [pair.id])
        return None if record is None else _row(record)

    async def find(self, event_id: str, *, source: str | None = None) -> list[Row]:
        """See Store."""
        async with self._connection() as connection:
            return [_row(record) for record in await connection.fetch(statements.FIND, event_id, source)]

    async def reserve(self, new: NewRow, *, owner: str, lease_seconds: float, at_once: bool = False) -> Reservation:
        """See Store."""
        values = (
            new.pair.source,
            new.pair.id,
            new.type,
            new.payload,
            new.fingerprint,
            new.is_mail_due,
            new.is_mail_due or not at_once,
            owner,
            lease_seconds,
        )
        async with self._connection() as connection:
            for _ in range(_TRIES):
                record = await connection.fetchrow(statements.RESERVE, *values)
                if record is not None:
                    return Reservation(is_ours=True, row=_row(record))
                record = await connection.fetchrow(statements.SELECT, [new.pair.source], [new.pair.id])
                if record is not None:
                    return Reservation(is_ours=False, row=_row(record))
        raise _discarded()

    async def leased(self) -> int:
        """See Store."""
        async with self._connection() as connection:
            return int(await connection.fetchval("SELECT count(*) FROM events WHERE lease_until > now()"))

    async def release(self, pair: Pair, *, owner: str) -> None:
        """See Store."""
        async with self._connection() as connection:
            await connection.execute(statements.RELEASE, pair.source, pair.id, owner)

    async def hand_over(self, pair: Pair, *, owner: str) -> None:
        """See Store."""
        async with self._connection() as connection:
            await connection.execute(statements.HAND_OVER, pair.source, pair.id, owner)

    async def discard(self, pair: Pair, *, owner: str) -> None:
        """See Store."""
        async with self._connection() as connection:
            await connection.execute(statements.DISCARD, pair.source, pair.id, owner)

    async def unmarked(self, *, within_seconds: float, most: int) -> list[Pair]:
        """See Store."""
        async with self._connection() as connection:
            found = await connection.fetch(statements.UNMARKED, within_seconds, most)
        return [Pair(source=record["source"], id=record["id"]) for record in found]

    async def note_marked(self, pairs: Sequence[Pair]) -> None:
        """See Store."""
        async with self._connection() as connection:
            await connection.execute(statements.NOTE_MARKED, *_named(pairs))

    async def _add_together(self, rows: Sequence[NewRow]) -> list[Row | Exception]:
        new = _columns(rows)
        async with self._connection() as connection:
            for _ in range(_TRIES):
                found = _by_pair(await connection.fetch(statements.ADD, *new))
                there = [row.pair for row in rows if row.pair not in found]
                if there:
                    found |= _by_pair(await connection.fetch(statements.SELECT, *_named(there)))
                if any(row.is_abandoned for row in found.values()):
                    await connection.execute(statements.CLAIM, *new)
                    found = _by_pair(await connection.fetch(statements.SELECT, *new[:2]))
                # One that a request let go of since is nobody's yet: whoever worked on it now would not be alone.
                found = {pair: row for pair, row in found.items() if not row.is_abandoned}
                if all(row.pair in found for row in rows):
                    break
        return [found.get(row.pair) or _discarded() for row in rows]

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        """A pooled connection; what it raises comes out as the port's errors."""
        pool = await self._opened()
        try:
            connection = await pool.acquire(timeout=self._timeout_seconds)
        except (*_UNAVAILABLE, asyncpg.PostgresError) as error:  # a login that is refused is an operator's to mend, too
            raise StoreUnavailableError(_describe(error), was_asked=False) from error
        try:
            yield connection
        except _UNSTORABLE as error:
            raise UnstorableError(_describe(error)) from error
        except (*_UNAVAILABLE, asyncpg.PostgresError) as error:
            # Anything else the server says (a missing table, say) is an operator's to mend: the event waits.
            raise StoreUnavailableError(_describe(error), was_asked=True) from error
        finally:
            await _give_back(pool, connection, timeout_seconds=self._timeout_seconds)

    async def _opened(self) -> asyncpg.Pool[asyncpg.Record]:
        async with self._opening:
            if self._pool is None:
                # min_size 0: the pool makes its first connection at first use.
                self._pool = await asyncpg.create_pool(
                    self._url,
                    min_size=0,
                    max_size=self._connections,
                    command_timeout=self._timeout_seconds,
                    timeout=self._timeout_seconds,
                )
            return self._pool


def _discarded() -> StoreUnavailableError:
    return StoreUnavailableError("a request let go of the row at this very moment, again and again", was_asked=True)


async def _give_back(pool: Any, connection: Any, *, timeout_seconds: float) -> None:
    with suppress(*_UNAVAILABLE):  # the pool ends a connection by itself that it cannot reset
        await pool.release(connection, timeout=timeout_seconds)


def _describe(error: Exception) -> str:
    # The first line only, and no detail: Postgres quotes the data there. What the driver itself refuses it quotes at once.
    if isinstance(error, asyncpg.PostgresError) and error.message is None:
        return f"{type(error).__name__}: refused by the driver"
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no answer in time'}"


def _named(pairs: Sequence[Pair]) -> tuple[list[str], list[str]]:
    # Rows are locked in one order, so that two batches cannot wait for each other.
    ordered = sorted(set(pairs), key=lambda pair: (pair.source, pair.id))
    return [pair.source for pair in ordered], [pair.id for pair in ordered]


def _columns(rows: Sequence[NewRow]) -> list[list[Any]]:
    ordered = sorted(rows, key=lambda row: (row.pair.source, row.pair.id))  # see _named
    values = [(r.pair.source, r.pair.id, r.type, r.payload, r.fingerprint, r.is_mail_due) for r in ordered]
    return [list(column) for column in zip(*values, strict=True)]


def _by_pair(records: Sequence[Any]) -> dict[Pair, Row]:
    return {row.pair: row for row in map(_row, records)}


def _row(record: Any) -> Row:
    return Row(
        pair=Pair(source=record["source"], id=record["id"]),
        fingerprint=record["fingerprint"],
        status=record["status"],
        is_mail_sent=record["mail_state"] == "sent",
        reason=record["reason"],
        processed_at=record["processed_at"],
        is_leased=record["is_leased"],
        path=record["path"],
    )
