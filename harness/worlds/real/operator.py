"""The harness' own way into a Postgres of ours, past the proxies and whatever the service may still do there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from harness.usage import StackBrokenError
from harness.worlds.real.rows import OURS, UNREADABLE

ROLE = "ingestion_harness"
HEARS_WITHIN_S = 30.0
CONNECTS_WITHIN_S = 5.0
ANSWERS_WITHIN_S = 10.0
BETWEEN_TRIES_S = 0.2


class Operator:
    """A superuser of its own, whom no fault locks out, and one connection that is kept for when there is no room for another."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._kept: asyncpg.Connection[asyncpg.Record] | None = None
        self._turn = asyncio.Lock()

    async def make_role(self) -> None:
        """Make the superuser, of a server that is new. Raises UNREADABLE."""
        connection = await asyncpg.connect(self._url, timeout=CONNECTS_WITHIN_S, command_timeout=ANSWERS_WITHIN_S)
        try:
            await connection.execute(f"CREATE ROLE {ROLE} SUPERUSER LOGIN")
        finally:
            connection.terminate()

    async def tell(self, *statements: str) -> Any:
        """What the last statement answers first. One that is down is told once it is up. Raises StackBrokenError if never."""
        deadline = asyncio.get_running_loop().time() + HEARS_WITHIN_S
        while True:
            try:
                return await self.try_to_tell(*statements)
            except UNREADABLE as error:
                await wait_before(deadline, f"Postgres could not be told `{statements[0][:60]}`", error)

    async def try_to_tell(self, *statements: str) -> Any:
        """What the last statement answers first. Raises UNREADABLE."""
        async with self._turn:
            try:
                if self._kept is None:
                    self._kept = await self._connect()
                    await self._kept.execute("SET lock_timeout = '1s'; SET default_transaction_read_only = off")
                for statement in statements[:-1]:
                    await self._kept.execute(statement)
                if not statements[-1].startswith("SELECT"):
                    return await self._kept.execute(statements[-1])
                rows = await self._kept.fetch(statements[-1])  # to the last one, for a row may be a deed
                return rows[0][0] if rows else None
            except BaseException:
                self.close()
                raise

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
        """A connection besides the one that is kept. Raises UNREADABLE."""
        connection = await self._connect()
        try:
            yield connection
        finally:
            connection.terminate()

    def close(self) -> None:
        """Drop the connection that is kept."""
        if self._kept is not None:
            self._kept.terminate()
            self._kept = None

    async def _connect(self) -> asyncpg.Connection[asyncpg.Record]:
        return await asyncpg.connect(
            self._url,
            user=ROLE,
            timeout=CONNECTS_WITHIN_S,
            command_timeout=ANSWERS_WITHIN_S,
            server_settings={"application_name": OURS},
        )


async def wait_before(deadline: float, what: str, error: BaseException) -> None:
    """Wait a little before another try. Raises StackBrokenError, saying what could not be done, once there is no time for one."""
    if asyncio.get_running_loop().time() > deadline:
        raise StackBrokenError(f"{what}: {error}") from None
    await asyncio.sleep(BETWEEN_TRIES_S)
