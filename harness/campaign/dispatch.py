"""Many executions side by side, each in a process of a small pool: one seed or a hundred thousand, simulated or real.

Simulated ones may go to somebody else's executor instead, a cluster's say. What a real world started dies with its guardian.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import SimpleQueue

from harness.archive import Execution, RunFolder
from harness.campaign.apart import apart
from harness.campaign.batch import Ended, perform, simulate, simulate_elsewhere
from harness.campaign.draw import Draw
from harness.campaign.origin import Origin
from harness.campaign.pool import pool_of
from harness.runner import Order

REAL_AT_ONCE = 4  # stacks side by side on two cores: they mostly wait
BATCHES_AHEAD = 2  # for each core: nobody waits for the next, and no list grows with the seeds
BATCHES_AT_A_CLUSTER = 1_000  # under way at once, however many cores it has

Watch = Callable[[Execution], None]
Note = Callable[[Draw, Sequence[Execution]], None]


def unnoted(draw: Draw, executions: Sequence[Execution]) -> None:
    """Nobody takes note."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where what has ended goes: histories into `folder`, every batch to `note` once they are there, each execution to `watch`.

    `executor` has simulations executed by somebody else; without one every core of this machine does.
    """

    folder: Path
    watch: Watch
    note: Note = unnoted
    executor: Executor | None = None


def run(draws: Sequence[Draw], desk: Desk) -> None:
    """Execute every draw, its seeds from its first order's on; simulated ones on every core, real ones four at a time.

    A real one that this machine was too busy to decide is tried once more, alone. Histories are kept of every real execution, of
    every simulated one that did not hold, and of the first of each draw that did. Raises UsageError as `runner.execute` does, and
    KeyboardInterrupt once all is stopped; `draws` then hold what had ended.
    """
    simulated = [draw for draw in draws if draw.first.world == "simulated"]
    real = [draw for draw in draws if draw.first.world == "real"]
    if simulated and desk.executor is not None:
        _Hands(desk.executor, desk, most=BATCHES_AT_A_CLUSTER).exhaust(simulated)
    elif simulated:
        cores = os.cpu_count() or 1
        with pool_of(cores) as pool:
            _Hands(pool, desk, most=BATCHES_AHEAD * cores).exhaust(simulated)
    if real:
        with pool_of(REAL_AT_ONCE) as pool:
            _Hands(pool, desk, most=BATCHES_AHEAD * REAL_AT_ONCE).exhaust(real)
        if sum(draw.ended for draw in real) > 1:
            _try_again(real, desk)


class _Hands:
    """Hands batches out to an executor, `most` at a time, and takes in what comes of them."""

    def __init__(self, executor: Executor, desk: Desk, *, most: int) -> None:
        self._executor, self._desk, self._most = executor, desk, most
        self._under_way: dict[Future[list[Ended]], tuple[Draw, bool]] = {}
        self._ended: SimpleQueue[Future[list[Ended]]] = SimpleQueue()
        self._asked: set[int] = set()  # draws of which one that holds is on its way here, if there is one
        self._origins: dict[int, Origin] = {}

    def exhaust(self, draws: Sequence[Draw]) -> None:
        """Until no draw has another batch."""
        try:
            while self._hand_out(draws):
                self._take(self._ended.get())
        except BaseException:
            for future in self._under_way:
                future.cancel()
            raise

    def _hand_out(self, draws: Sequence[Draw]) -> bool:
        """False if there is nothing under way any more."""
        while len(self._under_way) < self._most:
            draw, orders = next(_waiting(draws), (None, ()))
            if draw is None:
                break
            keep_held = not draw.kept_one_that_held and id(draw) not in self._asked
            if keep_held:
                self._asked.add(id(draw))
            future = self._executor.submit(self._work(draw, keep_held=keep_held), orders)
            self._under_way[future] = (draw, keep_held)
            future.add_done_callback(self._ended.put)
        return bool(self._under_way)

    def _work(self, draw: Draw, *, keep_held: bool) -> Callable[[Sequence[Order]], list[Ended]]:
        if draw.first.world == "real":
            return partial(perform, folder=self._desk.folder)
        if self._desk.executor is None:
            return partial(simulate, keep_held=keep_held)
        if id(draw) not in self._origins:
            self._origins[id(draw)] = Origin.of(draw.first)
        return partial(apart, partial(simulate_elsewhere, keep_held=keep_held, origin=self._origins[id(draw)]))

    def _take(self, future: Future[list[Ended]]) -> None:
        draw, asked = self._under_way.pop(future)
        executions = [_kept(one, self._desk.folder, label=draw.first.label) for one in future.result()]
        if asked:
            self._asked.discard(id(draw))
        self._desk.note(draw, executions)
        for execution in executions:
            draw.take(execution)
            self._desk.watch(execution)


def _waiting(draws: Sequence[Draw]) -> Iterator[tuple[Draw, tuple[Order, ...]]]:
    return ((draw, orders) for draw in draws for orders in draw.batches())


def _kept(one: Ended, folder: Path, *, label: str) -> Execution:
    """An execution whose history, if there is one, stands in the run's folder."""
    if not one.history:
        return one.execution
    run = RunFolder(folder)
    place = run.execution_folder(label, one.execution.world, one.execution.seed)
    run.keep_lines(one.history, place)
    return dataclasses.replace(one.execution, folder=run.relative(place))


def _try_again(draws: Sequence[Draw], desk: Desk) -> None:
    """Once more, alone, what this machine was too busy to decide while other stacks ran beside it; the second try counts."""
    busy = [(draw, number) for draw in draws for number, one in enumerate(draw.executions) if one.noisy and one.tries == 1]
    with pool_of(1) as pool:
        for draw, number in busy:
            first = draw.executions[number]
            order = dataclasses.replace(draw.first, seed=first.seed)
            (again,) = pool.submit(perform, (order,), folder=desk.folder).result()
            if first.folder:
                RunFolder(desk.folder).set_aside(first.folder)
            draw.executions[number] = dataclasses.replace(again.execution, tries=2)
            desk.note(draw, [draw.executions[number]])
            desk.watch(draw.executions[number])
