"""Processes: killed with their whole tree, frozen, terminated, waited for; what cannot be started is one sentence."""

from __future__ import annotations

import dataclasses
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.usage import UsageError
from harness.worlds.real.injuries.processes import is_stopped
from harness.worlds.real.processes import Command, Guard, Process, await_ready
from tests.harness.worlds.real.waiting import is_alive, until

Python = Callable[[str, str], Command]
FOREVER = "import time; print('up', flush=True); time.sleep(600)"
# A child in a session of its own (as Postgres' backends are), which prints its pid and ignores SIGTERM.
FAMILY = """
import os, signal, time
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print(os.getpid(), flush=True)
time.sleep(600)
"""


async def grandchild(process: Process) -> int:
    await until(lambda: process.tail().strip().isdecimal())
    return int(process.tail())


async def test_a_kill_reaches_the_whole_tree(guard: Guard, python: Python) -> None:
    process = await guard.spawn(python("family", FAMILY))
    child = await grandchild(process)
    assert await process.kill()
    assert not is_alive(child)
    assert await process.wait() == -signal.SIGKILL
    assert not await process.kill(), "there is nobody to kill any more, so there is no evidence"


MANY_THREADS = """
import threading, time
for _ in range(60):
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
memory = bytearray(100_000_000)
print('up', flush=True)
time.sleep(600)
"""


async def test_after_a_kill_the_exit_is_known_though_threads_take_their_time(guard: Guard, python: Python) -> None:
    for number in range(5):
        process = await guard.spawn(python(f"threaded-{number}", MANY_THREADS))
        await until(process.tail)
        assert await process.kill()
        assert process.exit_code == -signal.SIGKILL, "who asks whether it lives must not be told yes"


async def test_a_freeze_reaches_the_whole_tree_and_ends(guard: Guard, python: Python) -> None:
    process = await guard.spawn(python("family", FAMILY))
    child = await grandchild(process)
    assert await process.freeze()
    await until(lambda: is_stopped(process.pid) and is_stopped(child))
    assert await process.resume()
    await until(lambda: not is_stopped(process.pid) and not is_stopped(child))


async def test_terminate_keeps_the_exit_code(guard: Guard, python: Python) -> None:
    program = "import signal, sys; signal.signal(15, lambda *_: sys.exit(7)); print('up', flush=True); signal.pause()"
    process = await guard.spawn(python("polite", program))
    await until(process.tail)
    assert await process.terminate(within_s=10) == 7


async def test_who_does_not_end_in_time_is_killed(guard: Guard, python: Python) -> None:
    program = "import signal; signal.signal(15, signal.SIG_IGN); print('up', flush=True)\nwhile True: signal.pause()"
    process = await guard.spawn(python("stubborn", program))
    await until(process.tail)
    assert await process.terminate(within_s=0.2) == -signal.SIGKILL


async def test_an_exit_at_once_is_not_missed(guard: Guard, python: Python) -> None:
    codes = [await (await guard.spawn(python(f"short-{code}", f"raise SystemExit({code})"))).wait() for code in range(5)]
    assert codes == list(range(5))


async def test_readiness_names_what_is_missing_and_shows_the_log(guard: Guard, python: Python) -> None:
    process = await guard.spawn(python("api-0", FOREVER))

    async def never() -> str:
        return "" if False else "GET /readyz was answered 503, not 200"

    await until(process.tail)
    with pytest.raises(UsageError, match=r"(?s)api-0 was not ready within 0.1 s: GET /readyz was answered 503.*up"):
        await await_ready(process, never, within_s=0.1)


async def test_readiness_notices_an_early_end(guard: Guard, python: Python) -> None:
    process = await guard.spawn(python("api-0", "raise SystemExit('the port is in use')"))

    async def never() -> str:
        return "nothing yet"

    with pytest.raises(UsageError, match=r"(?s)api-0 ended with exit code 1 before it was ready.*the port is in use"):
        await await_ready(process, never, within_s=30)


async def test_an_unknown_program_is_one_sentence(guard: Guard, python: Python, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no `nonesuch` in PATH; install it or correct the command"):
        await guard.spawn(dataclasses.replace(python("api-0", ""), argv=["nonesuch", "--port", "1"]))
    with pytest.raises(UsageError, match=r"there is no `\./nonesuch` in"):
        await guard.spawn(dataclasses.replace(python("api-0", ""), argv=["./nonesuch"]))
    (tmp_path / "text").write_text("no program")
    with pytest.raises(UsageError, match=r"api-0 cannot be started with `\./text`: .*Permission denied"):
        await guard.spawn(dataclasses.replace(python("api-0", ""), argv=["./text"]))
