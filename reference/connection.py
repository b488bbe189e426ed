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
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import MovedError, RedisError

TAG = "{ingest}"
STREAM = f"{TAG}:stream"
DELAYED = f"{TAG}:delayed"
PARKED = f"{TAG}:parked"
DEAD = f"{TAG}:dead"
OPEN = f"{TAG}:open"  # a sorted set: the record of every event not yet finished, by when it was accepted (ms)
FLAG = f"{TAG}:flag"
GROUP = "workers"

_CALLS_AT_ONCE = 100  # of one client; more wait for their turn

# What a call to Redis may raise when Redis or the network is in trouble.
QUEUE_ERRORS = (RedisError, OSError, TimeoutError)


def record_key(pair_key: str) -> str:
    """The hash that holds what is known of one event."""
    return f"{TAG}:event:{pair_key}"


def index_key(event_id: str) -> str:
    """The sorted set of the sources that sent an event with this id; scores are expiry times in ms."""
    return f"{TAG}:sources:{event_id}"


class _Pool(ConnectionPool):
    """redis-py's pool without the metrics it gathers around every single command, and with turns in place of its limit.

    A pool of redis-py that has no connection left answers with an error, as if Redis were away. Whoever may call as often as
    it is asked to takes a turn first, so that it waits instead; whoever makes one call at a time (``intake``) needs none.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(max_connections=2**31 - 1, **options)
        self._turns = asyncio.Semaphore(_CALLS_AT_ONCE)

    async def take_turn(self) -> None:
        """Wait for a turn, as long as for an answer. Raises TimeoutError."""
        if self._turns.locked():
            async with asyncio.timeout(self.connection_kwargs["socket_timeout"]):
                await self._turns.acquire()
        else:
            await self._turns.acquire()

    def end_turn(self) -> None:
        """Let the next one."""
        self._turns.release()

    async def get_connection(self, command_name: Any = None, *keys: Any, **options: Any) -> Any:
        connection: Any = self.get_available_connection()  # type: ignore[no-untyped-call]
        try:
            # Fit is one that is there, on which nothing lies unread, and that the other side did not just reset: redis-py
            # takes no notice of that, and uvloop answers the next write with a RuntimeError.
            if not connection.is_connected or await connection.can_read() or connection._writer.transport.is_closing():
                await connection.disconnect(nowait=True)
                await self.ensure_connection(connection)
        except BaseException:
            await self.release(connection)
            raise
        return connection

    async def release(self, connection: Any) -> None:
        self._in_use_connections.remove(connection)
        self._available_connections.append(connection)


class _ClusterPool(_Pool):
    """Goes to the node of a cluster that owns ``TAG``: each new connection first asks the node of the URL which one that is.

    All keys share one hash tag, so there is one node to know at a time, and nothing to route command by command.
    """

    async def ensure_connection(self, connection: Any) -> None:
        await connection.disconnect()
        connection.host, connection.port = self.connection_kwargs["host"], self.connection_kwargs.get("port", 6379)
        await super().ensure_connection(connection)
        try:
            await ask(connection, "EXISTS", STREAM)
        except MovedError as moved:
            connection.host, connection.port = moved.host or connection.host, moved.port
            await super().ensure_connection(connection)


def connect(url: str, *, timeout_seconds: float, connect_timeout_seconds: float) -> Redis:
    """A client for ``url``; nothing is sent before the first command. ``redis+cluster://`` names any node of a cluster."""
    pool: ConnectionPool = (_ClusterPool if "+cluster://" in url else _Pool).from_url(
        url.replace("+cluster://", "://", 1),
        retry=Retry(NoBackoff(), 0),
        socket_timeout=timeout_seconds,
        socket_connect_timeout=connect_timeout_seconds,
        decode_responses=True,
        protocol=2,
        driver_info=None,
    )
    return Redis(connection_pool=pool)


async def call(redis: Redis, *command: str | int, patience_seconds: float = 0.0) -> Any:
    """One command and its plain answer: without the layers of redis-py that would retry it and reshape the answer.

    Raises QUEUE_ERRORS. ``patience_seconds``: how much longer than others this one may take, because it waits at the server.
    """
    pool: Any = redis.connection_pool  # untyped in redis-py
    await pool.take_turn()
    try:
        connection = await pool.get_connection()
        try:
            return await ask(connection, *command, patience_seconds=patience_seconds)
        finally:
            await pool.release(connection)
    finally:
        pool.end_turn()


async def ask(connection: Any, *command: str | int, patience_seconds: float = 0.0) -> Any:
    """One command on a connection of the pool, within its time-out; a connection that may still get an answer is closed.

    Raises QUEUE_ERRORS. redis-py would make a task of each sending for a time-out of its own; here one timer covers sending
    and reading, and hangs up.
    """
    seconds, connection.socket_timeout = connection.socket_timeout, None
    loop, hang_up = asyncio.get_running_loop(), connection._writer.transport.abort
    timer = loop.call_later(seconds + patience_seconds, hang_up)
    try:
        await connection.send_packed_command(_packed(*command), check_health=False)
        return await connection.read_response()
    except MovedError:
        await connection.disconnect()  # the next one looks for the owner anew
        raise
    except RedisConnectionError as error:
        if loop.time() < timer.when():
            raise
        raise TimeoutError(f"Redis did not answer within {seconds + patience_seconds:g} s") from error
    finally:
        timer.cancel()
        connection.socket_timeout = seconds


def _packed(*command: str | int) -> bytes:
    """A command as it goes over the wire; hiredis does it in C, redis-py word by word in Python."""
    wire: bytes = hiredis.pack_command(command)  # type: ignore[arg-type]  # its stub takes tuples of one word only
    return wire
