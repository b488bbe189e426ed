"""Fixtures of the reference's tests: servers that live as long as the run, a clean state for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest
import redis as blocking
from redis.asyncio import Redis as Client

from reference import connection
from reference.queue import Queue
from reference.statements import SCHEMA
from tests.reference.queueing import seen_by
from tests.reference.servers import Postgres, Redis, SendGrid, Service


@pytest.fixture(scope="session")
def shared_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """One Postgres for the whole run."""
    server = Postgres(tmp_path_factory.mktemp("postgres"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
async def postgres(shared_postgres: Postgres) -> Postgres:
    """Postgres with an empty table."""
    connection = await asyncpg.connect(shared_postgres.url)
    await connection.execute(f"DROP TABLE IF EXISTS events; {SCHEMA}")
    await connection.close()
    return shared_postgres


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """One Valkey for the whole run."""
    server = Redis(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def redis(shared_redis: Redis) -> Redis:
    """An empty Valkey."""
    with blocking.Redis.from_url(shared_redis.url) as client:
        client.flushall()
    return shared_redis


@pytest.fixture
async def redis_client(redis: Redis) -> AsyncIterator[Client]:
    """A client of the empty Valkey, as the service makes it."""
    opened = connection.connect(redis.url, timeout_seconds=2, connect_timeout_seconds=1)
    yield opened
    await opened.aclose()


@pytest.fixture
async def queue(redis_client: Client) -> Queue:
    """The queue as ``one`` sees it."""
    made = seen_by(redis_client, "one")
    await made.create_group()
    return made


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Redis]:
    """A Valkey this test may kill."""
    directory = tmp_path / "redis"
    directory.mkdir()
    server = Redis(directory)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[Postgres]:
    """A Postgres this test may kill."""
    server = Postgres(tmp_path / "postgres")
    server.start()
    yield server
    server.kill()


@pytest.fixture
async def sendgrid() -> AsyncIterator[SendGrid]:
    """A stand-in for SendGrid."""
    server = SendGrid()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client."""
    async with httpx.AsyncClient(timeout=15, trust_env=False) as given:
        yield given


@pytest.fixture
def service() -> Iterator[Service]:
    """The reference's processes; set ``env`` before starting any."""
    started = Service(env={})
    yield started
    started.kill_all()
