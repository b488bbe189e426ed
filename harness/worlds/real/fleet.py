"""The service's own processes in a stack: `api-0`, `worker-1`, ... started as the system file says.

Each has a port of its own and its own view of the servers (`Wiring`). One that ends by itself is started again after a
second, again and again, as a supervisor would; one whose end a fault wanted comes back through that fault alone.
`stack.py` owns the fleet; faults reach its processes through `injuries.py`.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from harness.faults import FLAG_COMMAND
from harness.systems import PERCENT, System, filled
from harness.systems import Process as Kind
from harness.usage import StackBrokenError, UsageError
from harness.worlds.real import planted
from harness.worlds.real.journal import Journal
from harness.worlds.real.processes import Command, Guard, Process, await_ready, with_log

READY_WITHIN_S = 30.0
SET_UP_WITHIN_S = 120.0
TURNED_WITHIN_S = 10.0
BEFORE_RESTART_S = 1.0
CONNECTS_WITHIN_S = 1.0
POLL_S = 0.1  # a service may log every request for its readiness
SETUP = "setup"


@dataclass(frozen=True, kw_only=True)
class Wiring:
    """What the fleet needs of its stack: values of the placeholders for one process, where logs go, the journal."""

    guard: Guard
    placeholders: Callable[[str], Mapping[str, str]]
    ports: Mapping[str, int]
    logs: Path
    journal: Journal
    flaw: str = ""  # path of a flaw to plant into its Python processes; set-up and flag commands stay sound


class Fleet:
    """Every process of the system under test."""

    def __init__(self, system: System, wiring: Wiring) -> None:
        self._system = system
        self._wiring = wiring
        self._processes: dict[str, Process] = {}
        self._supervisors: dict[Process, asyncio.Task[None]] = {}
        self._ready: dict[str, bool] = {}
        self._ends_wanted: set[Process] = set()  # killed or told to stop: no supervisor starts them again
        self._upgraded: set[str] = set()
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)  # who starts or ends a process waits for others
        self._all_started = False
        self._http = httpx.AsyncClient(trust_env=False, timeout=5.0)

    @property
    def journal(self) -> Journal:
        """Where its processes leave their traces."""
        return self._wiring.journal

    def names(self, *roles: str) -> list[str]:
        """Process names of these roles, in order."""
        return names(self._system, *roles)

    def is_ready(self, name: str) -> bool:
        """Whether a load balancer would send traffic there."""
        return self._ready.get(name, False)

    def is_alive(self, name: str) -> bool:
        """Whether it runs, ready or not."""
        return name in self._processes and self._processes[name].exit_code is None

    def pid(self, name: str) -> int:
        """The process' id, of its latest incarnation."""
        return self._processes[name].pid

    async def set_up(self) -> None:
        """Run the system's set-up command. Raises UsageError if it fails, or takes longer than two minutes."""
        if self._system.setup is None:
            return
        process = await self._wiring.guard.spawn(self._command(SETUP, self._system.setup.command))
        try:
            async with asyncio.timeout(SET_UP_WITHIN_S):
                await process.wait()
        except TimeoutError:
            await process.kill()
            late = f"The set-up command was still running after {SET_UP_WITHIN_S:g} s, and it has to end by itself"
            raise UsageError(with_log(process, late)) from None
        process.require()
        if code := process.exit_code:
            raise UsageError(with_log(process, f"The set-up command ended with exit code {code}"))

    async def turn_flag(self, percent: int | None) -> str | None:
        """Run the command that sets the flag (None: clears it); what it said, None if it did not end with exit code 0."""
        assert self._system.flag is not None
        words = self._system.flag.clear if percent is None else self._system.flag.set
        command = self._command(FLAG_COMMAND, [filled(word, {PERCENT: str(percent)}) for word in words])
        self.journal.note(FLAG_COMMAND, "started", detail=" ".join(command.argv[1:]))
        process = await self._wiring.guard.spawn(command)
        try:
            async with asyncio.timeout(TURNED_WITHIN_S):
                code = await process.wait()
        except TimeoutError:
            await process.kill()
            code = await process.wait()
        process.require()
        said = process.tail(1)
        self.journal.note(FLAG_COMMAND, "exited", detail=said, ended=(code, None))
        return said if code == 0 else None

    async def start_all(self) -> None:
        """Start every process and wait until all are ready. Raises UsageError with the end of a log if one is not."""
        await all_of(self.start(name) for name in self.names())
        for name, process in self._processes.items():
            if process.exit_code is not None:
                process.require()
                raise UsageError(with_log(process, f"{name} ended with exit code {process.exit_code} at its start"))
        self._all_started = True

    async def start(self, name: str) -> None:
        """Start one process, unless it runs, and wait until it is ready. Raises UsageError if it does not get there."""
        kind = self._kind(name)
        async with self._turns[name]:
            if self.is_alive(name):
                return
            process = await self._wiring.guard.spawn(self._command(name, kind.command))
            self._processes[name] = process
            self._look_after(name, process)
        await await_ready(process, lambda: self._missing(name, kind), within_s=READY_WITHIN_S, every_s=POLL_S)
        if process.exit_code is None:
            self._ready[name] = True
            self._wiring.journal.note(name, "started", detail=f"pid {process.pid}")

    async def start_again(self, name: str) -> str:
        """Start one process once the traffic has begun: how it came back, in words.

        That it does not is a fact about the service: it is recorded, and the run goes on.
        """
        before = self._processes[name]
        try:
            await self.start(name)
        except UsageError as error:
            if self._processes[name] is not before and self._processes[name] in self._ends_wanted:
                return "it was ended again before it was ready"
            self._wiring.journal.note(name, "not restarted", detail=str(error))
            return f"it did not come back: {str(error).splitlines()[0]}"
        return f"now pid {self.pid(name)}"

    async def kill(self, name: str) -> bool:
        """kill -9; False if it had ended before."""
        async with self._turns[name]:
            process = self._processes[name]
            if process.exit_code is not None:
                return False
            self._ends_wanted.add(process)
            killed = await process.kill()
            if not killed:  # it was faster, and ended by itself
                self._ends_wanted.discard(process)
                self._look_after(name, process)
        if killed:
            self._wiring.journal.note(name, "killed", detail=f"pid {process.pid}")
        return killed

    async def freeze(self, name: str) -> bool:
        """SIGSTOP; False if it had ended before."""
        frozen = await self._processes[name].freeze()
        if frozen:
            self._wiring.journal.note(name, "frozen", detail=f"pid {self.pid(name)}")
        return frozen

    async def resume(self, name: str, *, pid: int) -> bool:
        """SIGCONT to the process that had this pid; False if it ended meanwhile."""
        process = self._processes[name]
        resumed = process.pid == pid and await process.resume()
        if resumed:
            self._wiring.journal.note(name, "resumed", detail=f"pid {self.pid(name)}")
        return resumed

    async def terminate(self, name: str, *, within_s: float) -> int | None:
        """SIGTERM, and SIGKILL if it is still there after `within_s`; its exit code, None if it had ended before."""
        async with self._turns[name]:
            process = self._processes[name]
            if process.exit_code is not None:
                return None
            self._ends_wanted.add(process)
        told_s = time.monotonic()
        self._wiring.journal.note(name, "terminated", detail=f"pid {process.pid}")
        code = await process.terminate(within_s=within_s)
        self._wiring.journal.note(name, "exited", ended=(code, time.monotonic() - told_s))
        self._ready[name] = False
        return code

    def upgrade(self, name: str) -> bool:
        """From its next start on it is the next version; False if it is already."""
        was, self._upgraded = name in self._upgraded, self._upgraded | {name}
        return not was

    async def close(self) -> None:
        """Look after nothing any more; the guardian ends the processes."""
        for supervisor in self._supervisors.values():
            supervisor.cancel()
        await asyncio.gather(*self._supervisors.values(), return_exceptions=True)
        await self._http.aclose()

    def _kind(self, name: str) -> Kind:
        kind = self._system.api if name.startswith("api-") else self._system.worker
        assert kind is not None, name
        return kind

    def _command(self, name: str, words: list[str]) -> Command:
        values = {**self._wiring.placeholders(name), "port": str(self._wiring.ports.get(name, 0))}
        program, *arguments = [filled(word, values) for word in words]
        own = {key: filled(value, values) for key, value in self._system.env_of(is_upgraded=name in self._upgraded).items()}
        return Command(
            name=name,
            argv=[*self._python(name), *arguments] if program == "python" else [program, *arguments],
            env={**os.environ, "PYTHONUNBUFFERED": "1", **own},
            cwd=self._system.path.parent,
            log=self._wiring.logs / f"{name}.log",
        )

    def _python(self, name: str) -> list[str]:
        """The interpreter, with the flaw planted if there is one and the process is one of the service's own."""
        if not self._wiring.flaw or name in (SETUP, FLAG_COMMAND):
            return [sys.executable]
        return [sys.executable, "-P", planted.PROGRAM, str(Path(self._wiring.flaw).resolve())]

    async def _missing(self, name: str, kind: Kind) -> str:
        """What a process still lacks to be ready; "" if nothing."""
        port = self._wiring.ports[name]
        if kind.ready is not None:
            try:
                answer = await self._http.get(f"http://127.0.0.1:{port}{kind.ready}")
            except httpx.HTTPError as error:
                return f"GET {kind.ready} on port {port} failed ({type(error).__name__}: {error})"
            return "" if answer.status_code == 200 else f"GET {kind.ready} was answered {answer.status_code}, not 200"
        return await missing_listener(port) if kind is self._system.api else ""

    def _look_after(self, name: str, process: Process) -> None:
        if previous := self._supervisors.get(process):
            previous.cancel()
        self._supervisors[process] = asyncio.create_task(self._supervise(name, process), name=f"supervisor of {name}")

    async def _supervise(self, name: str, process: Process) -> None:
        """Start it again when it ends by itself: a new incarnation has a supervisor of its own."""
        code = await process.wait()
        self._ready[name] = False
        if process in self._ends_wanted or not self._all_started:
            return
        self._wiring.journal.note(name, "exited", detail="by itself", ended=(code, None))
        await asyncio.sleep(BEFORE_RESTART_S)
        await self.start_again(name)


def names(system: System, *roles: str) -> list[str]:
    """The names of a system's processes, of these roles or of all, in order."""
    counts = system.processes
    return [f"{role}-{number}" for role in roles or counts for number in range(counts.get(role, 0))]


async def all_of(steps: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run side by side; the first StackBrokenError or UsageError stops the others and is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for step in steps:
                group.create_task(step)
    except ExceptionGroup as errors:  # not `except*`: Python 3.11.2 wraps what is raised there into a group again
        told = [error for kind in (StackBrokenError, UsageError) for error in errors.exceptions if isinstance(error, kind)]
        raise (told[0] if told else errors) from None


async def missing_listener(port: int, address: str = "127.0.0.1") -> str:
    """ "" if something listens on a port of this machine, else a sentence that says so."""
    try:
        async with asyncio.timeout(CONNECTS_WITHIN_S):
            _, writer = await asyncio.open_connection(address, port)
    except OSError:  # a time-out is one too
        return f"nothing listens on its port {port}"
    writer.close()
    return ""
