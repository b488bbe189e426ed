"""Many executions side by side, each in a process of a small pool: one seed or a hundred thousand, simulated or real.

A seed whose fault did not bite proved nothing: it is counted and another one is drawn, at most as many again as were wanted.
Ended ones may go to somebody else's executor instead, a cluster's say. What a real world started dies with its guardian.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from queue import SimpleQueue

from harness.apart import apart
from harness.archive import Campaign, Execution, RunFolder
from harness.batch import Ended, perform, simulate, simulate_elsewhere
from harness.origin import Origin
from harness.pool import pool_of
from harness.runner import Order
from harness.shard import Shard, row_of, summed
from harness.verdict import Ruling

REAL_AT_ONCE = 4  # stacks side by side on two cores: they mostly wait
SEEDS_A_BATCH = 5
BATCHES_AHEAD = 2  # for each core: nobody waits for the next, and no list grows with the seeds
BATCHES_AT_A_CLUSTER = 1_000  # under way at once, however many cores it has
DRAWN_AT_MOST = 2  # times as many seeds as wanted

Watch = Callable[[Execution], None]


@dataclass(slots=True)
class Draw:
    """Seeds of one scenario: how many must bite, how many were drawn, and what came of them.

    Of many seeds those that held are counted in a row and let go; the others stand in `executions`.
    """

    first: Order
    wanted: int  # in this shard
    drawn: int = 0
    executions: list[Execution] = field(default_factory=list)
    shard: Shard = field(default_factory=Shard)
    seeds: int = 0  # in all shards; 0: as many as are wanted here
    counted: Campaign | None = None
    let_go: int = 0  # how many are in it
    skipped: list[int] = field(default_factory=list)  # seeds below `drawn` that are still to be executed

    @classmethod
    def of_shard(cls, first: Order, *, seeds: int, shard: Shard) -> Draw:
        """One shard's share of so many seeds."""
        return cls(first, wanted=shard.share(seeds), shard=shard, seeds=seeds)

    @property
    def is_campaign(self) -> bool:
        """Whether a row stands for its seeds; one that was asked for by its number stands for itself."""
        return self.wanted > 1 or not self.shard.is_whole

    @property
    def draws_again(self) -> bool:
        """Whether a seed that did not bite is replaced."""
        return self.first.world == "simulated" and self.is_campaign

    @property
    def ended(self) -> int:
        """How many seeds were executed."""
        return len(self.executions) + self.let_go

    @property
    def kept_one_that_held(self) -> bool:
        """Whether there is a history to show of what holds."""
        return any(one.folder and one.ruling is Ruling.HELD for one in self.executions)

    def stands_alone(self, execution: Execution) -> bool:
        """Whether an execution is told of by itself, and not only counted."""
        proved = execution.ruling not in (Ruling.HELD, Ruling.NOT_APPLICABLE) and not execution.no_bite
        return not self.is_campaign or bool(execution.folder) or proved

    def take(self, execution: Execution) -> None:
        """One has ended."""
        if self.stands_alone(execution):
            self.executions.append(execution)
        else:
            self.let_go += 1
            self.counted = summed(row for row in (self.counted, row_of([execution])) if row is not None)

    def go_on_after(self, ended: Collection[int]) -> None:
        """These seeds were executed before: draw what lies between them, then on from the last."""
        self.drawn = max((self.shard.number_of(seed, first=self.first.seed) for seed in ended), default=-1) + 1
        drawn = (self.shard.seed(number, first=self.first.seed) for number in range(self.drawn))
        self.skipped = [seed for seed in drawn if seed not in ended]

    def batches(self) -> Iterator[tuple[Order, ...]]:
        """The next orders, a few seeds at a time, until enough have bitten or too many were drawn."""
        size = 1 if self.first.world == "real" else SEEDS_A_BATCH
        while self.skipped:
            again, self.skipped = self.skipped[:size], self.skipped[size:]
            yield self._orders(again)
        goal = min(self.wanted + (self._missed() if self.draws_again else 0), self.wanted * DRAWN_AT_MOST)
        while self.drawn < goal:
            yield from self._next(size, goal=goal)

    def _missed(self) -> int:
        return sum(one.no_bite for one in self.executions) + (self.counted.no_bite if self.counted else 0)

    def _next(self, size: int, *, goal: int) -> Iterator[tuple[Order, ...]]:
        """One batch of at most `size` seeds, none beyond `goal` of them."""
        numbers = range(self.drawn, min(self.drawn + size, goal))
        if numbers:
            self.drawn = numbers.stop
            yield self._orders(self.shard.seed(number, first=self.first.seed) for number in numbers)

    def _orders(self, seeds: Iterable[int]) -> tuple[Order, ...]:
        return tuple(dataclasses.replace(self.first, seed=seed) for seed in seeds)

    @property
    def repeat(self) -> str:
        """The one command that repeats it."""
        seeds = f" --seeds {self.seeds or self.wanted}" if self.is_campaign else ""
        return self.first.repeat + seeds + ("" if self.shard.is_whole else f" --shard {self.shard}")

    def row(self, *, sources: str = "") -> Campaign:
        """Everything in one row. Raises ValueError if nothing has ended."""
        found = summed(row for row in (self.counted, row_of(self.executions)) if row is not None)
        if found is None:
            raise ValueError("a campaign of no executions has no name; leave it out")
        return dataclasses.replace(
            found,
            wanted=self.wanted,
            repeat=self.repeat,
            first_seed=self.first.seed,
            seeds=self.seeds or self.wanted,
            shard="" if self.shard.is_whole else str(self.shard),
            sources=sources,
        )


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
