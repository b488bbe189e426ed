"""Servers the user brings along: HARNESS_REDIS_URL and HARNESS_POSTGRES_URL name running ones instead of ours.

They are used, never killed: scenarios with such a fault are not applicable there. Every stack gets a database of its own there,
and gives it back empty.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import asyncpg
from redis.asyncio import Redis
from redis.exceptions import RedisError

from harness.usage import UsageError

REDIS_VARIABLE = "HARNESS_REDIS_URL"
POSTGRES_VARIABLE = "HARNESS_POSTGRES_URL"
VARIABLES = {"redis": REDIS_VARIABLE, "postgres": POSTGRES_VARIABLE}
DEFAULT_PORTS = {"redis": 6379, "postgres": 5432, "postgresql": 5432}
REDIS_DATABASES = 16
CLAIM_KEY = "ingestion-harness:claim"


@dataclass(frozen=True)
class HiredServer:
    """A server somebody else runs; `url` names the database that is ours for now."""

    url: str


def brought_along(server: str) -> str:
    """The environment variable by which a user brought this server along; empty if nobody did."""
    variable = VARIABLES.get(server, "")
    return variable if os.environ.get(variable) else ""


def address(url: str) -> tuple[str, int]:
    """Host and port of a server's URL."""
    parts = urlsplit(url)
    return parts.hostname or "127.0.0.1", parts.port or DEFAULT_PORTS.get(parts.scheme, 0)


def at_address(url: str, *, port: int) -> str:
    """The same URL at a port of the loopback interface: how a proxy is put in front of a server."""
    parts = urlsplit(url)
    credentials, at, _ = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{credentials}{at}127.0.0.1:{port}").geturl()


@asynccontextmanager
async def hired_postgres() -> AsyncIterator[HiredServer | None]:
    """A fresh database on the server HARNESS_POSTGRES_URL names, dropped at the end; None if it names none.

    Raises UsageError if the server cannot be used.
    """
    url = os.environ.get(POSTGRES_VARIABLE)
    if not url:
        yield None
        return
    name = f"ingestion_harness_{uuid.uuid4().hex[:12]}"
    try:
        connection = await asyncpg.connect(url, timeout=5)
        await connection.execute(f"CREATE DATABASE {name}")
    except (OSError, ValueError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise UsageError(
            f"{POSTGRES_VARIABLE} names a server on which no database can be created ({error}); "
            "name one where that user may, or unset it."
        ) from None
    try:
        yield HiredServer(urlsplit(url)._replace(path=f"/{name}").geturl())
    finally:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await connection.close()


@asynccontextmanager
async def hired_redis() -> AsyncIterator[HiredServer | None]:
    """An empty database on the server HARNESS_REDIS_URL names, emptied at the end; None if it names none.

    Raises UsageError if the server cannot be used or every database there holds something.
    """
    url = os.environ.get(REDIS_VARIABLE)
    if not url:
        yield None
        return
    for number in range(REDIS_DATABASES):
        mine = urlsplit(url)._replace(path=f"/{number}").geturl()
        async with Redis.from_url(mine, socket_timeout=5) as client:
            if await _claim(client):
                try:
                    yield HiredServer(mine)
                finally:
                    with suppress(RedisError):
                        await client.flushdb()
                return
    raise UsageError(f"{REDIS_VARIABLE} names a server without an empty database; name one that is empty, or unset it.")


async def _claim(client: Redis) -> bool:
    """Whether this database was empty, and is ours now: the first key in it decides."""
    try:
        if not await client.set(CLAIM_KEY, "1", nx=True):
            return False
        if await client.dbsize() == 1:
            return True
        await client.delete(CLAIM_KEY)
        return False
    except RedisError as error:
        raise UsageError(
            f"{REDIS_VARIABLE} names a server that does not answer as Redis does ({error}); correct or unset it."
        ) from None
