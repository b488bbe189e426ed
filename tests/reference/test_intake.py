"""The way in, on a real server: what is accepted once, and what is said where nobody can tell whether it was."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import pytest
from redis.asyncio import Redis as Client
from redis.exceptions import ResponseError

from reference import connection
from reference.intake import Ticket, UnansweredError, UnavailableError, _classify
from reference.queue import Delay, Queue
from tests.reference.queueing import event, intake, taken
from tests.reference.servers import eventually


async def test_one_of_many_identical_requests_is_accepted(redis_client: Client, queue: Queue) -> None:
    doors = [intake(redis_client, random=Random(n)) for n in range(2)]
    answers = await asyncio.gather(*(doors[n % 2].accept(event()) for n in range(40)))
    assert sorted(answer.kind for answer in answers) == ["accepted"] + ["duplicate"] * 39
    assert len(await taken(queue)) == 1


async def test_another_payload_is_a_conflict_and_another_pair_is_not(redis_client: Client, queue: Queue) -> None:
    door = intake(redis_client)
    kinds = [
        (await door.accept(each)).kind for each in (event(), event(data=2), event("b:c", source="a"), event("c", source="a:b"))
    ]
    assert kinds == ["accepted", "conflict", "accepted", "accepted"]
    assert len(await taken(queue)) == 3


async def test_the_own_retry_of_a_lost_answer_is_an_acceptance(redis_client: Client, queue: Queue) -> None:
    door = intake(redis_client)
    send, sent = door._send, 0

    async def losing(*arguments: Any) -> Any:
        nonlocal sent
        sent += 1
        answer = await send(*arguments)
        if sent == 1:
            raise UnansweredError("lost")
        return answer

    door._send = losing  # type: ignore[method-assign, assignment]
    assert (await door.accept(event())).kind == "accepted"
    assert (await door.accept(event())).kind == "duplicate"
    assert len(await taken(queue)) == 1


async def test_one_call_carries_so_many_bytes(redis_client: Client, queue: Queue) -> None:
    """A hundred of the longest events together would take longer than a call may."""
    door = intake(redis_client, deadline_seconds=20.0)
    sizes, send = list[int](), door._send

    async def weighing(tickets: list[Ticket], *arguments: Any) -> Any:
        sizes.append(sum(len(ticket.record) for ticket in tickets))
        return await send(tickets, *arguments)

    door._send = weighing  # type: ignore[method-assign, assignment]
    long = '"' + "x" * 250_000 + '"'
    answers = await asyncio.gather(*(door.accept(event(f"e{number}", data=long)) for number in range(60)))
    assert {answer.kind for answer in answers} == {"accepted"}
    assert max(sizes) <= 4_000_000 < sum(sizes)


@pytest.mark.parametrize("retry", ["full", "request", "refused", "refused too late"])
async def test_what_the_retry_is_told_says_nothing_of_the_first_try(redis_client: Client, retry: str) -> None:
    """That one may still be on its way, and take the event once there is room again."""
    door = intake(redis_client, deadline_seconds=0.2)
    sent = 0

    async def answering(tickets: list[Ticket], *arguments: Any) -> Any:
        nonlocal sent
        sent += 1
        if sent == 1:
            raise UnansweredError("lost")
        if retry.startswith("refused"):
            error = _classify(ResponseError("OOM command not allowed"), tickets)
            await asyncio.sleep(10 * retry.endswith("late"))
            raise error
        return [(retry, "", 9)]

    door._send = answering  # type: ignore[method-assign, assignment]
    with pytest.raises(UnansweredError):
        await door.accept(event())
    assert sent == 2


async def test_what_was_given_up_while_connecting_is_not_taken_afterwards(redis_client: Client, queue: Queue) -> None:
    door, is_connected = intake(redis_client, deadline_seconds=0.1), asyncio.Event()
    connect = door._pool.get_connection

    async def slowly() -> Any:
        await is_connected.wait()
        return await connect()

    door._pool.get_connection = slowly
    with pytest.raises(UnavailableError):
        await door.accept(event())
    is_connected.set()
    await eventually(lambda: door._calls._runner is None)
    assert await taken(queue) == []


async def test_who_waits_beside_what_was_given_up_gets_an_answer_of_its_own(redis_client: Client, queue: Queue) -> None:
    tickets = [Ticket(event(f"e{number}"), "", "", f"token {number}", until=0.0, is_given_up=number == 1) for number in range(3)]
    answers = await intake(redis_client, high_water=1)._call(tickets)
    assert [answer.kind for answer in answers] == ["accepted", "", "full"]
    assert [entry.key for entry in await taken(queue)] == [tickets[0].event.pair.key]
    assert [ticket.was_sent for ticket in tickets] == [True, False, True]


async def test_a_full_queue_takes_nothing_but_knows_its_own(redis_client: Client, queue: Queue) -> None:
    door = intake(redis_client, high_water=2)
    kinds = [(await door.accept(event(name))).kind for name in ("e1", "e2", "e3", "e1")]
    assert kinds == ["accepted", "accepted", "full", "duplicate"]
    (first, *_) = await taken(queue)
    await queue.delay([Delay(first.entry_id, first.key, 60.0)])
    assert (await door.accept(event("e3"))).kind == "full", "what is delayed still counts"


async def test_a_server_that_is_not_there_was_not_asked() -> None:
    nobody = connection.connect("redis://127.0.0.1:1/0", timeout_seconds=0.2, connect_timeout_seconds=0.2)
    with pytest.raises(UnavailableError):
        await intake(nobody).accept(event())


async def test_a_server_that_does_not_answer_is_unknown_within_the_deadline() -> None:
    asked: list[bytes] = []

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(10_000):
            asked.append(chunk)
        writer.close()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    silent = connection.connect(
        f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0", timeout_seconds=0.1, connect_timeout_seconds=0.1
    )
    began = asyncio.get_running_loop().time()
    with pytest.raises(UnansweredError):
        await intake(silent, deadline_seconds=0.4).accept(event())
    assert asyncio.get_running_loop().time() - began < 0.6
    assert len(asked) == 2, "one try and one retry"
    await silent.aclose()
    server.close()


REFUSALS = (
    *("OOM command not allowed", "READONLY You can't write", "LOADING Redis", "MISCONF disk", "NOAUTH Authentication required."),
    *(
        "CLUSTERDOWN The cluster is down",
        "MASTERDOWN Link with MASTER is down",
        "MOVED 1234 127.0.0.1:1",
        "TRYAGAIN Multiple keys",
    ),
)


@pytest.mark.parametrize("refusal", REFUSALS)
async def test_a_server_that_refuses_took_nothing(refusal: str) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(10_000):
            writer.write(f"-{refusal}\r\n".encode())
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
    full = connection.connect(url, timeout_seconds=0.5, connect_timeout_seconds=0.5)
    with pytest.raises(UnavailableError):
        await intake(full).accept(event())
    await full.aclose()
    server.close()
