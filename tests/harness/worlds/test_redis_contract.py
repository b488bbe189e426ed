"""One suite, two arms: the simulated Redis answers exactly as a real Valkey does, for the commands services here use.

The same story (`redis_stories.py`) is told to both and the answers are compared. Add a command to `redis_commands.py` before a
service under simulation uses it.
"""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError

from harness.worlds.real.binaries import redis_server
from harness.worlds.real.ports import Ports
from harness.worlds.simulated.network import SimulatedNetwork
from harness.worlds.simulated.redis import RedisServer
from harness.worlds.simulated.time import running_loop, simulate
from tests.harness.worlds.redis_stories import STORIES, Story, say


def on_simulated(story: Story, protocol: int) -> list[Any]:
    async def main() -> list[Any]:
        RedisServer(SimulatedNetwork(running_loop(), Random("contract")), config={"appendonly": "yes"})
        return await answers_of(story, host="redis.sim", port=6379, protocol=protocol)

    return simulate(main, seed=0)


def on_real(story: Story, protocol: int, port: int) -> list[Any]:
    async def main() -> list[Any]:
        return await answers_of(story, host="127.0.0.1", port=port, protocol=protocol)

    return asyncio.run(main())


async def answers_of(story: Story, *, host: str, port: int, protocol: int) -> list[Any]:
    clients: list[redis.Redis] = []

    def connect() -> redis.Redis:
        clients.append(redis.Redis(host=host, port=port, protocol=protocol, retry=Retry(NoBackoff(), 0), socket_timeout=5))
        return clients[-1]

    try:
        await connect().flushall()
        return await story(connect)
    finally:
        for client in clients:
            await client.aclose()


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A real server on a port of its own."""
    ports = Ports()
    port, folder = ports.draw(), tmp_path_factory.mktemp("valkey")
    words = [str(redis_server()), "--port", str(port), "--dir", str(folder), "--appendonly", "yes", "--save", ""]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as server:
        try:
            asyncio.run(answering(port))
            yield port
        finally:
            server.kill()
            ports.close()


async def answering(port: int) -> None:
    deadline = time.monotonic() + 10
    async with redis.Redis(port=port, retry=Retry(NoBackoff(), 0)) as client:
        while time.monotonic() < deadline:
            try:
                await client.ping()
                return
            except (ConnectionError, OSError):
                await asyncio.sleep(0.02)
    raise AssertionError(f"valkey on port {port} did not answer within 10 s")


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_both_servers_tell_the_same_story(story: Story, protocol: int, valkey: int) -> None:
    simulated, real = on_simulated(story, protocol), on_real(story, protocol, valkey)
    assert len(simulated) == len(real)
    differences = [(theirs, ours) for ours, theirs in zip(simulated, real, strict=True) if ours != theirs]
    listed = "\n".join(f"  real      {theirs}\n  simulated {ours}" for theirs, ours in differences)
    assert not differences, f"{len(differences)} answers differ; straighten them in engine.py:\n{listed}"


WRITES = [
    "SET {c}:new 1",
    "HSET {c}:hash f 2",
    "HDEL {c}:hash f",
    "PEXPIRE {c}:string 90000",
    "PERSIST {c}:string",
    "DEL {c}:nothing",
    "XADD {c}:stream 5-1 f 1",
    "XGROUP CREATE {c}:stream other 0",
    "XREADGROUP GROUP group a STREAMS {c}:stream >",
    "XACK {c}:stream group 1-1",
    "XAUTOCLAIM {c}:stream group b 0 0-0",
    "XDEL {c}:stream 1-1",
    "ZADD {c}:zset 1 m",
    "ZREM {c}:zset n",
    "INCR {c}:counter",
    "GET {c}:string",
    "HGET {c}:hash g",
    "XLEN {c}:stream",
    "EVAL \"return redis.call('HSET', KEYS[1], 'a', 1)\" 1 {c}:scripted",
    "EVAL \"redis.call('PERSIST', KEYS[1]) return redis.call('HSET', KEYS[1], 'a', 1)\" 1 {c}:scripted",
    "EVAL \"return redis.call('HGET', KEYS[1], 'a')\" 1 {c}:scripted",
]


async def told(client: redis.Redis, refuse: Callable[[], Awaitable[object]], heal: Callable[[], Awaitable[object]]) -> list[Any]:
    """What every command is answered while writes are refused."""
    for line in ("SET {c}:string 1", "HSET {c}:hash f 1 g 2", "XADD {c}:stream 1-1 f 1", "XGROUP CREATE {c}:stream group 0"):
        await say(client, line)
    await refuse()
    answers = [(line, await say(client, line)) for line in WRITES]
    await heal()
    return [*answers, await say(client, "SET {c}:new 2")]


def refusing_simulated(why: str) -> list[Any]:
    async def main() -> list[Any]:
        server = RedisServer(SimulatedNetwork(running_loop(), Random("contract")))

        async def refuse() -> None:
            server.refuse(why)

        async def heal() -> None:
            server.keyspace.refusal = None

        async def story(connect: Callable[[], redis.Redis]) -> list[Any]:
            return await told(connect(), refuse, heal)

        return await answers_of(story, host="redis.sim", port=6379, protocol=2)

    return simulate(main, seed=0)


def refusing_real(why: str, port: int) -> list[Any]:
    refusing, healing = {
        "out-of-memory": ("CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0"),
        "read-only": ("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE"),
    }[why]

    async def story(connect: Callable[[], redis.Redis]) -> list[Any]:
        orders = connect()
        return await told(connect(), lambda: say(orders, refusing), lambda: say(orders, healing))

    return asyncio.run(answers_of(story, host="127.0.0.1", port=port, protocol=2))


@pytest.mark.parametrize("why", ["out-of-memory", "read-only"])
def test_both_servers_refuse_the_same_writes(why: str, valkey: int) -> None:
    simulated, real = refusing_simulated(why), refusing_real(why, valkey)
    assert [ours for ours, theirs in zip(simulated, real, strict=True) if ours != theirs] == []
    assert 4 < sum("Error: " in str(answer) for _, answer in simulated[:-1]) < len(WRITES)


def test_the_binary_is_where_the_harness_looks() -> None:
    assert Path(redis_server()).exists()
