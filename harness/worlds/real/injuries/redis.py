"""A Redis that goes on running and refuses: told so through its own commands, past the proxies."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from harness import faults
from harness.worlds.real.injuries.ward import Injury, Ward

ANSWERS_WITHIN_S = 5.0
NOBODY_LISTENS = ("127.0.0.1", "1")  # where the primary would be that this replica waits for
ERRORS = {"out-of-memory": "OOM", "read-only": "READONLY"}


@asynccontextmanager
async def redis_refuses_writes(ward: Ward, fault: faults.RedisRefusesWrites) -> AsyncIterator[Injury]:
    """RedisRefusesWrites: its memory limit is one byte, or it is made the replica of nobody."""
    error, injury = ERRORS[fault.why], Injury(("redis",))
    client: Any  # redis-py types its commands loosely or not at all
    async with Redis.from_url(ward.stack.servers.url("redis"), protocol=2, socket_timeout=ANSWERS_WITHIN_S) as client:
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


async def _refused(client: Any, error: str) -> int:
    """How often the server has answered with an error so far, as it says itself."""
    stats = await client.info("errorstats")
    return int(stats.get(f"errorstat_{error}", {}).get("count", 0))
