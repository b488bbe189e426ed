"""The pool: a connection that was reset while nobody used it is replaced, on either event loop; many calls wait for a turn."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvloop

from reference.connection import QUEUE_ERRORS, call, connect
from tests.reference.queueing import event, intake
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


async def test_more_calls_than_connections_wait_for_their_turn(redis_client: Any) -> None:
    """redis-py has a hundred connections and an error for the next call: a busy hour looked as if Redis were away."""
    answers = await asyncio.gather(*(call(redis_client, "PING") for _ in range(350)))
    assert answers == ["PONG"] * 350
    assert len(redis_client.connection_pool._available_connections) <= 100


async def test_an_event_is_accepted_while_every_turn_is_taken(redis: Redis) -> None:
    """Whoever asks for a status by the thousand keeps nobody from posting."""
    client = client_of(redis)
    waiting = [asyncio.create_task(call(client, "BLPOP", "nothing", 1)) for _ in range(150)]
    await asyncio.sleep(0)
    assert (await intake(client).accept(event())).kind == "accepted"
    assert not any(task.done() for task in waiting)
    told = await asyncio.gather(*waiting, return_exceptions=True)
    assert sum(isinstance(answer, TimeoutError) for answer in told) >= 50, "a turn is waited for as long as an answer"
    await client.aclose()
