"""Whether an API process can take events: the asynchronous path needs Redis that never evicts, the synchronous one the database.

Where to go next: ``api`` (/readyz).
"""

from __future__ import annotations

from redis.asyncio import Redis
from redis.exceptions import MovedError, ResponseError

from reference.connection import QUEUE_ERRORS, STREAM, call
from reference.store import StoreUnavailableError
from reference.wiring import ApiParts


async def why_not_ready(parts: ApiParts) -> str | None:
    """What is missing, in a sentence; None when ready."""
    try:
        if parts.redis is not None:
            return await _why_redis_is_not(parts.redis)
        await parts.store.ping()
    except QUEUE_ERRORS:
        return "Redis cannot be reached; check REDIS_URL and that the server runs."
    except StoreUnavailableError:
        return "Postgres cannot be reached; check DATABASE_URL and that the server runs."
    return None


async def _why_redis_is_not(redis: Redis) -> str | None:
    try:
        await call(redis, "EXISTS", STREAM)  # of a cluster only the node that owns our keys is of use
    except MovedError:
        return "REDIS_URL names a node of a cluster that does not own the queue; write redis+cluster:// to follow it."
    try:
        policy = (await redis.config_get("maxmemory-policy")).get("maxmemory-policy", "noeviction")
    except ResponseError:
        return None  # managed servers forbid CONFIG; then the operator has to know
    if policy == "noeviction":
        return None
    return f"Redis may evict what was accepted (maxmemory-policy {policy}); set maxmemory-policy noeviction."
