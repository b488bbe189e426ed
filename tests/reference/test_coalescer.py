"""Requests leave together while a call is under way; each gets its own answer."""

from __future__ import annotations

import asyncio

import pytest

from reference.coalescer import Coalescer


class Server:
    """Doubles numbers, refuses negative ones, and remembers what came together."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def double(self, numbers: list[int]) -> list[int | Exception]:
        self.calls.append(numbers)
        await self.gate.wait()
        return [ValueError("negative") if number < 0 else 2 * number for number in numbers]


async def test_what_arrives_during_a_call_leaves_in_the_next_one() -> None:
    server = Server()
    server.gate.clear()
    together: Coalescer[int, int] = Coalescer(server.double)
    first = asyncio.create_task(together.submit(1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    rest = [asyncio.create_task(together.submit(n)) for n in (2, 3, 4)]
    await asyncio.sleep(0)
    server.gate.set()
    assert await asyncio.gather(first, *rest) == [2, 4, 6, 8]
    assert server.calls == [[1], [2, 3, 4]]


async def test_a_call_takes_at_most_its_limit() -> None:
    server = Server()
    together: Coalescer[int, int] = Coalescer(server.double, limit=2)
    assert await asyncio.gather(*(together.submit(n) for n in range(5))) == [0, 2, 4, 6, 8]
    assert server.calls == [[0, 1], [2, 3], [4]]


async def test_a_call_weighs_at_most_so_much_and_what_is_heavier_goes_alone() -> None:
    server = Server()
    together: Coalescer[int, int] = Coalescer(server.double, limit=3, weigh=lambda number: number, most=10)
    numbers = [6, 4, 1, 50, 9, 1, 0, 0]
    assert await asyncio.gather(*(together.submit(n) for n in numbers)) == [2 * n for n in numbers]
    assert server.calls == [[6, 4], [1], [50], [9, 1, 0], [0]]


async def test_one_bad_item_is_its_callers_problem_alone() -> None:
    together: Coalescer[int, int] = Coalescer(Server().double)
    good, bad = await asyncio.gather(together.submit(1), together.submit(-1), return_exceptions=True)
    assert good == 2
    assert isinstance(bad, ValueError)


async def test_a_failed_call_is_told_to_all_and_the_next_one_works() -> None:
    async def fails(numbers: list[int]) -> list[int | Exception]:
        if len(numbers) > 1:
            raise ConnectionError
        return list(numbers)

    together: Coalescer[int, int] = Coalescer(fails)
    results = await asyncio.gather(together.submit(1), together.submit(2), return_exceptions=True)
    assert [type(result) for result in results] == [ConnectionError, ConnectionError]
    assert await together.submit(3) == 3


async def test_what_was_cancelled_before_its_call_is_left_out() -> None:
    server = Server()
    together: Coalescer[int, int] = Coalescer(server.double)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await together.submit(1)
    assert await together.submit(2) == 4
    assert server.calls == [[2]]
