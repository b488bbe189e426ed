"""`harness accept` and `harness load`: scenarios, if there are any, then the load run, in one report."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from harness import archive, scenario, systems
from harness.archive import RunFolder
from harness.load.measurement import Measurement, Wish
from harness.runner import Order
from harness.verbs import gate
from harness.verbs.publication import conclude, run_folder
from harness.verbs.steps import Job, carry_out, worth_a_row
from harness.verdict import Ruling

ACCEPT_SEEDS = 10
QUICK_SEEDS = 3
QUICK_REAL = ("baseline", "sendgrid_outage", "worker_crash", "duplicate_storm")


def accept(words: Namespace) -> Ruling:
    """`harness accept`: simulate, run for real, load before and after, and hold everything to the acceptance criteria."""
    system = systems.load(words.system)
    names = [name for name in scenario.names() if scenario.load(name).for_acceptance]
    jobs = []
    if system.simulation is not None:
        seeds = QUICK_SEEDS if words.quick else ACCEPT_SEEDS
        jobs.append(Job(_orders(names, words, world="simulated"), seeds))
    chosen = [name for name in names if name in QUICK_REAL] if words.quick else names
    jobs.append(Job(_orders(chosen, words, world="real"), 1))
    return _carry_out(words, jobs, verb="accept", wish=gate.wish_of_acceptance(words))


def load(words: Namespace) -> Ruling:
    """`harness load`: load one system, or two in turns, and hold the judged one to its limits and promises."""
    return _carry_out(words, [], verb="load", wish=gate.wish_of(words))


def _orders(names: Iterable[str], words: Namespace, *, world: str) -> tuple[Order, ...]:
    return tuple(Order(scenario=name, system=words.system, world=world, seed=words.seed) for name in names)


def _carry_out(words: Namespace, jobs: Sequence[Job], *, verb: str, wish: Wish | None = None) -> Ruling:
    """Execute jobs and the load run that is wished, write results and report, and show what a person needs to know."""
    started_at, clock = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
    steps = [job.step() for job in jobs]
    draws = [draw for step in steps for draw in step.draws]
    loaded: list[Measurement] = []
    with run_folder(words.out, verb) as folder:
        interrupted = carry_out(steps, folder)
        if wish is not None and not interrupted:
            interrupted = _load(wish, folder, loaded, alone=not jobs)
    results = archive.assemble(
        verb,
        wish.after.name if wish else systems.load(words.system).name,
        scenarios=[*worth_a_row(draws), *(found.execution for found in loaded)],
        campaigns=[draw.row() for draw in draws if draw.is_campaign and draw.ended],
        load=[row for found in loaded for row in found.rows],
        started_at=started_at,
        wall_s=time.monotonic() - clock,
    )
    return conclude(results, folder, interrupted=interrupted)


def _load(wish: Wish, folder: RunFolder, loaded: list[Measurement], *, alone: bool) -> str:
    """Do the load run; "before the load run had ended" if somebody interrupted it when scenarios had ended already."""
    try:
        loaded.append(gate.measured(wish, folder))
    except KeyboardInterrupt:
        if alone:
            raise
        return "before the load run had ended"
    return ""
