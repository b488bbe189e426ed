"""A Redis that reads a long file refuses the same commands in both worlds, in the same words, and is itself again afterwards."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from harness.systems import Server
from harness.worlds.real import redis as real
from harness.worlds.real.ports import Ports
from harness.worlds.real.processes import Guard
from harness.worlds.simulated.network import SimulatedNetwork
from harness.worlds.simulated.redis import RedisServer
from harness.worlds.simulated.time import running_loop, simulate
from tests.harness.worlds.redis_stories import say

COMMANDS = (
    "PING",
    "SELECT 0",
    "CLIENT SETNAME somebody",
    "CONFIG GET maxmemory-policy",
    "SET string 1",
    "GET string",
    "EXISTS stream",
    "HGETALL hash",
    "XADD stream * f 1",
    "XGROUP CREATE stream group 0 MKSTREAM",
    "XREADGROUP GROUP group a STREAMS stream >",
    "EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0",
    "TIME",
)


async def answers(host: str, port: int) -> list[Any]:
    async with redis.Redis(host=host, port=port, protocol=2, retry=Retry(NoBackoff(), 0), socket_timeout=5) as client:
        return [(line, await say(client, line)) for line in COMMANDS]


def simulated() -> list[Any]:
    async def main() -> list[Any]:
        RedisServer(SimulatedNetwork(running_loop(), Random("contract"))).refuse("loading")
        return await answers("redis.sim", 6379)

    return simulate(main, seed=0)


async def for_real(folder: Path) -> tuple[list[Any], str | bytes | None, int]:
    """What it answers while it loads, and what it knows afterwards."""
    async with Guard.open() as guard:
        with closing(Ports()) as ports:
            server = real.RedisServer(
                guard, port=ports.draw(), server=Server(config={"appendonly": "yes"}), log=folder / "redis.log"
            )
            await server.start()
            async with redis.Redis(port=server.port) as client:
                await client.set("known", "before")
            await server.crash("process-crash")
            await server.start(slowly=True)
            told = await answers("127.0.0.1", server.port)
            await server.crash("process-crash")
            await server.start()
            async with redis.Redis(port=server.port, decode_responses=True) as client:
                return told, await client.get("known"), await client.dbsize()


def test_both_servers_refuse_the_same_while_they_load(tmp_path: Path) -> None:
    told, known, keys = asyncio.run(for_real(tmp_path))
    assert simulated() == told
    assert 8 <= sum("is loading" in str(answer) for _, answer in told) < len(COMMANDS)
    assert (known, keys) == ("before", 1)
