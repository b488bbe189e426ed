"""What each verb of the command line does, from parsed words to a ruling; `cli.py` parses words and turns rulings into exits."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from harness import acceptance, archive, campaign, checkers, faults, report, scenario, systems
from harness.archive import Campaign, Execution, RunFolder
from harness.display import console, progress, show_criteria, show_executions, show_findings, styled
from harness.history import History
from harness.runner import Order
from harness.verdict import Ruling, Verdict, worst

ACCEPT_SEEDS = 10
QUICK_SEEDS = 3
QUICK_REAL = ("baseline", "sendgrid_outage", "worker_crash", "duplicate_storm")
FINDINGS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Job:
    """Orders that run with so many seeds each."""

    orders: tuple[Order, ...]
    seeds: int


def list_everything(_: Namespace) -> Ruling:
    """`harness list`: scenarios, faults, checkers and systems, each with its one-line story."""
    stories = {
        "scenarios": {name: scenario.load(name).story for name in scenario.names()},
        "faults": {name: (fault.__doc__ or "").splitlines()[0] for name, fault in faults.FAULTS.items()},
        "checkers": checkers.stories(),
        "systems": {name: systems.load(name).description for name in systems.built_in()},
    }
    for kind, members in stories.items():
        console.print(f"[bold]{kind}[/]")
        for name, story in members.items():
            console.print(f"  {name:<40} {story}", markup=False)
    return Ruling.HELD


def run(words: Namespace) -> Ruling:
    """`harness run`: execute scenarios, judge them, write the report."""
    system = systems.load(words.system)
    world = words.world or ("simulated" if system.simulation is not None else "real")
    orders = tuple(
        Order(
            scenario=name,
            system=words.system,
            world=world,
            seed=words.seed,
            full_traffic=words.full_traffic,
            flaw=words.flaw,
        )
        for name in words.scenario or scenario.names()
    )
    for order in orders:
        scenario.load(order.scenario)
    return _carry_out(words, [Job(orders, words.seeds)], verb="run", system=system.name)


def accept(words: Namespace) -> Ruling:
    """`harness accept`: simulate, run for real, and hold everything to the acceptance criteria."""
    system = systems.load(words.system)
    names = [name for name in scenario.names() if scenario.load(name).for_acceptance]
    jobs = []
    if system.simulation is not None:
        seeds = QUICK_SEEDS if words.quick else ACCEPT_SEEDS
        jobs.append(Job(_orders(names, words, world="simulated"), seeds))
    chosen = [name for name in names if name in QUICK_REAL] if words.quick else names
    jobs.append(Job(_orders(chosen, words, world="real"), 1))
    return _carry_out(words, jobs, verb="accept", system=system.name)


def check(words: Namespace) -> Ruling:
    """`harness check`: judge stored histories again."""
    rulings = []
    for path in archive.histories(Path(words.run)):
        history = History.load(path)
        verdicts = checkers.judge(history)
        rulings.append(checkers.ruling(verdicts))
        header = history.header
        console.print(f"{styled(rulings[-1])} {header.scenario} ({header.world}, seed {header.seed}, {header.system})")
        if history.cut_off:
            console.print(f"  the history ends in the middle: judged up to the cut, {len(history.entries)} entries")
        _show_verdicts(verdicts)
    return worst(rulings)


def rebuild_report(words: Namespace) -> Ruling:
    """`harness report`: write the report of a stored run anew."""
    folder, results = archive.open_run(Path(words.run))
    results = acceptance.with_criteria(results)
    console.print(f"report: {report.write(folder, results)}")
    return results.ruling


def replay(words: Namespace) -> Ruling:
    """`harness replay`: run one stored execution again, with its seed and its plan, and compare."""
    stored = History.load(next(archive.histories(Path(words.file))))
    header = stored.header
    order = Order(
        scenario=header.scenario_path or header.scenario,
        system=header.system_path or header.system,
        world=header.world,
        seed=header.seed,
        full_traffic=header.full_traffic,
        flaw=header.flaw,
        plan=tuple(faults.from_data(planned) for planned in header.plan),
    )
    _warn_of_other_versions(stored)
    folder = RunFolder.create(words.out, "replay")
    (draw,) = campaign.run([order], seeds=1, folder=folder.path, watch=lambda _: None)
    (again,) = draw.executions
    before = [violation.what for verdict in checkers.judge(stored) for violation in verdict.violations]
    now = [violation.what for violation in again.violations]
    show_findings(again, folder)
    console.print("the same violations as stored" if now == before else f"stored were {len(before)} violations, now {len(now)}")
    return again.ruling


def _orders(names: Iterable[str], words: Namespace, *, world: str) -> tuple[Order, ...]:
    return tuple(Order(scenario=name, system=words.system, world=world, seed=words.seed) for name in names)


def _carry_out(words: Namespace, jobs: Sequence[Job], *, verb: str, system: str) -> Ruling:
    """Execute jobs, write results and report, and show what a person needs to know."""
    started_at, clock = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
    folder = RunFolder.create(words.out, verb)
    executions: list[Execution] = []
    rows: list[Campaign] = []
    with progress(sum(len(job.orders) * job.seeds for job in jobs)) as watch:
        for job in jobs:
            for draw in campaign.run(job.orders, seeds=job.seeds, folder=folder.path, watch=watch):
                if job.seeds > 1:
                    rows.append(draw.row())
                executions += [one for one in draw.executions if job.seeds == 1 or one.folder]
    results = archive.assemble(
        verb, system, scenarios=executions, campaigns=rows, started_at=started_at, wall_s=time.monotonic() - clock
    )
    results = acceptance.with_criteria(results)
    folder.write(results)
    path = report.write(folder, results)
    _show(executions, rows, folder)
    if verb == "accept":
        show_criteria(results.criteria)
    console.print(f"\n{styled(results.ruling)}  {results.wall_s:.0f} s  report: {path}")
    return results.ruling


def _show(executions: Sequence[Execution], rows: Sequence[Campaign], folder: RunFolder) -> None:
    many = {(row.name, row.world) for row in rows}
    show_executions([*rows, *(one for one in executions if (one.name, one.world) not in many)])
    findings = [one for one in executions if one.ruling in (Ruling.VIOLATED, Ruling.UNKNOWN)]
    for execution in findings[:FINDINGS_SHOWN]:
        show_findings(execution, folder)
    if len(findings) > FINDINGS_SHOWN:
        console.print(f"\nand {len(findings) - FINDINGS_SHOWN} more in the report")


def _show_verdicts(verdicts: Sequence[Verdict]) -> None:
    for verdict in verdicts:
        console.print(f"  {styled(verdict.ruling)} {verdict.checker} ({verdict.checked} checked)")
        if verdict.reason:
            console.print(f"    {verdict.reason}", markup=False)
        for violation in verdict.violations:
            console.print(f"    - {violation.what}", markup=False)


def _warn_of_other_versions(stored: History) -> None:
    ran, now = stored.header, archive.versions()
    differing = [
        f"{what} was {before or 'unknown'}, is {after or 'unknown'}"
        for what, before, after in (("commit", ran.commit, now.commit), ("Python", ran.python, now.python))
        if before != after
    ]
    if differing:
        console.print(f"a replay is exact only with the same code: {'; '.join(differing)}")
