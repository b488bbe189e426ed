"""`harness explore`: draw fault plans for a while, shrink what fails, and show what was met and what was not.

The work is `explore/`; here it begins with words and ends with a report. Next: `explore/exploration.py`.
"""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from datetime import UTC, datetime

from harness import archive, systems
from harness.explore.attempt import Subject
from harness.explore.exploration import Budget, explored
from harness.verbs.display import searching
from harness.verbs.publication import conclude, run_folder
from harness.verdict import Ruling


def explore(words: Namespace) -> Ruling:
    """Do all of it, write results and report, and show what a person needs to know."""
    started_at, system = datetime.now(UTC).isoformat(timespec="seconds"), systems.load(words.system)
    world = words.world or ("simulated" if system.simulation is not None else "real")
    subject = Subject(system=words.system, world=world, flaw=words.flaw)
    with run_folder(words.out, "explore") as folder, searching(words.seconds) as show:
        found = explored(Budget(subject=subject, seconds=words.seconds, seed=words.seed), folder, show=show)
    results = archive.assemble(
        "explore",
        system.name,
        scenarios=found.executions,
        campaigns=[found.campaign],
        started_at=started_at,
        wall_s=found.campaign.wall_s,
    )
    return conclude(dataclasses.replace(results, exploration=found.data), folder, interrupted=found.interrupted)
