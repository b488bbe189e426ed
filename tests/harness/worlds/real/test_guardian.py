"""Whatever happens to the harness, nothing of a stack stays: no process, no file, no shared memory."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from harness.usage import StackBrokenError, UsageError
from harness.worlds.real.ports import Ports, is_free
from harness.worlds.real.processes import Command, Guard
from tests.harness.worlds.real.waiting import is_alive, until

# A harness that starts a whole family and both servers, tells what there is, and then waits for its end.
HARNESS = """
import asyncio, json, os, sys
from pathlib import Path
from harness.systems import Server
from harness.usage import UsageError
from harness.worlds.real.ports import Ports
from harness.worlds.real.postgres import PostgresServer
from harness.worlds.real.processes import Command, Guard
from harness.worlds.real.redis import RedisServer

FAMILY = "import os, time\\nif os.fork() == 0: os.setsid()\\ntime.sleep(600)"

async def main(folder, logs):
    guard, ports = await Guard.start(folder), Ports()
    redis = RedisServer(guard, port=ports.draw(), server=Server(), log=logs / "redis.log")
    postgres = PostgresServer(guard, port=ports.draw(), server=Server(), log=logs / "postgres.log")
    await asyncio.gather(redis.start(), postgres.start())
    argv = [sys.executable, "-I", "-S", "-c", FAMILY]
    family = await guard.spawn(Command(name="family", argv=argv, env=dict(os.environ), cwd=logs, log=logs / "family.log"))
    pids = [redis.process.pid, postgres.process.pid, family.pid, guard._guardian.pid]
    print(json.dumps({"guardian": guard._guardian.pid, "pids": pids, "ports": [redis.port, postgres.port]}), flush=True)
    try:
        await asyncio.sleep(600)
    finally:
        if sys.argv[3] == "stops":
            await guard.stop()

asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
"""


@asynccontextmanager
async def a_harness(tmp_path: Path, manner: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, dict[str, Any]]]:
    harness = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", HARNESS, str(tmp_path / "stack"), str(tmp_path), manner),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        assert harness.stdout is not None
        yield harness, json.loads(await harness.stdout.readline())
    finally:
        if harness.returncode is None:
            harness.kill()
        await harness.wait()


def family_of(pids: list[int]) -> set[int]:
    """These processes and everything below them."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and is_alive(int(entry.name)):
            with suppress(OSError):  # it may end meanwhile
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    family, grown = set(pids), True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in family} - family
        family, grown = family | more, bool(more)
    return family


def segments_made_by(pids: set[int]) -> set[str]:
    """System V shared memory that processes with these ids made (by its id): what a killed Postgres leaves behind."""
    lines = [line.split() for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]]
    return {fields[1] for fields in lines if int(fields[4]) in pids}


def every_segment() -> set[str]:
    """All there is, by whomever: a machine gives the same process id again after a while."""
    return {line.split()[1] for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda n: n.name)
@pytest.mark.parametrize("manner", ["stops", "forgets"])
async def test_nothing_stays(tmp_path: Path, number: signal.Signals, manner: str) -> None:
    before = every_segment()
    async with a_harness(tmp_path, manner) as (harness, told):
        family = family_of(told["pids"])
        assert len(family) > 8, "the servers, their children and ours"
        assert segments_made_by(family) - before, "Postgres has one: otherwise its absence afterwards shows nothing"
        os.killpg(harness.pid, number)  # as a terminal does: to the whole foreground group
        await harness.wait()
        await until(lambda: not any(is_alive(pid) for pid in family))
        await until(lambda: not (tmp_path / "stack").exists())
    assert all(is_free(port) for port in told["ports"])
    assert not segments_made_by(family) - before


async def test_a_killed_guardian_takes_its_children_along(tmp_path: Path) -> None:
    async with a_harness(tmp_path, "stops") as (_, told):
        family = family_of(told["pids"])
        os.kill(told["guardian"], signal.SIGKILL)
        await until(lambda: not any(is_alive(pid) for pid in told["pids"]))
        for pid in family:  # a grandchild in a session of its own survives that: nobody is left who knows it
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


async def test_the_harness_notices_a_lost_guardian(tmp_path: Path, python: Callable[[str, str], Command]) -> None:
    guard = await Guard.start(tmp_path / "stack")
    process = await guard.spawn(python("api-0", "import time; time.sleep(600)"))
    guard._guardian.kill()
    assert await process.wait() == -signal.SIGKILL
    with pytest.raises(StackBrokenError):
        await guard.spawn(python("api-1", ""))
    await guard.stop()
    assert not (tmp_path / "stack").exists()


async def test_a_guardian_is_up_at_once(tmp_path: Path, ports: Ports) -> None:
    begin = asyncio.get_running_loop().time()
    guard = await Guard.start(tmp_path / "stack")
    assert asyncio.get_running_loop().time() - begin < 2.0, "it usually takes 0.05 s"
    await guard.stop()


async def test_where_nothing_can_be_made_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="set TMPDIR to a directory you can write to"):
        await Guard.start(tmp_path / "missing" / "stack")


async def test_an_open_guard_leaves_nothing_though_the_block_ends_in_an_error(python: Callable[[str, str], Command]) -> None:
    guards: list[Guard] = []
    pids = []

    async def break_off() -> None:
        async with Guard.open() as one, Guard.open() as other:
            guards.extend((one, other))
            pids.append((await one.spawn(python("api-0", "import time; time.sleep(600)"))).pid)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await break_off()
    assert [is_alive(pid) for pid in pids] == [False]
    assert [guard.folder.exists() for guard in guards] == [False, False]
    assert guards[0].folder != guards[1].folder
