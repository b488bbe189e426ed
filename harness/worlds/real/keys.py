"""How many keys of Redis stay for ever: what its own statistics say of one database, for the others may be other people's."""

from __future__ import annotations

from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

ANSWERS_WITHIN_S = 5.0


async def lasting_keys(url: str) -> int | None:
    """Keys without an expiry in the database the URL names; None if Redis does not answer."""
    client: Any  # redis-py types its commands loosely or not at all
    async with Redis.from_url(url, protocol=2, socket_timeout=ANSWERS_WITHIN_S) as client:
        try:
            databases = await client.info("keyspace")
        except (RedisError, OSError):
            return None
        found = databases.get(f"db{client.connection_pool.connection_kwargs.get('db') or 0}", {})
    return int(found.get("keys", 0)) - int(found.get("expires", 0))
