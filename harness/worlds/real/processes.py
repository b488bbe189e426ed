"""The harness' side of a stack's processes: start, kill, freeze, resume, terminate, wait, and the end of the log.

`Guard` talks to the stack's guardian (`guardian.py`), which is the parent of all of them. `redis.py`, `postgres.py` and
`stack.py` start what they need here.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from harness.usage import StackBrokenError, UsageError

GUARDIAN = Path(__file__).with_name("guardian.py")
ENDS_WITHIN_S = 8.0
POLL_S = 0.01


@dataclass(frozen=True, kw_only=True)
class Command:
    """What to start: `identity` is whom it runs as ("mapped": an ordinary user in a user namespace).

    `inside` is the pid of who holds a disk (disk.py) that it is to see; then it is who that one is.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    log: Path
    identity: Literal["self", "mapped", "nobody"] = "self"
    inside: int = 0


class Process:
    """One started process; kill, freeze and resume reach its whole tree."""

    def __init__(self, guard: Guard, command: Command, *, pid: int, exit_code: asyncio.Future[int]) -> None:
        self.command = command
        self.pid = pid
        self._guard = guard
        self._exit_code = exit_code

    @property
    def exit_code(self) -> int | None:
        """None while it runs; minus the signal's number if a signal ended it."""
        return self._exit_code.result() if self._exit_code.done() else None

    async def wait(self) -> int:
        """Its exit code, once it has ended."""
        return await asyncio.shield(self._exit_code)

    async def kill(self) -> bool:
        """SIGKILL; returns when all of it is dead. False if it had ended before."""
        return await self._send(signal.SIGKILL)

    async def freeze(self) -> bool:
        """SIGSTOP; False if it had ended before."""
        return await self._send(signal.SIGSTOP)

    async def resume(self) -> bool:
        """SIGCONT; False if it had ended before."""
        return await self._send(signal.SIGCONT)

    async def terminate(self, *, within_s: float) -> int:
        """SIGTERM, and SIGKILL if it has not ended within `within_s`; its exit code."""
        await self._send(signal.SIGTERM)
        try:
            async with asyncio.timeout(within_s):
                return await self.wait()
        except TimeoutError:
            await self.kill()
            return await self.wait()

    def require(self) -> None:
        """Raises StackBrokenError if its end may be that of the guardian: it then says nothing about the process."""
        self._guard.require()

    def tail(self, lines: int = 8) -> str:
        """The end of its log."""
        with suppress(OSError):
            written = self.command.log.read_text(encoding="utf-8", errors="replace").splitlines()
            return "\n".join(written[-lines:])
        return ""

    async def _send(self, number: signal.Signals) -> bool:
        if self.exit_code is not None:
            return False
        answer = await self._guard.ask({"do": "signal", "pid": self.pid, "signal": int(number)})
        return bool(answer["reached"])


class Guard:
    """The connection to one stack's guardian; `stop` (or the end of the harness) leaves nothing of the stack."""

    def __init__(self, guardian: asyncio.subprocess.Process, folder: Path) -> None:
        self.folder = folder
        self._guardian = guardian
        self._number = 0
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._exit_codes: dict[int, asyncio.Future[int]] = {}
        self._listening = asyncio.create_task(self._listen(), name="guardian's listener")

    @classmethod
    async def start(cls, folder: Path) -> Guard:
        """A guardian for a stack whose files live in `folder`, which it makes and, at the end, removes.

        Raises UsageError if nothing can be made there.
        """
        if not os.access(folder.parent, os.W_OK | os.X_OK):
            raise UsageError(f"No stack can be built in {folder.parent}; set TMPDIR to a directory you can write to.")
        guardian = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(GUARDIAN), str(folder)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        assert guardian.stdout is not None
        if not await guardian.stdout.readline():
            raise StackBrokenError(f"The guardian of a stack could not start in {folder}; its own words are above.")
        return cls(guardian, folder)

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[Guard]:
        """A guardian for one stack, in a folder of its own; of both nothing is left afterwards. Raises as `start` does."""
        guard = await cls.start(Path(tempfile.gettempdir(), f"ingestion-harness-{uuid.uuid4().hex[:12]}"))
        try:
            yield guard
        finally:
            await guard.stop()

    @property
    def pid(self) -> int:
        """Of the guardian: every process of the stack descends from it."""
        return self._guardian.pid

    async def spawn(self, command: Command) -> Process:
        """Start a process. Raises UsageError if its program cannot be executed."""
        require_program(command)
        answer = await self.ask(
            {
                "do": "spawn",
                "name": command.name,
                "argv": list(command.argv),
                "env": dict(command.env),
                "cwd": str(command.cwd),
                "log": str(command.log),
                "identity": command.identity,
                "inside": command.inside,
            }
        )
        if "error" in answer:
            raise UsageError(f"{command.name} cannot be started with `{command.argv[0]}`: {answer['error']}.")
        pid = answer["pid"]
        return Process(self, command, pid=pid, exit_code=self._exit_codes[pid])

    async def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """One request and its answer. Raises StackBrokenError."""
        self._number += 1
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[self._number] = answer
        self.require()
        self._send({"number": self._number, **request})
        return await answer

    def require(self) -> None:
        """Raises StackBrokenError if the guardian is gone: what happened since then says nothing about the service."""
        if self._listening.done():
            raise StackBrokenError("The guardian of the stack was killed, and every process of the stack with it; run again.")

    async def stop(self) -> None:
        """Kill every process of the stack, remove its folder, and return when both are done."""
        self._send({"do": "quit"})
        with suppress(TimeoutError):
            async with asyncio.timeout(ENDS_WITHIN_S):
                await self._guardian.wait()
        await self._listening
        await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)  # should the guardian have been killed

    def _send(self, request: dict[str, Any]) -> None:
        assert self._guardian.stdin is not None
        with suppress(ConnectionError):
            self._guardian.stdin.write(json.dumps(request).encode() + b"\n")

    async def _listen(self) -> None:
        assert self._guardian.stdout is not None
        async for line in self._guardian.stdout:
            self._hear(json.loads(line))
        for answer in self._answers.values():
            answer.set_exception(StackBrokenError("The guardian of the stack has ended."))
            answer.exception()  # nobody may be waiting for it
        for exit_code in self._exit_codes.values():
            if not exit_code.done():
                exit_code.set_result(-signal.SIGKILL)

    def _hear(self, fact: dict[str, Any]) -> None:
        if "answers" in fact:
            if "pid" in fact:  # before anything else is heard: its exit may be the next line
                self._exit_codes[fact["pid"]] = asyncio.get_running_loop().create_future()
            answer = self._answers.pop(fact["answers"])
            if not answer.done():
                answer.set_result(fact)
        elif "exited" in fact:
            self._exit_codes[fact["pid"]].set_result(fact["status"])


def require_program(command: Command) -> None:
    """Raises UsageError if the command's program is nowhere to be found."""
    program = command.argv[0]
    path = command.env.get("PATH", "")
    found = (command.cwd / program).is_file() if "/" in program else shutil.which(program, path=path) is not None
    if not found:
        where = str(command.cwd) if "/" in program else "PATH"
        raise UsageError(
            f"The command of {command.name}, `{' '.join(command.argv)}`, is not found: there is no `{program}` "
            f"in {where}; install it or correct the command in the system file."
        )


async def await_ready(process: Process, ready: Callable[[], Awaitable[str]], *, within_s: float, every_s: float = POLL_S) -> None:
    """Ask `ready` until it returns "" (else what is missing).

    Raises UsageError with the end of the process' log, StackBrokenError if it ended because the guardian did.
    """
    missing = "it was never asked"
    name, deadline = process.command.name, asyncio.get_running_loop().time() + within_s
    while asyncio.get_running_loop().time() < deadline:
        if process.exit_code is not None:
            process.require()
            raise UsageError(with_log(process, f"{name} ended with exit code {process.exit_code} before it was ready"))
        if not (missing := await ready()):
            return
        await asyncio.sleep(every_s)
    raise UsageError(with_log(process, f"{name} was not ready within {within_s:g} s: {missing}"))


def with_log(process: Process, what: str) -> str:
    """A sentence with the end of the process' log behind it."""
    tail = process.tail()
    return f"{what}; its log ends with:\n{tail}" if tail else f"{what}; it wrote no log."
