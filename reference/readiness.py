"""Whether a process can do its work: the queue needs a Redis that never evicts, the synchronous path the database.

A worker needs both; an API process what the flag sends its way: while nothing goes to the queue, Redis may be away.

Where to go next: ``api`` and ``listener`` (/readyz).
"""

from __future__ import annotations

from redis.asyncio import Redis
from redis.exceptions import MovedError, ResponseError

from reference.connection import QUEUE_ERRORS, STREAM, call
from reference.store import Store, StoreUnavailableError

REDIS_IS_AWAY = "Redis cannot be reached; check REDIS_URL and that the server runs."
STORE_IS_AWAY = "Postgres cannot be reached; check DATABASE_URL and that the server runs."


async def why_not_ready(*, redis: Redis | None, store: Store | None) -> str | None:
    """What is missing of those that are given, in a sentence; None when ready."""
    try:
        reason = await _why_redis_is_not(redis) if redis is not None else None
        if reason is not None or store is None:
            return reason
        await store.ping()
    except QUEUE_ERRORS:
        return REDIS_IS_AWAY
    except StoreUnavailableError:
        return STORE_IS_AWAY
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
