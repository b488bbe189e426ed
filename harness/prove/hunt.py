"""A hunt: seeds of one scenario with a flaw planted, until the checker meant for it accuses. `campaign` carries it out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from harness.campaign.draw import Draw
from harness.challenge import FLAW, Challenge
from harness.prove.catalogue import Flaw
from harness.results import Execution
from harness.runner import Order
from harness.verdict import Ruling

MOST_AT_ONCE = 20


@dataclass(slots=True)
class Hunt(Draw):
    """Seeds until the flaw is caught, `wanted` at most."""

    flaw: Flaw = field(kw_only=True)

    @classmethod
    def after(cls, flaw: Flaw, *, world: str, seed: int, most: int) -> Hunt:
        """The hunt for a flaw in one world, from a first seed on."""
        order = Order(scenario=flaw.scenario, system=flaw.system, world=world, seed=seed, flaw=flaw.path)
        return cls(order, most, flaw=flaw)

    def stands_alone(self, execution: Execution) -> bool:
        """All of them do: which seed caught the flaw is the question."""
        return True

    def batches(self) -> Iterator[tuple[Order, ...]]:
        """The next seeds once all before have ended: one, then as many again, for most flaws show at once."""
        if self.caught is not None or self.drawn > len(self.executions):
            return
        size = 1 if self.first.world == "real" else min(max(self.drawn, 1), MOST_AT_ONCE)
        yield from self._next(size, goal=self.wanted)

    @property
    def caught(self) -> Execution | None:
        """The execution, of the lowest seed, in which the checker meant for the flaw accused."""
        found = [one for one in self.executions if self.flaw.caught_by in accused_by(one)]
        return min(found, key=lambda one: one.seed, default=None)

    def challenge(self) -> Challenge:
        """What came of it."""
        caught = self.caught
        counted = [one for one in self.executions if caught is None or one.seed <= caught.seed]
        return Challenge(
            kind=FLAW,
            name=self.flaw.name,
            story=self.flaw.story,
            caught_by=self.flaw.caught_by,
            scenario=self.flaw.scenario,
            world=self.first.world,
            system=self.flaw.system,
            ruling=Ruling.HELD if caught else self._why_it_got_away()[0],
            accused=tuple(sorted({name for one in counted for name in accused_by(one)})),
            seeds=len(counted),
            seed=caught.seed if caught else None,
            cpu_s=round(sum(one.cpu_s for one in counted), 3),
            wall_s=round(sum(one.wall_s for one in counted), 3),
            folder=caught.folder if caught else "",
            repeat=caught.repeat if caught else self.first.repeat + f" --seeds {self.wanted}",
            reason="" if caught else self._why_it_got_away()[1],
        )

    def _why_it_got_away(self) -> tuple[Ruling, str]:
        applied = [one for one in self.executions if one.ruling is not Ruling.NOT_APPLICABLE]
        if not applied:
            reasons = [one.reason for one in self.executions]
            return Ruling.UNKNOWN, reasons[0] if reasons else "it was not looked for"
        if all(one.ruling is Ruling.UNKNOWN for one in applied):
            return Ruling.UNKNOWN, applied[0].reason
        return Ruling.VIOLATED, f"{self.flaw.caught_by} saw nothing in {len(applied)} schedules"


def accused_by(execution: Execution) -> set[str]:
    """The checkers that accuse in an execution."""
    return {verdict.checker for verdict in execution.verdicts if verdict.ruling is Ruling.VIOLATED}
