"""Executions step by step, with a bar and a line for what begins, and the words for where somebody interrupted them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field

from harness.archive import Execution, RunFolder
from harness.campaign import dispatch
from harness.campaign.dispatch import Desk
from harness.campaign.draw import Draw
from harness.campaign.shard import Shard
from harness.runner import Order
from harness.verbs.display import announce, news_of, progress


@dataclass(frozen=True, slots=True)
class Step:
    """Draws that are carried out together, and what begins when they do, in a line."""

    story: str
    draws: Sequence[Draw]
    news: Callable[[Execution], str] = news_of  # the line that tells of an execution that has ended, "" for none


@dataclass(frozen=True, slots=True)
class Job:
    """Orders of one world that run with so many seeds each."""

    orders: tuple[Order, ...]
    seeds: int
    shard: Shard = field(default_factory=Shard)

    @property
    def story(self) -> str:
        """What begins when this does, in a line."""
        what = self.orders[0].scenario if len(self.orders) == 1 else f"{len(self.orders)} scenarios"
        many = f", {self.seeds:,} seeds{' each' if len(self.orders) > 1 else ''}" if self.seeds > 1 else ""
        many += "" if self.shard.is_whole else f", shard {self.shard}"
        if self.orders[0].world == "simulated":
            return f"simulating {what}{many}"
        at_once = f", up to {dispatch.REAL_AT_ONCE} at a time" if len(self.orders) * self.seeds > 1 else ""
        return f"{what} with real processes{many}{at_once}: half a minute to two minutes each"

    def step(self) -> Step:
        """Its draws, to be carried out together."""
        return Step(self.story, [Draw.of_shard(order, seeds=self.seeds, shard=self.shard) for order in self.orders])


def carry_out(
    steps: Sequence[Step], folder: RunFolder, *, note: dispatch.Note = dispatch.unnoted, executor: Executor | None = None
) -> str:
    """Carry out every step's draws, which then hold what came of them; histories are kept in the folder.

    Every few executions that have ended are given to `note`; an `executor` simulates instead of this machine's cores.

    Answers "after 12 of 143 executions" if somebody interrupted it when something had ended already, else "". Raises what
    `dispatch.run` raises otherwise.
    """
    draws = [draw for step in steps for draw in step.draws]
    wanted = sum(draw.wanted for draw in draws)
    doing = steps[0] if steps else None
    try:
        done = sum(draw.ended for draw in draws)
        with progress(wanted, lambda execution: doing.news(execution) if doing else "", done=done) as watch:
            desk = Desk(folder=folder.path, watch=watch, note=note, executor=executor)
            for doing in steps:
                announce(doing.story)
                dispatch.run(doing.draws, desk)
    except KeyboardInterrupt:
        ended = sum(draw.ended for draw in draws)
        if not ended:
            raise
        return f"after {ended} of {max(wanted, ended + 1)} executions"
    return ""


def worth_a_row(draws: Sequence[Draw]) -> list[Execution]:
    """The executions that stand in the results one by one: those asked for alone, and those whose history was kept."""
    return [one for draw in draws for one in draw.executions if not draw.is_campaign or one.folder]
