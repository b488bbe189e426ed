"""One of several equal parts of a campaign's seeds, and rows of several parts added up.

A shard takes every n-th seed, not a stretch of them: seeds drawn again, when a fault did not bite, then collide with no other's.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from dataclasses import dataclass

from harness.results import Campaign, Execution, total


@dataclass(frozen=True, slots=True)
class Shard:
    """The `number`-th of `of` parts, counted from 1."""

    number: int = 1
    of: int = 1

    @classmethod
    def parse(cls, text: str) -> Shard:
        """The shard of "3/8". Raises ValueError if it is none."""
        found = re.fullmatch(r"(\d+)/(\d+)", text)
        shard = cls(*map(int, found.groups())) if found else cls(0, 0)
        if not 1 <= shard.number <= shard.of:
            raise ValueError(f"expected a part of several, such as 3/8, not '{text}'")
        return shard

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    @property
    def is_whole(self) -> bool:
        """Whether there is no other part."""
        return self.of == 1

    def share(self, seeds: int) -> int:
        """How many of so many seeds are in this part."""
        return len(range(self.number - 1, seeds, self.of))

    def seed(self, number: int, *, first: int) -> int:
        """The seed this part draws as its `number`-th, counted from 0, in a campaign that begins with `first`."""
        return first + self.number - 1 + self.of * number

    def number_of(self, seed: int, *, first: int) -> int:
        """The inverse of `seed`."""
        return (seed - first - self.number + 1) // self.of


def summed(rows: Iterable[Campaign]) -> Campaign | None:
    """Rows of one scenario, world and system in one; None without any. What else a row says is the first one's."""
    parts = list(rows)
    if len(parts) < 2:
        return parts[0] if parts else None
    counting = [row for row in parts if row.counts]
    return dataclasses.replace(
        parts[0],
        held=sum(row.held for row in parts),
        no_bite=sum(row.no_bite for row in parts),
        wanted=sum(row.wanted for row in parts),
        violated=sum(row.violated for row in parts),
        unknown=sum(row.unknown for row in parts),
        cpu_s=round(sum(row.cpu_s for row in parts), 3),
        wall_s=round(sum(row.wall_s for row in parts), 3),
        counts={key: total(counting, key) for key in counting[0].counts} if counting else {},
    )


def row_of(executions: Iterable[Execution]) -> Campaign | None:
    """The executions of one scenario, world and system in one row; None without any."""
    return summed(Campaign.of([one], wall_s=one.wall_s) for one in executions)
