"""The alarm rings for every moment it was set to, together where they lie close, and never early."""

from __future__ import annotations

import asyncio

import pytest

from reference.alarm import Alarm


async def waited_s(alarm: Alarm, *, at_most_seconds: float = 5.0) -> float:
    now = asyncio.get_running_loop().time
    began = now()
    await alarm.wait(at_most_seconds=at_most_seconds)
    return now() - began


async def test_nothing_set_is_waited_for_no_longer_than_told() -> None:
    assert 0.05 <= await waited_s(Alarm(), at_most_seconds=0.05) < 1


@pytest.mark.parametrize("seconds", [0.0, 0.1, 0.3])
async def test_it_rings_soon_after_and_never_before(seconds: float) -> None:
    alarm = Alarm()
    alarm.set(seconds)
    assert seconds <= await waited_s(alarm) < seconds + 1


async def test_a_sooner_moment_wakes_who_waits_already() -> None:
    alarm = Alarm()
    alarm.set(4.0)
    waiting = asyncio.create_task(waited_s(alarm))
    await asyncio.sleep(0)
    alarm.set(0.0)
    assert await waiting < 2


async def test_each_moment_rings_once() -> None:
    alarm = Alarm()
    for seconds in (0.0, 0.0, 0.5):
        alarm.set(seconds)
    assert await waited_s(alarm) < 0.5
    assert await waited_s(alarm) > 0.05
    assert await waited_s(alarm, at_most_seconds=0.3) >= 0.3
