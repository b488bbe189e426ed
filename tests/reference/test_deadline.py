"""A deadline ends what takes too long, and lets a process that stood still read what has arrived meanwhile."""

from __future__ import annotations

import asyncio
import time

import pytest

from reference.deadline import deadline

STANDSTILL_SECONDS = 0.4


def stand_still() -> None:
    """As under SIGSTOP: nothing of this process runs."""
    time.sleep(STANDSTILL_SECONDS)


async def test_what_ends_in_time_is_let_alone() -> None:
    async with deadline(5):
        await asyncio.sleep(0)
    await asyncio.sleep(0)


async def test_what_takes_too_long_ends_in_time() -> None:
    began = asyncio.get_running_loop().time()
    with pytest.raises(TimeoutError):
        async with deadline(0.02):
            await asyncio.Event().wait()
    assert asyncio.get_running_loop().time() - began >= 0.02


@pytest.mark.parametrize(("limit", "is_read"), [(deadline, True), (asyncio.timeout, False)], ids=["deadline", "asyncio.timeout"])
async def test_an_answer_that_came_during_a_standstill_is_read(limit: object, is_read: bool) -> None:
    """An ordinary time-out would not read it, which is what this one is for."""
    loop = asyncio.get_running_loop()
    answer = loop.create_future()
    loop.call_later(0.01, answer.set_result, "202")
    loop.call_soon(stand_still)
    try:
        async with limit(0.1):  # type: ignore[operator]
            await answer
            read = True
    except TimeoutError:
        read = False
    assert read is is_read


@pytest.mark.parametrize(("limit", "is_read"), [(deadline, True), (asyncio.timeout, False)], ids=["deadline", "asyncio.timeout"])
async def test_who_woke_just_before_it_was_due_has_a_moment_to_read(limit: object, is_read: bool) -> None:
    loop = asyncio.get_running_loop()
    answer = loop.create_future()
    loop.call_later(0.05, stand_still)  # until 0.45 s, of 0.5 s
    loop.call_later(0.6, lambda: None if answer.done() else answer.set_result("202"))
    try:
        async with limit(0.5):  # type: ignore[operator]
            await answer
            read = True
    except TimeoutError:
        read = False
    assert read is is_read


async def test_the_answer_to_what_left_only_after_the_standstill_is_awaited() -> None:
    """A worker that stood still with its mail in hand sends it when it wakes, and the provider takes its time."""
    loop = asyncio.get_running_loop()
    answer = loop.create_future()
    loop.call_soon(stand_still)
    loop.call_later(STANDSTILL_SECONDS + 0.5, answer.set_result, "202")
    async with deadline(0.1):
        assert await answer == "202"


async def test_after_a_standstill_without_an_answer_it_ends_all_the_same() -> None:
    asyncio.get_running_loop().call_soon(stand_still)
    with pytest.raises(TimeoutError):
        async with deadline(0.1):
            await asyncio.Event().wait()


async def test_who_is_cancelled_is_not_told_of_a_time_out() -> None:
    async def wait() -> None:
        async with deadline(60):
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
