"""What kill -9, SIGSTOP and SIGTERM do to a simulated process, and how a fault strikes at one operation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest
import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from harness.worlds.simulated.network import SimulatedNetwork
from harness.worlds.simulated.processes import KILLED, Process
from harness.worlds.simulated.redis import RedisServer
from harness.worlds.simulated.time import running_loop, simulate

Life = Callable[[Process, "redis.Redis"], Awaitable[None]]


def client() -> redis.Redis:
    return redis.Redis(host="redis.sim", retry=Retry(NoBackoff(), 0), socket_timeout=5)


class Stage:
    """One Redis and one process that lives as told."""

    def __init__(self) -> None:
        self.network = SimulatedNetwork(running_loop(), Random("processes"))
        self.redis = RedisServer(self.network)
        self.process = Process(self.network.loop, self.network.operations, name="worker-0", role="worker")

    def live(self, life: Life) -> None:
        async def main() -> None:
            await life(self.process, client())

        self.process.start(main)

    def strike(self, at: str, what: Callable[[], None], *, sent: bool) -> None:
        """Do `what` at the first operation that names `at`."""
        struck: list[str] = []

        def hook(process: Process, description: str) -> bool:
            if at not in description or struck:
                return True
            struck.append(description)
            what()
            return sent

        self.network.operations.hook = hook


async def push(process: Process, own: redis.Redis) -> None:
    for number in range(3):
        await own.rpush("list", number)
        await asyncio.sleep(1)


@pytest.mark.parametrize(("sent", "left"), [(True, [b"0"]), (False, [])])
def test_a_kill_at_an_operation_lets_it_leave_or_not(sent: bool, left: list[bytes]) -> None:
    async def main() -> Any:
        stage = Stage()
        stage.strike("RPUSH", stage.process.kill, sent=sent)
        stage.live(push)
        await asyncio.sleep(10)
        return stage.process.exit_code, await client().lrange("list", 0, -1)

    assert simulate(main, seed=1) == (KILLED, left)


@pytest.mark.parametrize("sent", [True, False])
def test_a_freeze_at_an_operation_only_delays_it(sent: bool) -> None:
    async def main() -> Any:
        stage = Stage()
        stage.strike("RPUSH", stage.process.freeze, sent=sent)
        stage.live(push)
        await asyncio.sleep(3)
        during = await client().lrange("list", 0, -1)
        stage.process.thaw()
        await asyncio.sleep(10)
        return during, await client().lrange("list", 0, -1), stage.process.exit_code

    assert simulate(main, seed=1) == ([b"0"] if sent else [], [b"0", b"1", b"2"], 0)


def test_the_peers_of_a_killed_process_see_its_connections_close() -> None:
    async def main() -> Any:
        stage = Stage()

        async def wait(process: Process, own: redis.Redis) -> None:
            await own.brpop("queue", timeout=60)

        stage.live(wait)
        await asyncio.sleep(1)
        stage.process.kill()
        await asyncio.sleep(1)
        await client().lpush("queue", "x")
        return await client().lrange("queue", 0, -1)

    assert simulate(main, seed=1) == [b"x"]


def test_sigterm_is_an_event_and_the_exit_code_tells_how_it_went() -> None:
    async def main() -> list[tuple[int | None, str]]:
        stage, ends = Stage(), []

        async def orderly(process: Process, own: redis.Redis) -> None:
            await process.terminated.wait()

        async def broken(process: Process, own: redis.Redis) -> None:
            await process.terminated.wait()
            raise ValueError("no")

        for life in (orderly, broken):
            stage.process = Process(stage.network.loop, stage.network.operations, name="worker-0", role="worker")
            stage.live(life)
            await asyncio.sleep(1)
            stage.process.terminate()
            await stage.process.ended.wait()
            ends.append((stage.process.exit_code, stage.process.error))
        return ends

    assert simulate(main, seed=1) == [(0, ""), (1, "ValueError: no")]


def test_operations_are_counted_and_named() -> None:
    async def main() -> list[str]:
        stage, seen = Stage(), []

        def hook(process: Process, description: str) -> bool:
            seen.append(f"{process.name} {description}")
            return True

        stage.network.operations.hook = hook
        stage.live(push)
        await asyncio.sleep(5)
        return seen

    seen = simulate(main, seed=1)
    assert seen[0] == "worker-0 connect redis"
    assert seen[-1] == "worker-0 redis RPUSH list"
