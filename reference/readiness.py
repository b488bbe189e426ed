"""Whether an API process can take events: the queue needs a Redis that never evicts, the synchronous path the database.

It needs what the flag sends its way: while nothing goes to the queue, Redis may be away.

Where to go next: ``api`` (/readyz).
"""

from __future__ import annotations

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from reference.connection import QUEUE_ERRORS
from reference.store import StoreUnavailableError
from reference.wiring import ApiParts


async def why_not_ready(parts: ApiParts) -> str | None:
    """What is missing, in a sentence; None when ready."""
    try:
        if parts.redis is not None and parts.flag.percent > 0 and (reason := await _why_redis_is_not(parts.redis)):
            return reason
        if parts.redis is None or parts.flag.percent < 100:
            await parts.store.ping()
    except QUEUE_ERRORS:
        return "Redis cannot be reached; check REDIS_URL and that the server runs."
    except StoreUnavailableError:
        return "Postgres cannot be reached; check DATABASE_URL and that the server runs."
    return None


async def _why_redis_is_not(redis: Redis) -> str | None:
    await redis.ping()
    try:
        policy = (await redis.config_get("maxmemory-policy")).get("maxmemory-policy", "noeviction")
    except ResponseError:
        return None  # managed servers forbid CONFIG; then the operator has to know
    if policy == "noeviction":
        return None
    return f"Redis may evict what was accepted (maxmemory-policy {policy}); set maxmemory-policy noeviction."
