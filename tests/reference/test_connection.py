"""A connection of the pool that was reset while nobody used it: the next call gets another one, on either event loop."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvloop

from reference.connection import QUEUE_ERRORS, call, connect
from tests.reference.servers import Redis

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


async def after_a_reset(client: Any, *, port: int | None = None) -> Any:
    """The answer of a call whose connection was reset after the one before; `port`: where the next one has to look."""
    assert await call(client, "PING") == "PONG"
    (connection,) = client.connection_pool._available_connections
    connection._writer.transport.abort()
    connection.port = port or connection.port
    return await call(client, "PING")


def client_of(redis: Redis) -> Any:
    return connect(redis.url, timeout_seconds=1.0, connect_timeout_seconds=0.5)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_connection_that_was_reset_is_replaced(loop: str, redis: Redis) -> None:
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        assert runner.run(after_a_reset(client_of(redis))) == "PONG"


@pytest.mark.parametrize("loop", LOOPS)
def test_where_there_is_no_other_the_error_is_one_of_the_queue(loop: str, redis: Redis) -> None:
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner, pytest.raises(QUEUE_ERRORS):
        runner.run(after_a_reset(client_of(redis), port=1))
