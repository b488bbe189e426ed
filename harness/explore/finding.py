"""Failures of one cause are one finding: the same checker accuses, and the same kinds of faults are left after shrinking.

Only one failure of a checker is shrunk at a time. When it is done, whatever failed by that checker under those kinds of faults,
and perhaps more of them, is taken for the same; what is left over is shrunk next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from harness.explore.attempt import Charge
from harness.explore.trial import Trial

MOST_WAITING = 100  # failures of one checker that are kept for shrinking; the others are only counted


@dataclass(slots=True)
class Finding:
    """One distinct failure."""

    charge: Charge
    found: Trial  # as it was drawn
    shrunk: Trial
    is_shrunk: bool = True  # False: nobody had the time
    times: int = 1

    @property
    def causes(self) -> tuple[str, ...]:
        """The kinds of faults it takes."""
        return self.shrunk.kinds

    def explains(self, charge: Charge, trial: Trial) -> bool:
        """Whether a failure may be this one again: the same accusation, and every fault it takes is there."""
        return self.is_shrunk and charge == self.charge and not Counter(self.causes) - Counter(trial.kinds)


@dataclass
class Findings:
    """What was found so far, and what waits to be looked at."""

    distinct: list[Finding] = field(default_factory=list)
    waiting: dict[Charge, list[Trial]] = field(default_factory=dict)
    uncounted: Counter[Charge] = field(default_factory=Counter)  # failures that were dropped: too many waited
    _in_work: set[Charge] = field(default_factory=set)

    def note(self, charge: Charge, trial: Trial) -> None:
        """A trial failed."""
        for finding in self.distinct:
            if finding.explains(charge, trial):
                finding.times += 1
                return
        waiting = self.waiting.setdefault(charge, [])
        if len(waiting) < MOST_WAITING:
            waiting.append(trial)
        else:
            self.uncounted[charge] += 1

    def to_shrink(self) -> Iterator[tuple[Charge, Trial]]:
        """The next failure of each checker of which none is being shrunk."""
        for charge, waiting in self.waiting.items():
            if waiting and charge not in self._in_work:
                self._in_work.add(charge)
                yield charge, waiting.pop(0)

    def settle(self, charge: Charge, found: Trial, shrunk: Trial) -> None:
        """A failure was shrunk: one more finding, or one there was; and what waited is judged by it."""
        self._in_work.discard(charge)
        same = next((one for one in self.distinct if one.charge == charge and one.causes == shrunk.kinds), None)
        if same is None:
            self.distinct.append(Finding(charge, found, shrunk))
        else:
            same.times += 1
        waiting, self.waiting[charge] = self.waiting.get(charge, []), []
        for trial in waiting:
            self.note(charge, trial)

    def give_up(self, charge: Charge, trial: Trial) -> None:
        """A failure that nobody has the time to shrink any more waits again."""
        self._in_work.discard(charge)
        self.waiting.setdefault(charge, []).insert(0, trial)

    def close(self) -> None:
        """The time is over: of each checker's failures that still wait one is kept as it was drawn, the others are counted."""
        for charge, waiting in self.waiting.items():
            if waiting:
                first = waiting[0]
                times = len(waiting) + self.uncounted[charge]
                self.distinct.append(Finding(charge, first, first, is_shrunk=False, times=times))
        self.waiting.clear()
