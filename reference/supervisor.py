"""Keeps as many workers as the backlog needs, where no orchestrator does: ``python -m reference supervise --min 1 --max 4``.

The backlog that counts is the length of the stream, what is unread and what is in hand: the number the KEDA ScaledObject of
``deploy/kubernetes`` looks at. What waits for a time or for mail to go out again does not count: workers would not hasten it.
More workers come at once, fewer only after a while of calm. Where to go next: ``worker`` (what each does, and how it leaves).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import math
import signal
import sys
from asyncio.subprocess import Process
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from redis.asyncio import Redis

from reference.connection import QUEUE_ERRORS, STREAM, call, connect
from reference.settings import Settings

_log = logging.getLogger(__name__)

_LOOK_EVERY_SECONDS = 1.0
_CALL_SECONDS = 2.0
_KILL_MARGIN_SECONDS = 2.0


@dataclass(frozen=True)
class Rule:
    """How many workers a backlog needs: one for every ``per_worker`` entries, within bounds.

    At least one: what waits in the delayed set is brought back by workers, and is in no stream's length.
    """

    at_least: int
    at_most: int
    per_worker: int

    def wanted(self, backlog: int) -> int:
        """The number of workers for ``backlog`` entries."""
        return min(max(math.ceil(backlog / self.per_worker), self.at_least), self.at_most)


class Calm:
    """The most that was wanted within the last ``seconds``: so a backlog that comes in waves does not stop and start workers."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._wanted: deque[tuple[float, int]] = deque()

    def most(self, wanted: int, *, now: float) -> int:
        """The most of ``wanted`` and of what was wanted since ``seconds`` before ``now``."""
        self._wanted.append((now, wanted))
        while self._wanted[0][0] < now - self._seconds:
            self._wanted.popleft()
        return max(number for _, number in self._wanted)


class Crew:
    """The workers, each in a slot of its own, which gives it its metrics port; ``start`` makes the worker of a slot."""

    def __init__(self, start: Callable[[int], Awaitable[Process]], *, leave_seconds: float) -> None:
        self._start = start
        self._leave_seconds = leave_seconds
        self._working: dict[int, Process] = {}
        self._leaving: dict[int, asyncio.Task[None]] = {}

    def __len__(self) -> int:
        return len(self._working)

    async def resize(self, count: int) -> None:
        """Start or dismiss workers until there are ``count``; whoever died is replaced."""
        for slot, worker in list(self._working.items()):
            if worker.returncode is not None:
                _log.error("worker %d ended by itself with %d; its entries will be reclaimed", slot, worker.returncode)
                del self._working[slot]
        for slot in sorted(self._working, reverse=True)[: max(0, len(self) - count)]:
            self._dismiss(slot)
        while len(self) < count:
            slot = self._free_slot()
            self._working[slot] = await self._start(slot)
            _log.info("worker %d started, pid %d", slot, self._working[slot].pid)

    async def dismiss_all(self) -> None:
        """Dismiss every worker and return when all are gone."""
        for slot in list(self._working):
            self._dismiss(slot)
        await asyncio.gather(*self._leaving.values())

    def _free_slot(self) -> int:
        taken = self._working.keys() | self._leaving.keys()
        return next(slot for slot in range(len(taken) + 1) if slot not in taken)

    def _dismiss(self, slot: int) -> None:
        self._leaving[slot] = asyncio.create_task(self._leave(slot, self._working.pop(slot)))

    async def _leave(self, slot: int, worker: Process) -> None:
        """SIGTERM lets it finish or hand back; SIGKILL, for one that does not answer, leaves its entries to be reclaimed."""
        _log.info("worker %d is told to stop", slot)
        with contextlib.suppress(ProcessLookupError):
            worker.terminate()
        try:
            async with asyncio.timeout(self._leave_seconds):
                await worker.wait()
        except TimeoutError:
            _log.error("worker %d did not stop within %g s and is killed", slot, self._leave_seconds)
            with contextlib.suppress(ProcessLookupError):
                worker.kill()
            await worker.wait()
        del self._leaving[slot]


class Need:
    """How many workers are needed now; while Redis cannot say, as many as there are."""

    def __init__(self, rule: Rule, backlog: Callable[[], Awaitable[int]], *, calm_seconds: float) -> None:
        self._rule = rule
        self._backlog = backlog
        self._calm = Calm(calm_seconds)

    async def workers(self, *, at_work: int) -> int:
        """The number of workers, of which ``at_work`` are there."""
        try:
            wanted = self._rule.wanted(await self._backlog())
        except QUEUE_ERRORS as error:
            _log.warning("the backlog is unknown, %d workers stay: %s", at_work, error)
            return max(at_work, self._rule.at_least)
        return self._calm.most(wanted, now=asyncio.get_running_loop().time())


async def keep(crew: Crew, need: Need, *, terminated: asyncio.Event) -> None:
    """Give ``crew`` the size that is needed until ``terminated``, then dismiss it."""
    try:
        while not terminated.is_set():
            await crew.resize(await need.workers(at_work=len(crew)))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY_SECONDS):
                    await terminated.wait()
    finally:  # whatever happened (no process could be started, say), nobody is left without a supervisor
        await crew.dismiss_all()


def worker_command(slot: int, *, first_port: int | None) -> list[str]:
    """The command of the worker in ``slot``; with ``first_port`` each serves its metrics on a port of its own."""
    port = [] if first_port is None else ["--port", str(first_port + slot)]
    return [sys.executable, "-m", "reference", "worker", *port]


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``supervise``."""
    parser.add_argument("--min", type=_positive, default=1, help="workers that are always there")
    parser.add_argument("--max", type=_positive, default=4, help="workers there are at most")
    parser.add_argument("--per-worker", type=_positive, help="entries one worker is for (what it takes in hand: 2 x BATCH_SIZE)")
    parser.add_argument("--calm-seconds", type=float, default=60.0, help="a worker is dismissed after so long without need")
    parser.add_argument("--first-port", type=_positive, help="metrics port of the first worker; the others have the next ones")


async def main(settings: Settings, options: argparse.Namespace) -> int:
    """Supervise until SIGTERM or SIGINT; answers the exit code."""
    if not settings.redis_url:
        print("Bad settings: REDIS_URL is not set; the supervisor needs the queue's URL.", file=sys.stderr)
        return 2
    if options.min > options.max:
        print(f"--min {options.min} is above --max {options.max}; make it smaller.", file=sys.stderr)
        return 2
    terminated = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, terminated.set)
    redis = connect(settings.redis_url, timeout_seconds=_CALL_SECONDS, connect_timeout_seconds=_CALL_SECONDS)
    rule = Rule(options.min, options.max, options.per_worker or settings.most_in_hand)
    need = Need(rule, lambda: _backlog(redis), calm_seconds=options.calm_seconds)
    crew = Crew(lambda slot: _start(slot, options.first_port), leave_seconds=settings.drain_seconds + _KILL_MARGIN_SECONDS)
    async with redis:
        await keep(crew, need, terminated=terminated)
    return 0


async def _start(slot: int, first_port: int | None) -> Process:
    return await asyncio.create_subprocess_exec(*worker_command(slot, first_port=first_port))


def longest_end_seconds(settings: Settings) -> float:
    """From SIGTERM to its end, at most: it may have to connect to Redis and ask. Who runs it must not kill it sooner."""
    return 2 * _CALL_SECONDS + settings.drain_seconds + _KILL_MARGIN_SECONDS


async def _backlog(redis: Redis) -> int:
    return int(await call(redis, "XLEN", STREAM))


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number above 0")
    return int(text)
