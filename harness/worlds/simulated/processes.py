"""Simulated processes and what can be done to them: kill -9, SIGSTOP, SIGCONT, SIGTERM.

A process is a context: every handle of the event loop that carries it belongs to it (`time.py`). All that leaves a process
passes `Process.perform`, which numbers it and offers it to a hook, so that a fault can strike at exactly that operation.
"""

from __future__ import annotations

import asyncio
from asyncio.events import Handle
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from harness.worlds.simulated.time import SimulatedLoop, fresh_context

KILLED = -9
SHA1_DIGITS = 40  # what EVALSHA names a script by


class Connection(Protocol):
    """One end of a connection a process holds; it learns when the process is gone."""

    def orphaned(self) -> None: ...


Hook = Callable[["Process", str], bool]


class Operations:
    """Numbers every I/O operation of every process.

    `hook(process, description)` is asked at each: it may kill or freeze the process at that very point, and answers whether
    the operation still leaves the machine.
    """

    def __init__(self) -> None:
        self.count = 0
        self.hook: Hook | None = None

    def offer(self, process: Process, kind: str, payload: bytes) -> bool:
        """Count one operation; False if it does not leave the machine."""
        self.count += 1
        return self.hook is None or self.hook(process, f"{kind} {_gist(payload)}".rstrip())


class Process:
    """One incarnation of one simulated process; a restart is a new `Process` of the same name.

    `exit_code` is None while it lives, KILLED after kill -9, what its main left otherwise (0, or 1 if it raised).
    """

    def __init__(self, loop: SimulatedLoop, operations: Operations, *, name: str, role: str, incarnation: int = 1) -> None:
        self.name = name
        self.role = role
        self.incarnation = incarnation
        self.alive = True
        self.frozen = False
        self.clock_off_s = 0.0  # how much later than the others' its wall clock is
        self.running = True  # alive and not frozen: whether the loop runs its handles
        self.terminated = asyncio.Event()
        self.ended = asyncio.Event()
        self.exit_code: int | None = None
        self.error = ""
        self.context = fresh_context(self)
        self._loop = loop
        self._operations = operations
        self._connections: dict[Connection, None] = {}
        self._missed: list[Handle] = []
        self._kept: list[Any] = []  # what a killed process leaves: referenced for ever, so that no `finally` of it runs

    def __repr__(self) -> str:
        return f"<{self.name} #{self.incarnation} {'frozen' if self.frozen else 'alive' if self.alive else 'dead'}>"

    def start(self, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run `main` as this process; when it returns or raises, the process has exited."""
        self._loop.call_soon(lambda: self._loop.create_task(self._run(main)), context=self.context)

    async def _run(self, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await main()
        except (Exception, asyncio.CancelledError) as error:
            self.error = f"{type(error).__name__}: {error}"
            self._end(1)
        else:
            self._end(0)

    def kill(self) -> None:
        """kill -9: nothing of it runs any more, not even `finally`; what it had written still arrives, its peers see a FIN."""
        if self.alive:
            self._end(KILLED)

    def _end(self, exit_code: int) -> None:
        self.alive = self.running = self.frozen = False
        self.exit_code = exit_code
        self._kept.extend(task for task in asyncio.all_tasks(self._loop) if getattr(task, "process", None) is self)
        self._kept.extend(self._missed)
        # After the operation at which a fault struck, if that still leaves: a FIN never overtakes the data before it.
        self._loop.call_soon(self._close_connections, context=fresh_context(None))

    def _close_connections(self) -> None:
        connections, self._connections = self._connections, {}
        for connection in connections:
            connection.orphaned()
        self.ended.set()

    def freeze(self) -> None:
        """SIGSTOP: it does nothing until `thaw`; what is sent to it piles up."""
        if self.alive:
            self.frozen, self.running = True, False

    def thaw(self) -> None:
        """SIGCONT: it goes on where it was, with everything it missed at once."""
        if self.frozen:
            self.frozen, self.running = False, True
            missed, self._missed = self._missed, []
            self._loop.resume(missed)

    def set_clock(self, off_s: float) -> None:
        """Let its wall clock be so many seconds off; its monotonic clock goes on as before."""
        self.clock_off_s = off_s
        self._loop.has_wrong_clocks = True

    def terminate(self) -> None:
        """SIGTERM: ask it to finish or hand back what it holds, and to return."""
        self._loop.call_soon(self.terminated.set, context=self.context)

    def keep(self, handle: Handle) -> None:
        """Take a handle that cannot run: for later if frozen, for ever if dead."""
        (self._missed if self.frozen else self._kept).append(handle)

    def hold(self, connection: Connection) -> None:
        """Tell `connection` when this process is gone."""
        self._connections[connection] = None

    def release(self, connection: Connection) -> None:
        """Forget a connection that was closed."""
        self._connections.pop(connection, None)

    def perform(self, kind: str, payload: bytes, action: Callable[[], None]) -> None:
        """Let one I/O operation leave the process: now, on thawing, or never.

        A dead or frozen process still runs to its next `await` in the callback in which it was struck; hence the checks.
        """
        if not self.alive:
            return
        if self.frozen:
            self._loop.call_soon(self.perform, kind, payload, action, context=self.context)
            return
        leaves = self._operations.offer(self, kind, payload)
        if leaves or self.running:
            action()
        elif self.frozen:
            self._loop.call_soon(action, context=self.context)


def _gist(payload: bytes) -> str:
    """The name of a RESP command, else the first few characters: for people who read a failing plan."""
    if payload.startswith(b"*"):
        words = [word.decode("ascii", "replace") for word in payload.split(b"\r\n", 6)[2:5:2]]
        return " ".join(word[:8] if len(word) == SHA1_DIGITS else word for word in words)[:60]
    return payload[:60].decode("ascii", "replace")
