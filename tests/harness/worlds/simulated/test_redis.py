"""The simulated Redis through faults: what a crash leaves, what conditions of the network do, who is served."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest
import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError, NoScriptError, RedisError, ResponseError, TimeoutError

from harness.faults import Loss
from harness.worlds.simulated.network import Condition, SimulatedNetwork
from harness.worlds.simulated.redis import RedisServer
from harness.worlds.simulated.time import running_loop, simulate

Story = Callable[[RedisServer, "redis.Redis"], Awaitable[Any]]
AOF = {"appendonly": "yes", "appendfsync": "everysec"}


def played(story: Story, *, config: dict[str, str] = AOF, seed: int = 1) -> Any:
    async def main() -> Any:
        server = RedisServer(SimulatedNetwork(running_loop(), Random(f"{seed}:network")), config=config, snapshots=True)
        client = redis.Redis(host="redis.sim", retry=Retry(NoBackoff(), 0), socket_timeout=2, socket_connect_timeout=2)
        return await story(server, client)

    return simulate(main, seed=seed)


async def name_of(awaitable: Awaitable[Any]) -> Any:
    try:
        return await awaitable
    except RedisError as error:
        return type(error)


@pytest.mark.parametrize(
    ("loss", "config", "left"),
    [
        ("process-crash", AOF, [b"old", b"new"]),
        ("process-crash", {}, []),
        ("power-loss", AOF, [b"old"]),
        ("power-loss", {**AOF, "appendfsync": "always"}, [b"old", b"new"]),
        ("power-loss", {**AOF, "appendfsync": "no"}, []),
        ("empty", AOF, []),
    ],
)
def test_what_a_crash_leaves(loss: Loss, config: dict[str, str], left: list[bytes]) -> None:
    async def story(server: RedisServer, client: redis.Redis) -> Any:
        await client.rpush("list", "old")
        await asyncio.sleep(2)
        await client.rpush("list", "new")
        server.crash(loss)
        server.start()
        await name_of(client.ping())
        return await client.lrange("list", 0, -1)

    assert played(story, config=config) == left


def test_a_power_loss_forgets_at_most_a_second() -> None:
    async def story(server: RedisServer, client: redis.Redis) -> float:
        for number in range(200):
            await client.rpush("list", number)
            await asyncio.sleep(0.02)
        server.crash("power-loss")
        server.start()
        await name_of(client.ping())
        return (200 - await client.llen("list")) * 0.02

    lost_s = [played(story, seed=seed) for seed in range(10)]
    assert all(0 <= lost <= 1.1 for lost in lost_s)
    assert max(lost_s) > 0.3


def test_a_server_that_is_down_refuses_and_forgets_its_scripts() -> None:
    async def story(server: RedisServer, client: redis.Redis) -> Any:
        script = await client.script_load("return 1")
        server.crash("process-crash")
        down = [await name_of(client.ping()), await name_of(client.ping())]
        server.start()
        return down, await name_of(client.evalsha(script, 0)), server.station.turned_away, server.station.broken

    down, script, turned_away, broken = played(story)
    assert down == [ConnectionError, ConnectionError]
    assert script is NoScriptError
    assert turned_away >= 1
    assert broken == 1


def test_a_crash_resets_who_waits_for_an_answer() -> None:
    async def story(server: RedisServer, client: redis.Redis) -> Any:
        waiting = asyncio.create_task(name_of(client.brpop("queue", timeout=1)))
        await asyncio.sleep(0.5)
        server.crash("process-crash")
        return await waiting

    assert played(story) is ConnectionError


def test_lost_replies_leave_the_command_executed() -> None:
    async def story(server: RedisServer, client: redis.Redis) -> Any:
        await client.ping()
        mute = Condition("lose-reply")
        server.station.conditions.append(mute)
        answer = await name_of(client.rpush("list", "x"))
        server.station.heal(mute)
        return answer in (ConnectionError, TimeoutError), await client.lrange("list", 0, -1), mute.touched

    assert [played(story, seed=seed) for seed in range(6)] == [(True, [b"x"], 1)] * 6


def test_a_blackhole_swallows_commands_and_breaks_connections_when_it_heals() -> None:
    async def story(server: RedisServer, client: redis.Redis) -> Any:
        await client.ping()
        hole = Condition("blackhole")
        server.station.conditions.append(hole)
        pending = asyncio.create_task(name_of(client.rpush("list", "x")))
        await asyncio.sleep(1)
        server.station.heal(hole)
        return await pending, await client.exists("list"), hole.touched

    assert played(story) == (ConnectionError, 0, 1)


def test_other_conditions() -> None:
    async def story(server: RedisServer, client: redis.Redis) -> Any:
        await client.ping()
        answers: list[Any] = []
        delay, elsewhere = Condition("delay", delay_s=0.5), Condition("reset", roles=frozenset({"api"}))
        for condition in (Condition("reset"), delay, elsewhere):
            server.station.conditions.append(condition)
            began = running_loop().time()
            answers.append((await name_of(client.incr("n")), round(running_loop().time() - began, 1), condition.touched > 0))
            server.station.heal(condition)
            await name_of(client.ping())
        return answers

    assert played(story) == [(ConnectionError, 0.0, True), (1, 0.5, True), (2, 0.0, False)]


def test_refused_connections_come_from_a_condition_too() -> None:
    async def story(server: RedisServer, client: redis.Redis) -> Any:
        server.station.conditions.append(refusal := Condition("refuse"))
        return await name_of(client.ping()), refusal.touched

    assert played(story) == (ConnectionError, 1)


def test_a_frozen_server_answers_when_it_thaws() -> None:
    async def story(server: RedisServer, client: redis.Redis) -> Any:
        await client.ping()
        server.station.freeze()
        pending = asyncio.create_task(name_of(client.incr("n")))
        await asyncio.sleep(1)
        assert not pending.done()
        server.station.thaw()
        return await pending

    assert played(story) == 1


def test_time_and_expiry_are_virtual() -> None:
    async def story(server: RedisServer, client: redis.Redis) -> Any:
        await client.set("k", 1, ex=3600)
        began = (await client.time())[0]
        await asyncio.sleep(3599)
        before = await client.get("k")
        await asyncio.sleep(2)
        return before, await client.get("k"), (await client.time())[0] - began

    assert played(story) == (b"1", None, 3601)


def test_a_script_cannot_leave_a_global_behind() -> None:
    async def story(server: RedisServer, client: redis.Redis) -> Any:
        return [await name_of(client.eval(script, 0)) for script in ("leaked = 1", "return leaked", "return #KEYS")]

    assert played(story) == [ResponseError, None, 0]
