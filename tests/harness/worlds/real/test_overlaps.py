"""Faults that overlap, and processes that do not come back: what is recorded is what happened, and nobody is started twice."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from harness import faults
from harness.faults import Fault
from harness.history import Lifecycle, Suffered
from harness.systems import System
from harness.traffic import Event
from harness.usage import StackBrokenError
from harness.worlds.real.fleet import all_of
from harness.worlds.real.processes import Command, Guard, Process, await_ready
from harness.worlds.real.world import RealWorld
from harness.worlds.world import Occasion
from tests.harness.worlds.real.toys import TOY, opened, toy
from tests.harness.worlds.real.waiting import is_alive, until

A_MOMENT_S = 0.5
CRASHES = [faults.WorkerCrashes(), faults.RedisCrashes(), faults.RedisCrashes(loss="power-loss"), faults.PostgresCrashes()]

REFUSALS: list[Fault] = [faults.PostgresRefusesLogins(), faults.PostgresRunsOutOfConnections()]
OF_POSTGRES: list[Fault] = [
    faults.PostgresIsReadOnly(),
    faults.PostgresAborts(),
    faults.PostgresEndsBackends(),
    faults.PostgresRunsOutOfConnections(),
    faults.PostgresRefusesLogins(),
    faults.PostgresFreezes(),
    faults.PostgresCrashes(),
]


def last(world: RealWorld) -> Suffered:
    return world.history.of(Suffered)[-1]


def lives(world: RealWorld, process: str) -> list[str]:
    return [entry.what for entry in world.history.of(Lifecycle) if entry.process == process]


def movable(tmp_path: Path) -> tuple[System, Path]:
    """The toy with a program of its own, which a test can take away."""
    program = tmp_path / "service.py"
    shutil.copy(TOY.with_suffix(".py"), program)
    return toy(tmp_path, lambda text: text.replace('"toy.py"', f'"{program}"')), program


def counted(world: RealWorld, monkeypatch: pytest.MonkeyPatch, before: Callable[[], Awaitable[object]]) -> list[Process]:
    """Everything that is spawned from now on; `before` is awaited each time."""
    guard, spawned = world._stack.guard, list[Process]()
    spawn = guard.spawn

    async def counting(command: Command) -> Process:
        await before()
        spawned.append(await spawn(command))
        return spawned[-1]

    monkeypatch.setattr(guard, "spawn", counting)
    return spawned


async def at_once() -> None:
    """Nothing to wait for."""


@pytest.mark.parametrize("fault", CRASHES, ids=repr)
async def test_a_second_kill_hits_nobody_and_heals_nothing(tmp_path: Path, fault: Fault) -> None:
    hurt = {"worker": "worker-0"}.get(fault.needs, fault.needs)
    async with opened(toy(tmp_path), tmp_path) as world:
        async with world.suffering(fault, Occasion(), index=0):
            async with world.suffering(fault, Occasion(), index=1):
                pass
            assert last(world).evidence is None
            assert lives(world, hurt) == ["killed"], "whoever killed it starts it again"
        assert last(world).evidence is not None
        assert lives(world, hurt) == ["killed", "started"]


async def test_a_freeze_that_a_kill_ends_has_hurt_all_the_same(tmp_path: Path) -> None:
    async with opened(toy(tmp_path), tmp_path) as world:
        frozen, killed = world.suffering(faults.WorkerFreezes(), Occasion(), index=0), faults.WorkerCrashes()
        async with frozen, world.suffering(killed, Occasion(), index=1):
            pass
        told = last(world).evidence
        assert lives(world, "worker-0") == ["frozen", "killed", "started"], "its successor was never frozen"
    assert told is not None
    assert " stood still until it was killed: " in told


async def test_a_fault_that_outlasts_the_killers_keeps_nobody_down(tmp_path: Path) -> None:
    async with opened(toy(tmp_path), tmp_path) as world:
        first = world.suffering(faults.WorkerCrashes(), Occasion(), index=0)
        await first.__aenter__()
        async with world.suffering(faults.WorkerCrashes(), Occasion(), index=1):
            await first.__aexit__(None, None, None)
            pid = world._stack.fleet.pid("worker-0")
            assert is_alive(pid)
        assert world._stack.fleet.pid("worker-0") == pid, "it was started once"


@pytest.mark.parametrize("other", OF_POSTGRES, ids=repr)
async def test_faults_of_postgres_overlap_in_any_order_and_all_heal(tmp_path: Path, other: Fault) -> None:
    async with opened(toy(tmp_path), tmp_path) as world:

        async def accepts(event: str) -> bool:
            return (await world.submit(Event(id=event), attempt=0)).answer == "accepted"

        for number, refusal in enumerate(REFUSALS):
            async with world.suffering(refusal, Occasion(), index=0), world.suffering(other, Occasion(), index=1):
                pass
            assert await accepts(f"within {number}")
            earlier, later = world.suffering(other, Occasion(), index=2), world.suffering(refusal, Occasion(), index=3)
            await earlier.__aenter__()
            begins = asyncio.create_task(later.__aenter__())
            await asyncio.wait([begins], timeout=A_MOMENT_S)
            await earlier.__aexit__(None, None, None)
            await begins
            if other != refusal:  # of two of one kind the first that ends ends both
                assert not await accepts(f"refused {number}")
            await later.__aexit__(None, None, None)
            assert other == refusal or last(world).evidence
            assert await accepts(f"after {number}")


async def test_a_deploy_passes_over_who_is_down(tmp_path: Path) -> None:
    async with opened(toy(tmp_path), tmp_path) as world:
        async with world.suffering(faults.WorkerCrashes(), Occasion(), index=0):
            async with world.suffering(faults.Deploys(), Occasion(), index=1):
                pass
            assert lives(world, "worker-0") == ["killed"]
        told = world.history.of(Suffered)[0].evidence
    assert told is not None
    assert "api-1 ended with exit code" in told
    assert "worker-0" not in told


async def test_who_lives_is_not_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(toy(tmp_path), tmp_path) as world:
        fleet, spawned = world._stack.fleet, counted(world, monkeypatch, at_once)
        assert await fleet.kill("worker-0")
        await asyncio.gather(fleet.start("worker-0"), fleet.start("worker-0"), fleet.start("api-0"))
    assert [process.command.name for process in spawned] == ["worker-0"]


async def test_a_kill_waits_for_a_supervisor_that_is_starting_somebody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.worlds.real.fleet.BEFORE_RESTART_S", 0.0)
    started, go_on = asyncio.Event(), asyncio.Event()

    async def slowly() -> None:
        started.set()
        await go_on.wait()

    async with opened(toy(tmp_path), tmp_path) as world:
        spawned = counted(world, monkeypatch, slowly)
        os.kill(world._stack.fleet.pid("worker-0"), 9)
        await started.wait()
        killing = asyncio.create_task(world._stack.fleet.kill("worker-0"))
        await asyncio.sleep(0)
        go_on.set()
        assert await killing, "the new one is killed"
        await world._stack.fleet.start("worker-0")
        assert [is_alive(process.pid) for process in spawned] == [False, True]


async def test_a_process_that_does_not_come_back_is_a_fact_and_no_end(tmp_path: Path) -> None:
    system, program = movable(tmp_path)
    async with opened(system, tmp_path) as world:
        text = program.read_text()
        program.write_text("raise SystemExit(3)")
        async with world.suffering(faults.Deploys(), Occasion(), index=0):
            pass
        told = last(world).evidence
        exits = [entry for entry in world.history.of(Lifecycle) if entry.what == "exited" and entry.detail == "by itself"]
        program.write_text(text)
        await until(lambda: lives(world, "api-0")[-1] == "started")
    assert told is not None
    assert "it did not come back: api-0 ended with exit code 3 before it was ready" in told
    assert {(entry.process, entry.exit_code) for entry in exits} >= {("api-0", 3), ("api-1", 3)}
    assert "not restarted" in lives(world, "api-0")


async def test_a_worker_whose_program_is_gone_is_a_fact_too(tmp_path: Path) -> None:
    program = tmp_path / "work"
    program.write_text(f"#!/bin/sh\nexec {shutil.which('python3')} -c 'import time; time.sleep(600)'\n")
    program.chmod(0o755)
    system = toy(tmp_path, lambda text: text.replace('"python", "toy.py", "worker"', '"./work"'))
    async with opened(system, tmp_path) as world:
        async with world.suffering(faults.WorkerCrashes(), Occasion(), index=0):
            program.unlink()
        told = last(world).evidence
    assert told is not None
    assert "it did not come back: The command of worker-0, `./work`, is not found" in told
    assert lives(world, "worker-0") == ["killed", "not restarted"]


async def test_a_server_of_ours_that_stays_down_says_nothing_about_the_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(toy(tmp_path), tmp_path) as world:
        with pytest.raises(StackBrokenError, match="After its crash redis could not be started again"):
            async with world.suffering(faults.RedisCrashes(), Occasion(), index=0):
                monkeypatch.setattr("harness.worlds.real.redis.redis_server", lambda: tmp_path / "nonesuch")
        assert last(world).evidence is None


async def test_an_end_that_came_from_the_guardian_is_not_the_services(
    guard: Guard, python: Callable[[str, str], Command]
) -> None:
    process = await guard.spawn(python("api-0", "import time; time.sleep(600)"))

    async def never() -> str:
        return "nothing yet"

    guard._guardian.kill()
    with pytest.raises(StackBrokenError):
        await all_of(await_ready(process, never, within_s=30) for _ in range(2))
