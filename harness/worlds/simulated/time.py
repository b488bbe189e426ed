"""Virtual time: an asyncio event loop whose clock jumps to the next thing to do.

A handle belongs to the process whose context it carries: handles of a dead process never run (and are kept, so that no
`finally` runs either), handles of a frozen one wait until it thaws. `simulate` is the way in; what is closed to the
service meanwhile (entropy, threads, the wall clock) is in `confinement.py`, processes are in `processes.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import heapq
from asyncio.events import Handle, TimerHandle
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import Any, NoReturn, Protocol, TypeVar, TypeVarTuple, Unpack

from harness.worlds.simulated.confinement import Clock, confined

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
BOOT_S = 1_000.0  # loop.time() at the start: not zero, as no machine's clock is
MOST_STEPS_PER_MOMENT = 200_000  # callbacks without the clock moving: somebody is spinning
SPINNING = "The clock of the simulation stands still: something keeps rescheduling itself without waiting; let it sleep."


class Bearer(Protocol):
    """What the loop must know of the process a handle belongs to."""

    clock_off_s: float

    @property
    def running(self) -> bool: ...

    def keep(self, handle: Handle) -> None: ...


class Network(Protocol):
    """Where `create_connection` leads."""

    async def connect(self, protocol: asyncio.Protocol, host: str, port: int) -> asyncio.Transport: ...


current_process: ContextVar[Bearer | None] = ContextVar("current_process", default=None)


class DeadlockError(RuntimeError):
    """Nothing is scheduled any more although the simulation has not ended, or time has stopped moving."""


class SimulatedTask(asyncio.Task[Any]):
    """A task that hashes to its number, so that sets of tasks iterate alike in every run, and knows its process."""

    number: int
    process: Bearer | None

    def __hash__(self) -> int:
        return self.number


class Step(Handle):
    """A handle, made and cancelled without asking the loop whether it debugs."""

    __slots__ = ()

    def __init__(self, callback: Callable[..., Any], args: Any, context: Context | None) -> None:
        self._context = copy_context() if context is None else context
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = self._source_traceback = None

    def cancel(self) -> None:
        self._cancelled = True
        self._callback = self._args = None  # type: ignore[assignment]


class Timer(TimerHandle):
    """The same for a timer. Cancelled ones are dropped when their time comes; they never move the clock."""

    __slots__ = ()
    __init__ = Step.__init__
    cancel = Step.cancel


class SimulatedLoop(asyncio.BaseEventLoop):
    """An event loop in virtual time: whenever nothing is ready the clock jumps to the next timer.

    Callbacks run in the order they were scheduled, timers in the order of their time, then of their making. `network` is
    set by whoever builds the world; until then connections are refused.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.set_task_factory(self._new_task)
        self.set_exception_handler(self._note_exception)
        self.network: Network | None = None
        self.complaints: list[str] = []  # what asyncio would have logged: exceptions nobody awaited
        self._clock = clock
        self.now_s = BOOT_S  # what `time` tells, for those who ask all the time
        self.get_debug = bool  # type: ignore[method-assign]  # False, without a frame: every handle and future asks
        self._timers: list[tuple[float, int, Handle]] = []
        self._sequence = 0
        self._task_count = 0
        self._steps = 0
        self._over = False
        self.has_wrong_clocks = False  # whether any process tells another time than the machine

    # --- time

    def time(self) -> float:
        """Seconds of virtual time since the simulated machine booted."""
        return self.now_s

    def call_soon(self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None) -> Handle:
        handle = Step(callback, args, context)
        if not self._over:
            self._ready.append(handle)  # type: ignore[attr-defined]
        return handle

    def call_soon_threadsafe(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> Handle:
        return self.call_soon(callback, *args, context=context)

    def call_later(
        self, delay: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> TimerHandle:
        return self.call_at(self.now_s + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> TimerHandle:
        handle: TimerHandle = Timer(callback, args, context)
        handle._when = when  # type: ignore[attr-defined]
        self._sequence += 1
        heapq.heappush(self._timers, (when, self._sequence, handle))
        return handle

    def arrive_at(self, when: float, callback: Callable[..., Any], *args: Any, context: Context) -> None:
        """Like `call_at`, for what comes in from outside the process: a thawed process sees it before its own timers."""
        self._sequence += 1
        heapq.heappush(self._timers, (when, self._sequence, Step(callback, args, context)))

    def resume(self, handles: list[Handle]) -> None:
        """Put back what a frozen process missed: the input that piled up first, then the timers that ran out."""
        handles.sort(key=lambda handle: isinstance(handle, TimerHandle))
        self._ready.extend(handles)  # type: ignore[attr-defined]

    # --- running

    def _run_once(self) -> None:
        """One handle after the other, until somebody stops the loop."""
        ready: deque[Any] = self._ready  # type: ignore[attr-defined]
        while True:
            if not ready:
                self._advance(ready)
            handle = ready.popleft()
            if not handle._cancelled:
                self._steps += 1
                process = handle._context.get(current_process)
                if process is not None and not process.running:
                    process.keep(handle)
                    continue
                if self.has_wrong_clocks:
                    self._clock.show(self.now_s - BOOT_S + (process.clock_off_s if process is not None else 0.0))
                try:  # what Handle._run does, without its frame
                    handle._context.run(handle._callback, *handle._args)
                except (SystemExit, KeyboardInterrupt):
                    raise
                except BaseException as error:
                    self.call_exception_handler({"message": f"Exception in {handle!r}", "exception": error, "handle": handle})
                if self._stopping:  # type: ignore[attr-defined]
                    return
                if self._steps > MOST_STEPS_PER_MOMENT:
                    raise DeadlockError(SPINNING)

    def _advance(self, ready: deque[Any]) -> None:
        timers = self._timers
        while timers and timers[0][2]._cancelled:
            heapq.heappop(timers)
        if not timers:
            raise DeadlockError("Nothing is scheduled any more, yet the simulation has not ended: what it awaits cannot happen.")
        now_s = timers[0][0]
        if now_s > self.now_s:
            self.now_s = now_s
            self._clock.show(now_s - BOOT_S)
            self._steps = 0
        while timers and timers[0][0] <= self.now_s:
            ready.append(heapq.heappop(timers)[2])

    def finish(self) -> None:
        """End the simulation: nothing is scheduled any more, tasks still waiting are closed without running on."""
        self._over = True
        self._ready.clear()  # type: ignore[attr-defined]
        self._timers.clear()
        for task in asyncio.all_tasks(self):
            _close(task)
        self.close()

    def _new_task(self, loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> SimulatedTask:
        context = options.get("context")
        self._task_count += 1
        task = SimulatedTask.__new__(SimulatedTask)
        task.number = self._task_count
        task.process = current_process.get() if context is None else context.get(current_process)
        options["name"] = options.get("name") or f"Task-{self._task_count}"  # asyncio's own counter never starts anew
        task.__init__(coro, loop=loop, **options)  # type: ignore[misc]  # the number must be there before asyncio hashes it
        return task

    def _note_exception(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.complaints.append(f"{context.get('message')}: {context.get('exception')!r}")

    # --- what a simulated process cannot have

    async def create_connection(self, protocol_factory: Any, host: Any = None, port: Any = None, **options: Any) -> Any:
        """Connect through the simulated network. Raises ConnectionRefusedError where nobody listens."""
        protocol = protocol_factory()
        if self.network is None:
            raise ConnectionRefusedError(f"{host}:{port} is not reachable: this simulation has no network.")
        return await self.network.connect(protocol, str(host), int(port or 0)), protocol

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> NoReturn:  # type: ignore[override]
        raise RuntimeError(f"{func!r} wants a thread, and the simulation has none; make it a coroutine.")

    async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> NoReturn:
        raise RuntimeError(f"The simulation has no name service to look up {host!r}; connect by name instead.")

    def _process_events(self, event_list: Any) -> None:
        """The simulation has no sockets."""

    def _write_to_self(self) -> None:
        """There is no selector to wake."""


def _close(task: asyncio.Task[Any]) -> None:
    """End a task's coroutine; whatever its `finally` blocks try has no effect any more."""
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    coroutine = task.get_coro()
    for _ in range(100):  # each `await` in a `finally` block refuses to be closed once
        with contextlib.suppress(BaseException):
            coroutine.close()
            return


def fresh_context(process: Bearer | None) -> Context:
    """A context whose handles belong to `process` (None: to nobody, they always run)."""
    context = copy_context()
    context.run(current_process.set, process)
    return context


def simulate(main: Callable[[], Coroutine[Any, Any, T]], *, seed: int) -> T:
    """Run `main` in virtual time, on a `SimulatedLoop`, and give its result. Everything it changed outside is undone.

    Raises DeadlockError if nothing can happen any more, RuntimeError if called inside a running event loop, and whatever
    `main` raises. The garbage collector rests meanwhile: when it runs would otherwise decide when `finally` blocks do.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        with confined(seed) as clock:
            loop = SimulatedLoop(clock)
            clock.follow(loop.time)
            try:
                return loop.run_until_complete(main())
            finally:
                loop.finish()
    finally:
        if collecting:
            gc.enable()


def running_loop() -> SimulatedLoop:
    """The loop of the simulation this is called in. Raises RuntimeError anywhere else."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop, SimulatedLoop):
        raise RuntimeError("This runs in the simulated world only; start it through `simulate`.")
    return loop
