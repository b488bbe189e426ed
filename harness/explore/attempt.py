"""Perform one trial and say what came of it, in few words that travel between processes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from harness import systems
from harness.explore.coverage import Coverage, coverage_of
from harness.explore.trial import NAME, Trial, scenario_of
from harness.results import Execution
from harness.runner import Order, Performed, execute
from harness.tally import Counts
from harness.verdict import Ruling

NEVER_RESTS = "world_came_to_rest"
_NUMBER = re.compile(r"\d+(\.\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is explored, as plain words."""

    system: str
    world: str
    flaw: str = ""


class Charge(NamedTuple):
    """A checker and what it said that it should not have said."""

    checker: str
    ruling: Ruling


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a trial."""

    trial: Trial
    ruling: Ruling
    charges: tuple[Charge, ...]  # what it is a find for; empty if it is none
    reason: str  # why it could not be decided, without its numbers
    coverage: Coverage
    counts: Counts
    cpu_s: float

    @property
    def proved_nothing(self) -> bool:
        """Whether it is neither held nor a find: a fault did not bite, or there was too little to see."""
        return self.ruling is not Ruling.HELD and not self.charges


def order_of(trial: Trial, subject: Subject) -> Order:
    """The order that performs a trial which stands in no file."""
    return Order(
        scenario=NAME,
        system=subject.system,
        world=subject.world,
        seed=trial.seed,
        flaw=subject.flaw,
        written=scenario_of(trial, systems.load(subject.system)),
    )


def perform(trial: Trial, subject: Subject, folder: Path | None = None) -> Performed:
    """Perform a trial."""
    return execute(order_of(trial, subject), folder)


def outcome_of(trial: Trial, performed: Performed) -> Outcome:
    """What a performed trial comes to."""
    execution = performed.execution
    return Outcome(
        trial=trial,
        ruling=execution.ruling,
        charges=charges_of(execution),
        reason=_NUMBER.sub("N", execution.reason),
        coverage=coverage_of(performed.history) if performed.history is not None else Coverage(),
        counts=execution.counts,
        cpu_s=execution.cpu_s,
    )


def charges_of(execution: Execution) -> tuple[Charge, ...]:
    """Every checker that is violated; else that the world never came to rest, of which nobody can say what it hides."""
    violated = tuple(Charge(one.checker, one.ruling) for one in execution.verdicts if one.ruling is Ruling.VIOLATED)
    restless = tuple(
        Charge(one.checker, one.ruling)
        for one in execution.verdicts
        if one.checker == NEVER_RESTS and one.ruling is Ruling.UNKNOWN
    )
    return violated or restless
