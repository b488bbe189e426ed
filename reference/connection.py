"""How this service talks to Redis: no silent retries, every socket with a time-out, keys that share one hash tag.

redis-py's defaults re-send commands after an error without saying so; here whoever calls decides whether a call may be repeated.
Where to go next: ``intake`` and ``queue``.
"""

from __future__ import annotations

import asyncio
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

    Raises QUEUE_ERRORS.
    """
    pool: Any = redis.connection_pool  # untyped in redis-py
    connection = await pool.get_connection()
    try:
        return await ask(connection, *command)
    finally:
        await pool.release(connection)


async def ask(connection: Any, *command: str | int) -> Any:
    """One command on a connection of the pool, within its time-out; a connection that may still get an answer is closed.

    Raises QUEUE_ERRORS. redis-py would make a task of each sending for a time-out of its own; one deadline covers both here.
    """
    seconds, connection.socket_timeout = connection.socket_timeout, None
    try:
        async with asyncio.timeout(seconds):
            await connection.send_packed_command(_packed(*command))
            return await connection.read_response()
    finally:
        connection.socket_timeout = seconds


def _packed(*command: str | int) -> bytes:
    """A command as it goes over the wire; hiredis does it in C, redis-py word by word in Python."""
    wire: bytes = hiredis.pack_command(command)  # type: ignore[arg-type]  # its stub takes tuples of one word only
    return wire
