"""One Locust process from start to end: what it is told, what comes back, and what is said when it breaks."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from harness.load import generator
from harness.load.generator import Generator, Plan, Target, Turns, require_locustfile
from harness.systems import Load
from harness.usage import StackBrokenError, UsageError
from harness.worlds.real.processes import Guard
from tests.loadtests.generator import Record, known_server

LOAD = Load(posts_per_second=100, reads_per_second=50)


@pytest.fixture
async def guard(tmp_path: Path) -> AsyncIterator[Guard]:
    made = await Guard.start(tmp_path / "guarded")
    yield made
    await made.stop()


def turns(seconds: float) -> Turns:
    return Turns(start_unix_s=time.time() + 3.0, offset_s=0.5, length_s=seconds, period_s=2 * seconds, until_s=seconds)


async def collected(locust: Generator, enough: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
    """What it has written, as soon as that is enough."""
    seen: list[dict[str, Any]] = []
    async with asyncio.timeout(30):
        while not enough(seen):
            await asyncio.sleep(0.05)
            seen += locust.more()
    return seen


async def started(guard: Guard, folder: Path, *addresses: str, processes: int = 1) -> Generator:
    target = Target(name="after", addresses=addresses, headers={"X-Api-Key": "secret"})
    plan = Plan(folder=folder, seed=1, processes=processes)
    return await Generator.start(guard, target, LOAD, turns=turns(1.0), plan=plan)


@pytest.mark.parametrize("processes", [1, 2])
async def test_it_sends_in_its_window_and_nothing_is_missing(guard: Guard, tmp_path: Path, processes: int) -> None:
    with known_server(tmp_path / "one.log") as one, known_server(tmp_path / "two.log") as two:
        locust = await started(guard, tmp_path, one.url, two.url, processes=processes)
        seen = await collected(locust, lambda lines: bool(lines) and time.time() > lines[0]["started_at"] + 2.0)
        locust.require()
        seen += await locust.stop()
        asked = [*one.seen, *two.seen]
    record = Record.of(tmp_path / "after.jsonl")
    assert record.is_complete
    assert seen == record.lines
    assert locust.is_complete
    assert {request["key"] for request in asked} == {"secret"}
    assert len(asked) == len(record.posts) + len(record.reads)
    assert {line["target"] for line in record.posts} == {one.url, two.url}
    dues = [line["due"] - seen[0]["started_at"] for line in (*record.posts, *record.reads)]
    assert 0.5 <= min(dues) < max(dues) <= 1.5
    assert "<html" in (tmp_path / "locust-after.html").read_text()


async def test_one_that_ends_before_its_time_is_no_result(guard: Guard, tmp_path: Path) -> None:
    with known_server(tmp_path / "server.log") as server:
        locust = await started(guard, tmp_path, server.url)
        await collected(locust, lambda lines: len(lines) > 5)
        locust.require()
        os.kill(locust._process.pid, signal.SIGKILL)
        await locust._process.wait()
        with pytest.raises(StackBrokenError, match="Locust ended with exit code -9"):
            locust.require()
        with pytest.raises(StackBrokenError):
            await locust.stop()


async def test_a_broken_load_test_is_told_with_its_log(guard: Guard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "locustfile.py"
    broken.write_text("raise RuntimeError('this load test is broken')\n")
    monkeypatch.setattr(generator, "LOCUSTFILE", broken)
    locust = await started(guard, tmp_path, "http://127.0.0.1:1")
    await locust._process.wait()
    with pytest.raises(StackBrokenError, match=r"(?s)Locust ended with exit code 1.*this load test is broken"):
        locust.require()


def test_load_tests_that_are_not_there_are_wrong_usage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_locustfile()
    monkeypatch.setattr(generator, "LOCUSTFILE", tmp_path / "nothing.py")
    with pytest.raises(UsageError, match="run the harness from a checkout"):
        require_locustfile()


def test_a_window_as_locust_takes_it() -> None:
    told = Turns(start_unix_s=1e9, offset_s=10.0, length_s=9.0, period_s=20.0, until_s=180.0)
    assert told.window == "10/9/20"
