"""What both servers of the contract of Redis are told: each story begins at an empty server and returns the answers.

Where no timing matters a story is a transcript (`redis_commands.py`). What depends on the moment (idle times, generated ids) is
masked by name in `masked`, nowhere else. Who compares: `test_redis_contract.py`.
"""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import Awaitable, Callable
from typing import Any

import redis.asyncio as redis
from redis.exceptions import RedisError

from tests.harness.worlds import redis_commands as commands

Connect = Callable[[], "redis.Redis"]
Story = Callable[[Connect], Awaitable[list[Any]]]
S, K = "{c}:stream", "{c}:key"
ACCEPT = """
local clock = redis.call('TIME')
if redis.call('EXISTS', KEYS[1]) == 1 then return {'duplicate', redis.call('HGET', KEYS[1], 'status')} end
redis.call('HSET', KEYS[1], 'status', 'pending', 'n', ARGV[1])
redis.call('PEXPIRE', KEYS[1], 60000)
redis.call('XADD', KEYS[2], ARGV[2], 'key', KEYS[1])
return {'accepted', tonumber(ARGV[1]) + 0.7, #clock, false, {1, 'two', {ok = 'fine'}}, redis.call('LLEN', 'nothing')}
"""


async def say(client: Any, line: str) -> Any:
    """One command's answer; an error is an answer too."""
    command, *words = typed(line)
    hints = {"parse_detail": command == "XPENDING" and len(words) > 2, "parse_justid": "JUSTID" in words}
    try:
        answer = await client.execute_command(
            command, *(word.encode("latin-1") for word in words), **{name: True for name, given in hints.items() if given}
        )
    except RedisError as error:
        return re.sub(r" script: .*", "", f"{type(error).__name__}: {error}")  # where in the script it was raised
    return masked(command, answer, detailed=hints["parse_detail"])


def typed(line: str) -> list[str]:
    """A line's words, quoted as in a shell. redis-py knows the answers of XINFO by two words."""
    return shlex.split(line.replace("XINFO ", "XINFO\\ "))


def masked(command: str, answer: Any, *, detailed: bool) -> Any:
    """Without what no two servers can share: idle times and the server's own description of itself."""
    if command == "XPENDING" and detailed:
        return [{**entry, "time_since_delivered": "idle"} for entry in answer]
    if command == "XINFO CONSUMERS":
        return sorted((entry["name"], entry["pending"]) for entry in answer)
    if command == "TIME":
        return [type(part) for part in answer]
    return answer


async def told(client: Any, transcript: str) -> list[Any]:
    """Every line of a transcript with its answer."""
    return [(line, await say(client, line)) for line in transcript.splitlines() if line]


async def streams(connect: Connect) -> list[Any]:
    """Groups, reading, pending, claiming, acknowledging, deleting."""
    return await told(connect(), commands.STREAMS)


async def records(connect: Connect) -> list[Any]:
    """Hashes, sorted sets, strings with expiry, sets, lists."""
    return await told(connect(), commands.RECORDS)


async def scripts(connect: Connect) -> list[Any]:
    """Loading, running by digest, types between Lua and RESP, errors, a transaction."""
    client = connect()
    answers = await told(client, commands.SCRIPTS.replace("DIGEST", await client.script_load(ACCEPT)))
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
    await client.xgroup_create(S, "group", id="0", mkstream=True)
    await client.xadd(S, {"f": "1"}, id="1-1")
    await client.xadd(S, {"f": "2"}, id="1-2")
    await say(client, f"XREADGROUP GROUP group a COUNT 5 STREAMS {S} >")
    answers: list[Any] = []
    for key, transcript in (
        (there, commands.SHORTCUTS_OF_HASHES),
        (there + ":z", commands.SHORTCUTS_OF_SORTED_SETS),
        (S, commands.SHORTCUTS_OF_STREAMS),
        (missing, commands.SHORTCUTS),
        (other, commands.SHORTCUTS),
    ):
        answers += await told(client, transcript.replace("KEY", key))
        await client.delete(missing)
    added = [await client.xadd(missing, {"f": "1"}) for _ in range(2)]
    answers.append(("XADD", [len(set(added))], [await client.xlen(missing), await say(client, f"XADD {other} * f 1")]))
    script = (
        "return {redis.call('HMGET', KEYS[1], 'f', 'none'), redis.call('ZCARD', KEYS[2]), redis.call('HGET', KEYS[1], 'none')}"
    )
    answers.append(await say(client, f'EVAL "{script}" 2 {there} {{c}}:nothing'))
    answers.append(await say(client, f"EVAL \"return redis.call('HGET', KEYS[1], 'f')\" 1 {other}"))
    return answers


async def blocking(connect: Connect) -> list[Any]:
    """Whoever waited first is served first; a time-out takes nothing; a closed connection takes nothing either."""
    first, second, third, other = connect(), connect(), connect(), connect()
    await other.xgroup_create(S, "group", id="0", mkstream=True)
    served: list[Any] = []

    async def wait(name: str, client: Any) -> None:
        served.append((name, await say(client, f"XREADGROUP GROUP group {name} COUNT 1 BLOCK 3000 STREAMS {S} >")))

    readers = []
    for name, client in (("first", first), ("second", second)):
        readers.append(asyncio.create_task(wait(name, client)))
        await asyncio.sleep(0.1)
    await _asks_and_goes(third)
    answers = []
    for line in ("LPUSH queue x", "LRANGE queue 0 -1", f"XADD {S} 1-1 n 1", f"XADD {S} 1-2 n 2"):
        answers.append(await say(other, line))
        await asyncio.sleep(0.1)
    await asyncio.gather(*readers)
    answers += [served, await say(other, f"XPENDING {S} group")]
    began = asyncio.get_running_loop().time()
    answers.append(await say(first, f"XREADGROUP GROUP group first COUNT 1 BLOCK 300 STREAMS {S} >"))
    answers.append(0.29 <= asyncio.get_running_loop().time() - began < 0.6)
    return answers


async def _asks_and_goes(client: Any) -> None:
    """Waits for the queue, and closes its connection before anything came."""
    gone = asyncio.create_task(say(client, "BRPOP queue 3"))
    await asyncio.sleep(0.1)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    await client.connection_pool.disconnect()
    await asyncio.sleep(0.1)


async def expiry(connect: Connect) -> list[Any]:
    """Keys go when their time is up, and idle entries become claimable when theirs is."""
    client = connect()
    await client.set("short", 1, px=150)
    await client.xgroup_create(S, "group", id="0", mkstream=True)
    await client.xadd(S, {"f": "1"}, id="1-1")
    await say(client, f"XREADGROUP GROUP group a STREAMS {S} >")
    claim = f"XAUTOCLAIM {S} group b 100 0-0"
    before = [await say(client, "GET short"), await say(client, claim)]
    await asyncio.sleep(0.25)
    after = [await say(client, "GET short"), await say(client, "PTTL short")]
    return [before, after, await say(client, claim), await say(client, f"XPENDING {S} group - + 5")]


async def settings(connect: Connect) -> list[Any]:
    """What a service checks when it starts."""
    client = connect()
    info = await client.info("memory")
    asked = [await say(client, f"CONFIG GET {name}") for name in ("maxmemory-policy", "appendonly", "nonsense")]
    persistence = await client.info("persistence")
    return [*asked, info["maxmemory_policy"], persistence["loading"], persistence["aof_enabled"]]


STORIES: list[Story] = [streams, records, scripts, shortcuts, blocking, expiry, settings]
