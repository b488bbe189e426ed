"""Servers the user brings along: a database of our own there, given back empty; wrong URLs are one sentence."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest
from redis.asyncio import Redis

from harness.systems import Server
from harness.usage import UsageError
from harness.worlds.real.external import (
    POSTGRES_VARIABLE,
    REDIS_VARIABLE,
    address,
    at_address,
    hired_postgres,
    hired_redis,
)
from harness.worlds.real.ports import Ports
from harness.worlds.real.postgres import PostgresServer
from harness.worlds.real.processes import Guard
from harness.worlds.real.redis import RedisServer


@pytest.mark.parametrize(
    ("url", "there", "proxied"),
    [
        ("redis://127.0.0.1:16001/0", ("127.0.0.1", 16001), "redis://127.0.0.1:9/0"),
        ("redis://:secret@cache/2", ("cache", 6379), "redis://:secret@127.0.0.1:9/2"),
        ("postgresql://me:pw@db:5433/mine?sslmode=disable", ("db", 5433), "postgresql://me:pw@127.0.0.1:9/mine?sslmode=disable"),
        ("postgres://db/mine", ("db", 5432), "postgres://127.0.0.1:9/mine"),
    ],
)
def test_a_proxy_can_stand_in_front(url: str, there: tuple[str, int], proxied: str) -> None:
    assert (address(url), at_address(url, port=9)) == (there, proxied)


async def test_nothing_is_hired_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(REDIS_VARIABLE, raising=False)
    monkeypatch.delenv(POSTGRES_VARIABLE, raising=False)
    async with hired_redis() as redis, hired_postgres() as postgres:
        assert (redis, postgres) == (None, None)


async def test_a_redis_database_of_our_own(guard: Guard, ports: Ports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = RedisServer(guard, port=ports.draw(), server=Server(), log=tmp_path / "redis.log")
    await server.start()
    monkeypatch.setenv(REDIS_VARIABLE, server.url)
    async with Redis.from_url(server.url) as theirs:
        await theirs.set("precious", "1")
        async with hired_redis() as one, hired_redis() as two:
            assert one is not None
            assert two is not None
            assert [hired.url.rpartition("/")[2] for hired in (one, two)] == ["1", "2"], "0 is in use"
        assert await theirs.keys() == [b"precious"]
        assert list(await theirs.info("keyspace")) == ["db0"], "ours are empty again"


async def test_a_postgres_database_of_our_own(
    guard: Guard, ports: Ports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = PostgresServer(guard, port=ports.draw(), server=Server(), log=tmp_path / "postgres.log")
    await server.start()
    monkeypatch.setenv(POSTGRES_VARIABLE, server.url)
    async with hired_postgres() as hired:
        assert hired is not None
        assert hired.url != server.url
        connection = await asyncpg.connect(hired.url)
        await connection.execute("CREATE TABLE events (source text, id text)")
    theirs = await asyncpg.connect(server.url)
    assert await theirs.fetchval("SELECT count(*) FROM pg_database WHERE datname LIKE 'ingestion%'") == 0
    await theirs.close()


async def test_a_url_without_a_server_is_one_sentence(ports: Ports, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(REDIS_VARIABLE, f"redis://127.0.0.1:{ports.draw()}/0")
    with pytest.raises(UsageError, match="HARNESS_REDIS_URL names a server that does not answer as Redis does"):
        async with hired_redis():
            pass
    monkeypatch.setenv(POSTGRES_VARIABLE, f"postgresql://nobody@127.0.0.1:{ports.draw()}/x")
    with pytest.raises(UsageError, match="HARNESS_POSTGRES_URL names a server on which no database can be created"):
        async with hired_postgres():
            pass
