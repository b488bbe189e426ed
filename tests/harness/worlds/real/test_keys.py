"""The keys that stay for ever are counted in the service's own database, on a real server."""

from __future__ import annotations

from pathlib import Path

import pytest
from redis.asyncio import Redis

from harness.systems import Server
from harness.worlds.real.keys import lasting_keys
from harness.worlds.real.ports import Ports
from harness.worlds.real.processes import Guard
from harness.worlds.real.redis import RedisServer


@pytest.mark.parametrize(("database", "lasting"), [("", 2), ("/0", 2), ("/1", 1), ("/2", 0), ("/3", 0)])
async def test_only_what_has_no_expiry_and_lies_in_that_database_counts(
    guard: Guard, ports: Ports, tmp_path: Path, database: str, lasting: int
) -> None:
    server = RedisServer(guard, port=ports.draw(), server=Server(config={}), log=tmp_path / "redis.log")
    await server.start()
    url = f"redis://127.0.0.1:{server.port}"
    for number, stays, goes in ((0, 2, 3), (1, 1, 0), (2, 0, 1)):
        async with Redis.from_url(f"{url}/{number}") as client:
            for key in range(stays):
                await client.set(f"stays-{key}", 1)
            for key in range(goes):
                await client.set(f"goes-{key}", 1, ex=60)
    assert await lasting_keys(f"{url}{database}") == lasting


async def test_a_redis_that_is_away_tells_nothing(ports: Ports) -> None:
    assert await lasting_keys(f"redis://127.0.0.1:{ports.draw()}/0") is None
