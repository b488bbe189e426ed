"""Who had the processors: a busy process counts as another's, or as one of the stack's own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from harness.history import Crowd
from harness.worlds.real import crowd
from harness.worlds.real.crowd import Used

CORES = len(os.sched_getaffinity(0))


def test_what_was_neither_idle_nor_ones_own_went_to_others() -> None:
    before = Used(everything=1000, idle=500, own={1: 10, 2: 90})
    assert Used(everything=1200, idle=550, own={1: 40, 2: 110, 3: 20}).others_since(before) == (150 - 30 - 20 - 20) / 200


def test_a_process_that_ended_takes_nothing_back() -> None:
    before = Used(everything=1000, idle=500, own={1: 10, 2: 90})
    assert Used(everything=1100, idle=590, own={1: 10}).others_since(before) == 0.1


def test_the_clocks_own_grain_makes_no_share_beyond_none_and_all() -> None:
    before = Used(everything=100, idle=0, own={})
    assert Used(everything=110, idle=10, own={1: 3}).others_since(before) == 0.0
    assert before.others_since(before) == 0.0


@contextmanager
def busy() -> Iterator[int]:
    """A process that never rests; its id."""
    hog = subprocess.Popen([sys.executable, "-c", "print('on', flush=True)\nwhile True: pass"], stdout=subprocess.PIPE)
    try:
        assert hog.stdout is not None
        hog.stdout.readline()
        yield hog.pid
    finally:
        hog.kill()
        hog.wait()


async def seen_beside(root: int) -> Crowd:
    """The first record of a watch."""
    seen: asyncio.Future[Crowd] = asyncio.get_running_loop().create_future()
    watching = asyncio.create_task(crowd.watch(root, seen.set_result, asyncio.get_running_loop().time))
    try:
        return await asyncio.wait_for(seen, 30)
    finally:
        watching.cancel()


@pytest.mark.skipif(crowd.look(os.getpid()) is None, reason="some of this machine's processors are not ours to use")
async def test_a_busy_process_counts_as_anothers_unless_it_descends_from_the_root() -> None:
    with busy() as one, busy():
        beside_one, beside_both = await asyncio.gather(seen_beside(one), seen_beside(os.getpid()))
    assert beside_both.others < beside_one.others
    assert beside_one.end_s - beside_one.begin_s >= crowd.LOOKS_EVERY_S


async def test_where_the_processors_are_shared_out_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(CORES + 1)))
    async with asyncio.timeout(10):
        await crowd.watch(os.getpid(), lambda _: pytest.fail("it said something"), lambda: 0.0)
