"""How this service talks to Redis: no silent retries, every socket with a time-out, keys that share one hash tag.

redis-py's defaults re-send commands after an error without saying so; here whoever calls decides whether a call may be repeated.
Where to go next: ``intake`` and ``queue``.
"""

from __future__ import annotations

from typing import Any

import hiredis
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

TAG = "{ingest}"
STREAM = f"{TAG}:stream"
DELAYED = f"{TAG}:delayed"
PARKED = f"{TAG}:parked"
DEAD = f"{TAG}:dead"
GROUP = "workers"

# What a call to Redis may raise when Redis or the network is in trouble.
QUEUE_ERRORS = (RedisError, OSError, TimeoutError)


def record_key(pair_key: str) -> str:
    """The hash that holds what is known of one event."""
    return f"{TAG}:event:{pair_key}"


def index_key(event_id: str) -> str:
    """The sorted set of the sources that sent an event with this id; scores are expiry times in ms."""
    return f"{TAG}:sources:{event_id}"


def connect(url: str, *, timeout_seconds: float, connect_timeout_seconds: float) -> Redis:
    """A client for ``url``; nothing is sent before the first command."""
    pool: ConnectionPool = ConnectionPool.from_url(
        url,
        retry=Retry(NoBackoff(), 0),
        socket_timeout=timeout_seconds,
        socket_connect_timeout=connect_timeout_seconds,
        decode_responses=True,
        protocol=2,
        driver_info=None,
    )
    return Redis(connection_pool=pool)


async def call(redis: Redis, *command: str | int) -> Any:
    """One command and its plain answer: without the layers of redis-py that would retry it and reshape the answer.

    Raises QUEUE_ERRORS; a connection on which an answer is still to come is closed, not given back.
    """
    pool: Any = redis.connection_pool  # untyped in redis-py
    connection = await pool.get_connection()
    try:
        await connection.send_packed_command(hiredis.pack_command(command))
        return await connection.read_response()
    finally:
        await pool.release(connection)
