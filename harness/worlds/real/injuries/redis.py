"""A Redis that refuses or forgets: told so through its own commands, past the proxies, or because its file cannot grow."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from harness import faults
from harness.worlds.real.fleet import BEFORE_RESTART_S
from harness.worlds.real.injuries.ward import Injury, Ward
from harness.worlds.real.processes import Process

ANSWERS_WITHIN_S = 5.0
NOBODY_LISTENS = ("127.0.0.1", "1")  # where the primary would be that this replica waits for
HEALS_WITHIN_S = 10.0
LOOKS_EVERY_S = 0.05
ENDS_WITHIN_S = 0.3
TAKES_EVERY_S, TAKEN_AT_ONCE_BYTES = 0.2, 4096
ERRORS = {"out-of-memory": "OOM", "read-only": "READONLY"}


@asynccontextmanager
async def redis_refuses_writes(ward: Ward, fault: faults.RedisRefusesWrites) -> AsyncIterator[Injury]:
    """RedisRefusesWrites: its memory limit is one byte, or it is made the replica of nobody."""
    error, injury = ERRORS[fault.why], Injury(("redis",))
    async with _client(ward) as client:
        before, settings = await _refused(client, error), await client.config_get("maxmemory*")
        if fault.why == "read-only":
            await client.execute_command("REPLICAOF", *NOBODY_LISTENS)
        else:
            await client.config_set("maxmemory-policy", "noeviction")
            await client.config_set("maxmemory", 1)
        try:
            yield injury
        finally:
            with suppress(RedisError):  # it is down: whoever starts it again starts it with its own settings
                refused = await _refused(client, error) - before
                if fault.why == "read-only":
                    await client.execute_command("REPLICAOF", "NO", "ONE")
                else:
                    await client.config_set("maxmemory", settings["maxmemory"])
                    await client.config_set("maxmemory-policy", settings["maxmemory-policy"])
                if refused > 0:
                    injury.evidence = f"redis answered {refused} times {error}"


@asynccontextmanager
async def redis_evicts(ward: Ward, fault: faults.RedisEvicts) -> AsyncIterator[Injury]:
    """RedisEvicts: a policy that makes room, and a little less memory again and again, as if somebody else took it."""
    injury = Injury(("redis",))
    async with _client(ward) as client:
        before, settings = await _evicted(client), await client.config_get("maxmemory*")
        await client.config_set("maxmemory-policy", fault.policy)
        taking = asyncio.create_task(_take_memory(client), name="takes memory of redis")
        try:
            yield injury
        finally:
            taking.cancel()
            with suppress(RedisError):  # it is down: whoever starts it again starts it with its own settings
                evicted = await _evicted(client) - before
                await client.config_set("maxmemory", settings["maxmemory"])
                await client.config_set("maxmemory-policy", settings["maxmemory-policy"])
                if evicted > 0:
                    injury.evidence = f"redis evicted {evicted} keys ({fault.policy})"


async def _take_memory(client: Any) -> None:
    while True:
        with suppress(RedisError):
            used = (await client.info("memory"))["used_memory"]
            await client.config_set("maxmemory", used - TAKEN_AT_ONCE_BYTES)
        await asyncio.sleep(TAKES_EVERY_S)


async def _evicted(client: Any) -> int:
    return int((await client.info("stats"))["evicted_keys"])


@asynccontextmanager
async def redis_loads(ward: Ward, fault: faults.RedisLoads) -> AsyncIterator[Injury]:
    """RedisLoads: its append-only file is made long, and it reads slowly until the fault ends."""
    injury, stack, journal = Injury(("redis",)), ward.stack, ward.stack.fleet.journal
    killed = await stack.crash("redis", "process-crash")
    if killed:
        journal.note("redis", "killed", detail=f"pid {killed.pid}")
        started = await stack.restart("redis", slowly=True)
        journal.note("redis", "started", detail=f"pid {started.pid}, loading")
    try:
        yield injury
    finally:
        if killed:  # else it was down already, and whoever did that starts it again
            async with _client(ward) as client:
                with suppress(RedisError):  # it was killed once more
                    await client.config_set("key-load-delay", 0)
                    await _until_it_takes_writes(client)
                    if refused := await _refused(client, "LOADING"):
                        injury.evidence = (
                            f"redis was killed as pid {killed.pid}, loaded as pid {started.pid}: {refused} times LOADING"
                        )


@asynccontextmanager
async def redis_disk_fills(ward: Ward, fault: faults.RedisDiskFills) -> AsyncIterator[Injury]:
    """RedisDiskFills: no file of the server may grow beyond what its append-only file is long, and who died is started again."""
    injury, died, over = Injury(("redis",)), list[int](), asyncio.Event()
    limits: dict[Process, tuple[int, int]] = {}
    _fill(ward, limits)
    filling = asyncio.create_task(_keep_full(ward, limits, died=died, over=over), name="keeps the disk of redis full")
    try:
        yield injury
    finally:
        over.set()  # not cancelled: it may be starting the server
        await filling
        process, refused = ward.stack.servers.process("redis"), 0
        if process.exit_code is None and process in limits:
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, limits[process])
        if await _ends_by_itself(process):
            died.append(process.pid)
            await ward.stack.restart("redis")
        with suppress(RedisError):  # it is down: whoever killed it starts it again
            async with _client(ward) as client:
                refused = await _refused(client, "MISCONF")
                await _until_it_takes_writes(client)
        if died or refused:
            injury.evidence = f"redis could not write its file: it ended {len(died)} times, and answered {refused} times MISCONF"


async def _keep_full(ward: Ward, limits: dict[Process, tuple[int, int]], *, died: list[int], over: asyncio.Event) -> None:
    """Whoever is the server has no room; one that ends for that is started again soon, as a supervisor would."""
    while not over.is_set():
        process = ward.stack.servers.process("redis")
        if process.exit_code is not None and await _ends_by_itself(process) and not await _is_over(over, BEFORE_RESTART_S):
            died.append(process.pid)
            await ward.stack.restart("redis")
        _fill(ward, limits)
        await _is_over(over, LOOKS_EVERY_S)


async def _is_over(over: asyncio.Event, within_s: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            await over.wait()
    return over.is_set()


async def _ends_by_itself(process: Process) -> bool:
    """Whether it has ended, or is about to, and by no signal: that would be another fault's."""
    with suppress(TimeoutError):
        async with asyncio.timeout(ENDS_WITHIN_S):
            return await process.wait() > 0
    return False


def _fill(ward: Ward, limits: dict[Process, tuple[int, int]]) -> None:
    """The server's files are as long as they may be: a write is cut off or answered EFBIG, where a full disk says ENOSPC."""
    process = ward.stack.servers.process("redis")
    if process.exit_code is None and process not in limits:
        hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)[1]
        limits[process] = resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (ward.stack.servers.appended_bytes(), hard))


async def _until_it_takes_writes(client: Any) -> None:
    """Wait until it has read its file, or noticed that there is room again. Raises RedisError if that takes too long."""
    deadline = asyncio.get_running_loop().time() + HEALS_WITHIN_S
    while True:
        try:
            await client.set("harness:probe", "healed", px=1)
            return
        except RedisError:
            if asyncio.get_running_loop().time() > deadline:
                raise
        await asyncio.sleep(LOOKS_EVERY_S)


def _client(ward: Ward) -> Any:  # redis-py types its commands loosely or not at all
    """A client that asks once, past the proxies."""
    url = ward.stack.servers.url("redis")
    return Redis.from_url(url, protocol=2, socket_timeout=ANSWERS_WITHIN_S, retry=Retry(NoBackoff(), 0))


async def _refused(client: Any, error: str) -> int:
    """How often the server has answered with an error so far, as it says itself."""
    stats = await client.info("errorstats")
    return int(stats.get(f"errorstat_{error}", {}).get("count", 0))
