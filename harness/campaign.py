"""Many executions side by side, each in a process of a small pool: one seed or a hundred thousand, simulated or real.

A seed whose fault did not bite proved nothing: it is counted and another one is drawn, at most as many again as were wanted.
A pool process dies with the harness, however that ends; what a real world started dies with its guardian.
"""

from __future__ import annotations

import ctypes
import dataclasses
import logging
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harness.archive import Campaign, Execution, RunFolder
from harness.runner import Order, execute
from harness.verdict import Ruling

REAL_AT_ONCE = 4  # stacks side by side on two cores: they mostly wait
SEEDS_A_BATCH = 5
DRAWN_AT_MOST = 2  # times as many seeds as wanted
PR_SET_PDEATHSIG = 1
STOP_SECONDS = 8.0

Watch = Callable[[Execution], None]


@dataclass(slots=True)
class Draw:
    """Seeds of one scenario: how many must bite, how many were drawn, and what came of them."""

    first: Order
    wanted: int
    drawn: int = 0
    executions: list[Execution] = field(default_factory=list)

    @property
    def draws_again(self) -> bool:
        """Whether a seed that did not bite is replaced; one that was asked for by its number is not."""
        return self.first.world == "simulated" and self.wanted > 1

    def batches(self) -> Iterator[tuple[Order, ...]]:
        """The next orders, a few seeds at a time, until enough have bitten or too many were drawn."""
        size = 1 if self.first.world == "real" else SEEDS_A_BATCH
        missed = sum(execution.no_bite for execution in self.executions) if self.draws_again else 0
        goal = min(self.wanted + missed, self.wanted * DRAWN_AT_MOST)
        while self.drawn < goal:
            yield from self._next(size, goal=goal)

    def _next(self, size: int, *, goal: int) -> Iterator[tuple[Order, ...]]:
        """One batch of at most `size` seeds, none beyond `goal` of them."""
        seeds = range(self.drawn, min(self.drawn + size, goal))
        if seeds:
            self.drawn = seeds.stop
            yield tuple(dataclasses.replace(self.first, seed=self.first.seed + seed) for seed in seeds)

    def row(self) -> Campaign:
        """Everything in one row."""
        command = self.first.repeat + (f" --seeds {self.wanted}" if self.wanted > 1 else "")
        return Campaign.of(self.executions, wanted=self.wanted, repeat=command, wall_s=sum(one.wall_s for one in self.executions))


def run(draws: Sequence[Draw], *, folder: Path, watch: Watch) -> None:
    """Execute every draw, its seeds from its first order's on; simulated ones on every core, real ones four at a time.

    A real one that this machine was too busy to decide is tried once more, alone. `watch` is called as each ends. Histories are
    kept in `folder` of every real execution, of every simulated one that did not hold, and of the first that did. Raises
    UsageError as `runner.execute` does, and KeyboardInterrupt once all is stopped; `draws` then hold what had ended.
    """
    for world in ("simulated", "real"):
        chosen = [draw for draw in draws if draw.first.world == world]
        if chosen:
            with pool_of(REAL_AT_ONCE if world == "real" else os.cpu_count() or 1) as pool:
                _exhaust(pool, chosen, folder=folder, watch=watch)
        if world == "real" and sum(len(draw.executions) for draw in chosen) > 1:
            _try_again(chosen, folder=folder, watch=watch)


def _exhaust(pool: ProcessPoolExecutor, draws: Sequence[Draw], *, folder: Path, watch: Watch) -> None:
    under_way: dict[Future[list[Execution]], Draw] = {}

    def hand_out(draw: Draw) -> None:
        for batch in draw.batches():
            under_way[pool.submit(_work, batch, folder)] = draw

    for draw in draws:
        hand_out(draw)
    while under_way:
        done, _ = wait(under_way, return_when=FIRST_COMPLETED)
        for future in done:
            draw = under_way.pop(future)
            for execution in future.result():
                draw.executions.append(execution)
                watch(execution)
            hand_out(draw)


def _try_again(draws: Sequence[Draw], *, folder: Path, watch: Watch) -> None:
    """Once more, alone, what this machine was too busy to decide while other stacks ran beside it; the second try counts."""
    busy = [(draw, number) for draw in draws for number, one in enumerate(draw.executions) if one.noisy]
    with pool_of(1) as pool:
        for draw, number in busy:
            first = draw.executions[number]
            (again,) = pool.submit(_work, (dataclasses.replace(draw.first, seed=first.seed),), folder).result()
            if first.folder:
                RunFolder(folder).set_aside(first.folder)
            draw.executions[number] = dataclasses.replace(again, tries=2)
            watch(draw.executions[number])


def _work(orders: Sequence[Order], folder: Path) -> list[Execution]:
    """In a pool process: execute, and keep what somebody will want to look at."""
    with stoppable():
        return [_execute_and_keep(order, RunFolder(folder)) for order in orders]


@contextmanager
def stoppable() -> Iterator[None]:
    """In a pool process: told to stop, what runs inside cleans up, and the process ends."""
    signal.signal(signal.SIGTERM, _interrupted)
    try:
        yield
    except KeyboardInterrupt:  # worlds have cleaned up on the way here, and nobody waits for an answer
        os._exit(1)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _execute_and_keep(order: Order, run: RunFolder) -> Execution:
    if order.world == "real":
        place = run.execution_folder(order.label, order.world, order.seed)
        performed = execute(order, place)
    else:
        performed = execute(order, None)
        if not _is_worth_keeping(performed.execution, run.path):
            return performed.execution
        place = run.execution_folder(order.label, order.world, order.seed)
    if performed.history is None:
        place.rmdir()
        return performed.execution
    run.keep(performed.history, place)
    return dataclasses.replace(performed.execution, folder=run.relative(place))


def _is_worth_keeping(execution: Execution, run: Path) -> bool:
    if execution.no_bite or execution.ruling is Ruling.NOT_APPLICABLE:
        return False
    return execution.ruling is not Ruling.HELD or not any(run.glob(f"scenarios/{execution.name}-simulated-*"))


@contextmanager
def pool_of(at_once: int) -> Iterator[ProcessPoolExecutor]:
    """A pool whose processes are stopped, not waited for, when something goes wrong here."""
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(at_once, mp_context=context, initializer=_die_with, initargs=(os.getpid(),))
    try:
        yield pool
    except BaseException:
        _stop(pool)
        raise
    pool.shutdown()


def _die_with(parent: int) -> None:
    """In a pool process: end when the harness does, and let Ctrl-C be the harness' business."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.lastResort = (
        logging.NullHandler()
    )  # what a killed simulated process leaves may log when it is swept up: on nobody's terminal
    if os.getppid() != parent:
        os._exit(1)


def _interrupted(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _stop(pool: ProcessPoolExecutor) -> None:
    """Tell every process to clean up, and kill what has not ended in time."""
    processes = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for process in processes:
        process.join(max(0.0, deadline - time.monotonic()))
        if process.is_alive():
            process.kill()
