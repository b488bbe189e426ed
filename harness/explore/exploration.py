"""An exploration from beginning to end: search, hand over, and everything it found as plain data for results and report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import systems
from harness.archive import Campaign, Execution, RunFolder
from harness.explore.attempt import Subject
from harness.explore.coverage import moments_of
from harness.explore.guide import Guide
from harness.explore.handing_over import Handed, performed, write
from harness.explore.search import Search, Show, explore
from harness.explore.space import Space
from harness.usage import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What the command line asks for."""

    subject: Subject
    seconds: float
    seed: int

    @property
    def repeat(self) -> str:
        """The command that explores so again."""
        subject = self.subject
        words = ["harness explore", "--system", subject.system, "--world", subject.world, "--seconds", f"{self.seconds:g}"]
        return " ".join([*words, "--seed", str(self.seed), *(["--flaw", subject.flaw] if subject.flaw else [])])


@dataclass(frozen=True, slots=True, kw_only=True)
class Explored:
    """What came of it: the rows of the results, and the data of its chapter."""

    campaign: Campaign
    executions: tuple[Execution, ...]
    data: dict[str, Any]
    interrupted: str = ""


def explored(budget: Budget, folder: RunFolder, *, show: Show) -> Explored:
    """Do it. Raises UsageError if there is nothing to draw; interrupted, it hands over what was found so far and says so."""
    system = systems.load(budget.subject.system)
    space = Space(system, budget.subject.world)
    if not space.kinds:
        raise UsageError(f"There is no fault that '{system.name}' offers and its claims cover, so there is nothing to explore.")
    search = Search(budget.subject, Guide(space, seed=budget.seed), budget.seconds)
    interrupted = ""
    try:
        explore(search, show=show)
    except KeyboardInterrupt:
        if not search.tried:
            raise
        interrupted = f"after {search.tried:,} plans"
    handed = _handed_over(search, folder, budget.subject, interrupted=interrupted)
    return Explored(
        campaign=search.row(repeat=budget.repeat),
        executions=tuple(one.execution for one in handed if one.execution is not None),
        data=_data(search, budget, space=space, handed=handed, folder=folder.path),
        interrupted=interrupted,
    )


def _handed_over(search: Search, folder: RunFolder, subject: Subject, *, interrupted: str) -> list[Handed]:
    """Interrupted with real processes, nobody waits another minute for each: then their files are written and not run."""
    handed = write(search.findings.distinct, folder, subject)
    return handed if interrupted and subject.world == "real" else [performed(one, folder) for one in handed]


def _data(search: Search, budget: Budget, *, space: Space, handed: Sequence[Handed], folder: Path) -> dict[str, Any]:
    coverage = search.coverage
    moments = moments_of(space.system.offers)
    return {
        "plans": search.tried,
        "rulings": dict(search.rulings),
        "seconds": budget.seconds,
        "seed": budget.seed,
        "moments": list(moments),
        "met": [
            {
                "fault": name,
                "struck": [coverage.struck[name, moment] for moment in moments],
                "lasted_over": [coverage.lasted_over[name, moment] for moment in moments],
            }
            for name in sorted({*space.labels, *(label for label, _ in coverage.struck)})
        ],
        "together": [{"faults": list(pair), "plans": plans} for pair, plans in sorted(coverage.together.items())],
        "undecided": [{"reason": reason, "plans": plans} for reason, plans in search.reasons.most_common()],
        "findings": [_finding(one, folder) for one in handed],
    }


def _finding(handed: Handed, folder: Path) -> dict[str, Any]:
    finding, trial = handed.finding, handed.finding.shrunk
    return {
        "name": handed.name,
        "checker": finding.charge.checker,
        "ruling": finding.charge.ruling.value,
        "causes": list(finding.causes),
        "events": len(trial.posted),
        "found_with": {"faults": len(finding.found.plan), "events": len(finding.found.posted), "seed": finding.found.seed},
        "is_shrunk": finding.is_shrunk,
        "times": finding.times,
        "reproduces": handed.reproduces,
        "file": handed.path.relative_to(folder).as_posix(),
        "text": handed.path.read_text(encoding="utf-8"),
        "repeat": handed.order.repeat,
    }
