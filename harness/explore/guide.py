"""What to draw next: something fresh with more of what was met least, or a change of a trial that reached something new.

Even numbers are always fresh and depend on nothing but the seed, so that no find narrows the search down to itself.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from random import Random

from harness.explore.coverage import Coverage
from harness.explore.space import MOST_FAULTS, MOST_SEEDS, Space, completed
from harness.explore.trial import Trial
from harness.faults import Fault

MOST_KEPT = 200
FRESH_SHARE = 0.5  # of those that could be changes


class Guide:
    """Draws trials of one space; told what each reached, it changes those that reached something new."""

    def __init__(self, space: Space, *, seed: int) -> None:
        self._space, self._seed = space, seed
        self._number = 0
        self._kept: list[Trial] = []
        self._reached: set[tuple[str, str]] = set()
        self._struck: Counter[str] = Counter()  # kinds, by how many moments they struck

    def note(self, trial: Trial, coverage: Coverage) -> None:
        """Remember a trial that reached something no other had."""
        fresh = coverage.reached - self._reached
        if fresh:
            self._reached |= fresh
            self._struck.update(label.split()[0] for label, _ in fresh & set(coverage.struck))
            self._kept = [*self._kept, trial][-MOST_KEPT:]

    def draw(self) -> Trial:
        """The next trial."""
        number, self._number = self._number, self._number + 1
        random = Random(f"{self._seed}:explore:{number}")
        if number % 2 == 0:
            return self._space.trial(random, dict.fromkeys(self._space.kinds, 1.0))
        if not self._kept or random.random() < FRESH_SHARE:
            return self._space.trial(random, self._weights())
        return self._changed(random, random.choice(self._kept))

    def _weights(self) -> dict[type[Fault], float]:
        most = max(self._struck.values(), default=0)
        return {kind: 1.0 + most - self._struck[kind.__name__] for kind in self._space.kinds}

    def _changed(self, random: Random, trial: Trial) -> Trial:
        """One thing is drawn anew."""
        what = random.choice(("seed", "fault", "fault", "trigger", "trigger", "one more"))
        plan, posted = list(trial.plan), trial.posted
        place = random.randrange(len(plan))
        if what == "trigger":
            plan[place] = dataclasses.replace(plan[place], trigger=self._space.trigger(random, posted))
        elif what == "fault":
            plan[place] = self._space.planned(random, random.choice(self._space.kinds), posted)
        elif what == "one more" and len(plan) < MOST_FAULTS:
            plan.append(self._space.planned(random, random.choice(self._space.kinds), posted))
        return completed(random, Trial(posted=posted, plan=tuple(plan), seed=random.randrange(1, MOST_SEEDS)))
