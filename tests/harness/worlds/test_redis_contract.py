"""One suite, two arms: the simulated Redis answers exactly as a real Valkey does, for the commands services here use.

The same script runs on both and the answers are compared. What depends on the moment (idle times, generated ids) is masked by
name in `masked`, nowhere else. Add a command here before a service under simulation uses it.
"""

from __future__ import annotations

import asyncio
import re
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
from redis.exceptions import ConnectionError, RedisError

from harness.worlds.real.binaries import redis_server
from harness.worlds.real.ports import Ports
from harness.worlds.simulated.network import SimulatedNetwork
from harness.worlds.simulated.redis import RedisServer
from harness.worlds.simulated.time import running_loop, simulate

Connect = Callable[[], "redis.Redis"]
Story = Callable[[Connect], Awaitable[list[Any]]]
S, G, K = "{c}:stream", "group", "{c}:key"
ACCEPT = """
local clock = redis.call('TIME')
if redis.call('EXISTS', KEYS[1]) == 1 then return {'duplicate', redis.call('HGET', KEYS[1], 'status')} end
redis.call('HSET', KEYS[1], 'status', 'pending', 'n', ARGV[1])
redis.call('PEXPIRE', KEYS[1], 60000)
redis.call('XADD', KEYS[2], ARGV[2], 'key', KEYS[1])
return {'accepted', tonumber(ARGV[1]) + 0.7, #clock, false, {1, 'two', {ok = 'fine'}}, redis.call('LLEN', 'nothing')}
"""


async def say(client: Any, *words: Any) -> Any:
    """One command's answer; an error is an answer too."""
    try:
        hints = {"parse_detail": words[0] == "XPENDING" and len(words) > 3, "parse_justid": "JUSTID" in words}
        return masked(words, await client.execute_command(*words, **{name: True for name, given in hints.items() if given}))
    except RedisError as error:
        return re.sub(r" script: .*", "", f"{type(error).__name__}: {error}")  # where in the script it was raised


def masked(words: tuple[Any, ...], answer: Any) -> Any:
    """Without what no two servers can share: idle times and the server's own description of itself."""
    if words[0] == "XPENDING" and len(words) > 3:
        return [{**entry, "time_since_delivered": "idle"} for entry in answer]
    if words[0] == "XINFO CONSUMERS":
        return sorted((entry["name"], entry["pending"]) for entry in answer)
    if words[0] == "TIME":
        return [type(part) for part in answer]
    return answer


async def all_said(client: Any, commands: list[tuple[Any, ...]]) -> list[Any]:
    return [(command, await say(client, *command)) for command in commands]


async def streams(connect: Connect) -> list[Any]:
    """Groups, reading, pending, claiming, acknowledging, deleting."""
    client = connect()
    return await all_said(
        client,
        [
            ("XLEN", S),
            ("XREADGROUP", "GROUP", G, "a", "COUNT", 5, "STREAMS", S, ">"),
            ("XPENDING", S, G),
            ("XACK", S, G, "1-1"),
            ("XGROUP", "CREATE", S, G, "0"),
            ("XGROUP", "CREATE", S, G, "0", "MKSTREAM"),
            ("XGROUP", "CREATE", S, G, "0", "MKSTREAM"),
            ("XINFO GROUPS", S),
            ("XADD", S, "1-1", "f", "1"),
            ("XADD", S, "1-2", "f", "2", "g", b"\x00\xff"),
            ("XADD", S, "1-2", "f", "again"),
            ("XADD", S, "0-0", "f", "zero"),
            ("XADD", S, "2-*", "f", "3"),
            ("XADD", S, "3-1", "f"),
            ("XLEN", S),
            ("XRANGE", S, "-", "+", "COUNT", 2),
            ("XREADGROUP", "GROUP", G, "a", "COUNT", 2, "STREAMS", S, ">"),
            ("XREADGROUP", "GROUP", G, "b", "COUNT", 2, "BLOCK", 10, "STREAMS", S, ">"),
            ("XREADGROUP", "GROUP", G, "b", "COUNT", 2, "BLOCK", 10, "STREAMS", S, ">"),
            ("XREADGROUP", "GROUP", G, "b", "COUNT", 2, "STREAMS", S, ">"),
            ("XREADGROUP", "GROUP", G, "a", "STREAMS", S, "0"),
            ("XREADGROUP", "GROUP", G, "nobody", "STREAMS", S, "0"),
            ("XREADGROUP", "GROUP", "no-group", "a", "STREAMS", S, ">"),
            ("XPENDING", S, G),
            ("XPENDING", S, G, "-", "+", 10),
            ("XPENDING", S, G, "IDLE", 60000, "-", "+", 10),
            ("XPENDING", S, G, "-", "+", 10, "a"),
            ("XCLAIM", S, G, "b", 0, "1-1", "JUSTID"),
            ("XCLAIM", S, G, "b", 60000, "1-2", "JUSTID"),
            ("XCLAIM", S, G, "b", 0, "9-9", "JUSTID"),
            ("XCLAIM", S, G, "a", 0, "1-1"),
            ("XCLAIM", S, "no-group", "a", 0, "1-1"),
            ("XPENDING", S, G, "-", "+", 10),
            ("XAUTOCLAIM", S, G, "c", 60000, "0-0", "COUNT", 10),
            ("XAUTOCLAIM", S, G, "c", 0, "0-0", "COUNT", 1),
            ("XAUTOCLAIM", S, G, "c", 0, "0-0", "COUNT", 10, "JUSTID"),
            ("XDEL", S, "1-1", "9-9"),
            ("XAUTOCLAIM", S, G, "d", 0, "0-0", "COUNT", 10),
            ("XAUTOCLAIM", S, "no-group", "d", 0, "0-0"),
            ("XPENDING", S, G, "-", "+", 10),
            ("XACK", S, G, "1-2", "9-9"),
            ("XINFO CONSUMERS", S, G),
            ("XINFO GROUPS", S),
            ("XGROUP", "DELCONSUMER", S, G, "d"),
            ("XPENDING", S, G),
            ("XGROUP", "DESTROY", S, G),
            ("DEL", S, "nothing"),
        ],
    )


async def records(connect: Connect) -> list[Any]:
    """Hashes, sorted sets, strings with expiry, sets."""
    client = connect()
    return await all_said(
        client,
        [
            ("HSET", K, "a", "1", "b", "2"),
            ("HSET", K, "a", "3"),
            ("HSETNX", K, "a", "4"),
            ("HGET", K, "a"),
            ("HMGET", K, "a", "none"),
            ("HGETALL", K),
            ("HGETALL", "nothing"),
            ("HINCRBY", K, "a", 5),
            ("HINCRBY", K, "b", "x"),
            ("HEXISTS", K, "b"),
            ("HDEL", K, "b", "none"),
            ("HLEN", K),
            ("EXPIRE", K, 100),
            ("TTL", K),
            ("PEXPIRE", K, 100000),
            ("PERSIST", K),
            ("TTL", K),
            ("TTL", "nothing"),
            ("EXPIRE", "nothing", 5),
            ("GET", K),
            ("ZADD", "z", 1.5, "a", 2, "b", "-inf", "c"),
            ("ZADD", "z", "NX", 9, "a"),
            ("ZADD", "z", "GT", "CH", 9, "a"),
            ("ZSCORE", "z", "a"),
            ("ZSCORE", "z", "none"),
            ("ZCARD", "z"),
            ("ZCOUNT", "z", "-inf", 5),
            ("ZRANGEBYSCORE", "z", "-inf", 5, "LIMIT", 0, 1),
            ("ZRANGEBYSCORE", "z", "-inf", "+inf", "WITHSCORES"),
            ("ZRANGE", "z", 0, 0, "WITHSCORES"),
            ("ZREM", "z", "a", "none"),
            ("ZPOPMIN", "z"),
            ("SET", "s", "1", "NX", "PX", 60000),
            ("SET", "s", "2", "NX", "PX", 60000),
            ("SET", "s", "3", "XX", "KEEPTTL"),
            ("GET", "s"),
            ("SETEX", "t", 10, "x"),
            ("INCR", "n"),
            ("INCRBY", "n", 5),
            ("INCR", "t"),
            ("EXISTS", "s", "t", "nothing"),
            ("MGET", "s", "nothing"),
            ("SADD", "set", "a"),
            ("SADD", "set", "a", "b"),
            ("SCARD", "set"),
            ("SISMEMBER", "set", "a"),
            ("SMISMEMBER", "set", "a", "z"),
            ("SREM", "set", "b"),
            ("SMEMBERS", "set"),
            ("SMEMBERS", "nothing"),
            ("LPUSH", "l", "a", "b"),
            ("RPUSH", "l", "c"),
            ("LLEN", "l"),
            ("LRANGE", "l", 0, -1),
            ("RPOP", "l"),
            ("LPOP", "nothing"),
            ("BRPOP", "l", "other", 1),
            ("HSET", "l", "a", "b"),
            ("TYPE", "l"),
            ("DEL", "l", "set", "z", "s"),
            ("DBSIZE",),
            ("NOSUCHCOMMAND", "x"),
            ("HSET", K),
            ("TIME",),
            ("PING",),
            ("PING", "hello"),
            ("ECHO", "x"),
        ],
    )


async def scripts(connect: Connect) -> list[Any]:
    """Loading, running by digest, types between Lua and RESP, errors, a transaction."""
    client = connect()
    sha = await client.script_load(ACCEPT)
    answers = await all_said(
        client,
        [
            ("EVALSHA", "f" * 40, 0),
            ("EVALSHA", sha, 2, K, S, 41, "5-1"),
            ("EVALSHA", sha, 2, K, S, 41, "5-1"),
            ("EVALSHA", sha, 2, "{c}:other", S, 41, "5-1"),
            ("SCRIPT", "EXISTS", sha, "f" * 40),
            ("EVAL", "return redis.call('HGETALL', KEYS[1])", 1, K),
            ("EVAL", "return redis.call('XRANGE', KEYS[1], '-', '+')", 1, S),
            ("EVAL", "return redis.pcall('GET', KEYS[1])", 1, K),
            ("EVAL", "local r = redis.pcall('GET', KEYS[1]); return r.err ~= nil", 1, K),
            ("EVAL", "return redis.call('ZADD', 'zz', 1.5, 'm') + redis.call('ZSCORE', 'zz', 'm')", 0),
            ("EVAL", "return cjson.encode({a = 1, b = {1, 2}})", 0),
            ("EVAL", "return cjson.decode(ARGV[1])['x'][2]", 0, '{"x": [1, "two"]}'),
            ("EVAL", "return {1, 2, nil, 4}", 0),
            ("EVAL", "return redis.error_reply('MINE went wrong')", 0),
            ("EVAL", "return redis.status_reply('FINE')", 0),
            ("EVAL", "return {tostring(1/3), 3.99, true, false, 'x'}", 0),
            ("EVAL", "return redis.call('SET', KEYS[1], ARGV[1], 'NX')", 1, "nx", "1"),
            ("EVAL", "return redis.call('SET', KEYS[1], ARGV[1], 'NX')", 1, "nx", "1"),
            ("EVAL", "return redis.call('XPENDING', KEYS[1], 'none', '-', '+', 1)", 1, S),
            ("EVAL", "return ARGV[1] .. #ARGV .. #KEYS", 1, "k", "a", "b"),
            ("EVAL", "return 1", 2, "k"),
        ],
    )
    async with client.pipeline(transaction=True) as pipe:
        for words in (("SET", "p", 1), ("INCR", "p"), ("HGET", "p", "x"), ("GET", "p")):
            pipe.execute_command(*words)
        answers.append([str(answer) for answer in await pipe.execute(raise_on_error=False)])
    async with client.pipeline(transaction=False) as pipe:
        for words in (("GET", "p"), ("XLEN", S), ("HGETALL", K)):
            pipe.execute_command(*words)
        answers.append(await pipe.execute())
    return answers


async def shortcuts(connect: Connect) -> list[Any]:
    """The forms that `shortcuts.py` answers, and where it must not: nothing there, another type, another form."""
    client = connect()
    there, missing, other = "{c}:there", "{c}:missing", "{c}:other"
    await client.set(other, "text")
    await client.xgroup_create(S, G, id="0", mkstream=True)
    await client.xadd(S, {"f": "1"}, id="1-1")
    await client.xadd(S, {"f": "2"}, id="1-2")
    await say(client, "XREADGROUP", "GROUP", G, "a", "COUNT", 5, "STREAMS", S, ">")
    forms: list[tuple[Any, ...]] = [
        ("HSET", "K", "f", "1", "g", "2"),
        ("HSET", "K", "f", "3", "h", "4"),
        ("HSET", "K", "f"),
        ("HGET", "K", "f"),
        ("HGET", "K"),
        ("HMGET", "K", "f", "none", "g"),
        ("HDEL", "K", "g", "none"),
        ("HDEL", "K", "none"),
        ("PERSIST", "K"),
        ("PEXPIRE", "K", 100000),
        ("HMGET", "K", "f", "h"),
        ("HSET", "K", "f", "5"),
        ("PERSIST", "K"),
        ("PEXPIRE", "K", "x"),
        ("HDEL", "K", "f", "h"),
        ("ZADD", "Z", "1.5", "a"),
        ("ZADD", "Z", 5, "b"),
        ("ZADD", "Z", 5, "b"),
        ("ZADD", "Z", 7, "b"),
        ("ZADD", "Z", "+inf", "c"),
        ("ZADD", "Z", "1e1", "e"),
        ("ZCARD", "Z"),
        ("ZCARD", "Z", "more"),
        ("ZRANGEBYSCORE", "Z", "-inf", 5, "LIMIT", 0, 2),
        ("ZRANGEBYSCORE", "Z", "-inf", 10, "LIMIT", 0, 250),
        ("ZRANGEBYSCORE", "Z", "-inf", "+inf", "LIMIT", 0, 250),
        ("ZRANGEBYSCORE", "Z", "-inf", "(10", "LIMIT", 0, 250),
        ("ZRANGEBYSCORE", "Z", "-inf", 5, "LIMIT", 0, 0),
        ("ZRANGEBYSCORE", "Z", "-inf", 5, "LIMIT", 1, 1),
        ("ZREM", "Z", "a", "none"),
        ("ZREM", "Z", "b", "c", "e"),
        ("ZCARD", "Z"),
        ("XLEN", "X"),
        ("XPENDING", "X", G, "1-1", "1-1", 1, "a"),
        ("XPENDING", "X", G, "1-1", "1-1", 1, "b"),
        ("XPENDING", "X", G, "9-9", "9-9", 1, "a"),
        ("XPENDING", "X", "none", "1-1", "1-1", 1, "a"),
        ("XCLAIM", "X", G, "a", 0, "1-1", "JUSTID"),
        ("XCLAIM", "X", G, "a", 0, "9-9", "JUSTID"),
        ("XCLAIM", "X", G, "a", 0, "1-1", "1-2", "JUSTID"),
        ("XCLAIM", "X", "none", "a", 0, "1-1", "JUSTID"),
        ("XPENDING", "X", G, "-", "+", 10),
        ("XAUTOCLAIM", "X", G, "a", 60000, "0-0", "COUNT", 10),
        ("XAUTOCLAIM", "X", G, "new", 60000, "0-0", "COUNT", 10),
        ("XAUTOCLAIM", "X", G, "b", 0, "0-0", "COUNT", 1),
        ("XAUTOCLAIM", "X", "none", "a", 60000, "0-0", "COUNT", 10),
        ("XACK", "X", G, "1-1"),
        ("XACK", "X", G, "1-1"),
        ("XACK", "X", "none", "1-1"),
        ("XDEL", "X", "1-1"),
        ("XDEL", "X", "1-1"),
        ("XDEL", "X", "1-2"),
        ("XCLAIM", "X", G, "a", 0, "1-2", "JUSTID"),
        ("XPENDING", "X", G, "-", "+", 10),
        ("XADD", "X", "7-1", "f", "7"),
        ("XREADGROUP", "GROUP", G, "a", "COUNT", 1, "BLOCK", 10, "STREAMS", "X", ">"),
        ("XREADGROUP", "GROUP", G, "new", "COUNT", 1, "BLOCK", 10, "STREAMS", "X", ">"),
        ("XREADGROUP", "GROUP", G, "a", "COUNT", 1, "BLOCK", 10, "STREAMS", "X", "0"),
        ("XREADGROUP", "GROUP", "none", "a", "COUNT", 1, "BLOCK", 10, "STREAMS", "X", ">"),
        ("XLEN", "X"),
        ("XINFO CONSUMERS", "X", G),
        ("TIME",),
    ]
    answers: list[Any] = []
    for kind, at in (("H", there), ("Z", there + ":z"), ("X", S), ("", missing), ("", other)):
        named = {"K": at, "Z": at, "X": at}
        for name, *words in forms:
            if not kind or name.startswith(kind) or (kind == "H" and name.startswith("PE")):
                answers.append((name, words, await say(client, name, *[named.get(word, word) for word in words])))
        await client.delete(missing)
    added = [await client.xadd(missing, {"f": "1"}) for _ in range(2)]
    answers.append(("XADD", [len(set(added))], [await client.xlen(missing), await say(client, "XADD", other, "*", "f", "1")]))
    script = (
        "return {redis.call('HMGET', KEYS[1], 'f', 'none'), redis.call('ZCARD', KEYS[2]), redis.call('HGET', KEYS[1], 'none')}"
    )
    answers.append(await say(client, "EVAL", script, 2, there, "{c}:nothing"))
    answers.append(await say(client, "EVAL", "return redis.call('HGET', KEYS[1], 'f')", 1, other))
    return answers


async def blocking(connect: Connect) -> list[Any]:
    """Whoever waited first is served first; a time-out takes nothing; a closed connection takes nothing either."""
    first, second, third, other = connect(), connect(), connect(), connect()
    await other.xgroup_create(S, G, id="0", mkstream=True)
    answers: list[Any] = []
    served: list[Any] = []

    async def wait(name: str, client: Any, *words: Any) -> None:
        served.append((name, await say(client, *words)))

    readers = []
    for name, client in (("first", first), ("second", second)):
        words = ("XREADGROUP", "GROUP", G, name, "COUNT", 1, "BLOCK", 3000, "STREAMS", S, ">")
        readers.append(asyncio.create_task(wait(name, client, *words)))
        await asyncio.sleep(0.1)
    gone = asyncio.create_task(say(third, "BRPOP", "queue", 3))
    await asyncio.sleep(0.1)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    await third.connection_pool.disconnect()
    await asyncio.sleep(0.1)
    answers.append(await say(other, "LPUSH", "queue", "x"))
    await asyncio.sleep(0.1)
    answers.append(await say(other, "LRANGE", "queue", 0, -1))
    answers.append(await say(other, "XADD", S, "1-1", "n", "1"))
    await asyncio.sleep(0.1)
    answers.append(await say(other, "XADD", S, "1-2", "n", "2"))
    await asyncio.gather(*readers)
    answers.append(served)
    answers.append(await say(other, "XPENDING", S, G))
    began = asyncio.get_running_loop().time()
    answers.append(await say(first, "XREADGROUP", "GROUP", G, "first", "COUNT", 1, "BLOCK", 300, "STREAMS", S, ">"))
    answers.append(0.29 <= asyncio.get_running_loop().time() - began < 0.6)
    return answers


async def expiry(connect: Connect) -> list[Any]:
    """Keys go when their time is up, and idle entries become claimable when theirs is."""
    client = connect()
    await client.set("short", 1, px=150)
    await client.xgroup_create(S, G, id="0", mkstream=True)
    await client.xadd(S, {"f": "1"}, id="1-1")
    await say(client, "XREADGROUP", "GROUP", G, "a", "STREAMS", S, ">")
    before = [await say(client, "GET", "short"), await say(client, "XAUTOCLAIM", S, G, "b", 100, "0-0")]
    await asyncio.sleep(0.25)
    after = [await say(client, "GET", "short"), await say(client, "PTTL", "short")]
    claimed = await say(client, "XAUTOCLAIM", S, G, "b", 100, "0-0")
    return [before, after, claimed, await say(client, "XPENDING", S, G, "-", "+", 5)]


async def settings(connect: Connect) -> list[Any]:
    """What a service checks when it starts."""
    client = connect()
    info = await client.info("memory")
    asked = [await say(client, "CONFIG", "GET", name) for name in ("maxmemory-policy", "appendonly", "nonsense")]
    persistence = await client.info("persistence")
    return [*asked, info["maxmemory_policy"], persistence["loading"], persistence["aof_enabled"]]


STORIES: list[Story] = [streams, records, scripts, shortcuts, blocking, expiry, settings]


def on_simulated(story: Story, protocol: int) -> list[Any]:
    async def main() -> list[Any]:
        RedisServer(SimulatedNetwork(running_loop(), Random("contract")), config={"appendonly": "yes"})
        return await told(story, host="redis.sim", port=6379, protocol=protocol)

    return simulate(main, seed=0)


def on_real(story: Story, protocol: int, port: int) -> list[Any]:
    async def main() -> list[Any]:
        return await told(story, host="127.0.0.1", port=port, protocol=protocol)

    return asyncio.run(main())


async def told(story: Story, *, host: str, port: int, protocol: int) -> list[Any]:
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
    told = "\n".join(f"  real      {theirs}\n  simulated {ours}" for theirs, ours in differences)
    assert not differences, f"{len(differences)} answers differ; straighten them in engine.py:\n{told}"


def test_the_binary_is_where_the_harness_looks() -> None:
    assert Path(redis_server()).exists()
