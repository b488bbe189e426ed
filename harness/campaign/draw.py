"""Seeds of one scenario: which come next, and what came of those that have ended.

A seed whose fault did not bite proved nothing: it is counted and another one is drawn, at most as many again as were wanted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from harness.campaign.shard import Shard, row_of, summed
from harness.results import Campaign, Execution
from harness.runner import Order
from harness.verdict import Ruling

SEEDS_A_BATCH = 5
DRAWN_AT_MOST = 2  # times as many seeds as wanted


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
