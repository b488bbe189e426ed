"""What each verb of the command line does, from parsed words to a ruling; `cli.py` parses words and turns rulings into exits."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from harness import (
    acceptance,
    archive,
    campaign,
    checkers,
    exploring,
    faults,
    gate,
    merging,
    proving,
    report,
    running,
    scenario,
    sections,
    systems,
)
from harness.archive import RunFolder
from harness.campaign import Desk, Draw
from harness.display import announce, console, show_findings, styled
from harness.history import History
from harness.live.session import Place, hold
from harness.load.measurement import Measurement, Wish
from harness.publication import publish, remove_if_empty, show_verdicts, tell
from harness.runner import Order
from harness.steps import Job, carry_out, worth_a_row
from harness.usage import UsageError
from harness.verdict import Ruling, worst

ACCEPT_SEEDS = 10
QUICK_SEEDS = 3
QUICK_REAL = ("baseline", "sendgrid_outage", "worker_crash", "duplicate_storm")


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
    return running.run(words)


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


def explore(words: Namespace) -> Ruling:
    """`harness explore`: draw fault plans for a while, shrink what fails, and show what was met and what was not."""
    return exploring.explore(words)


def load(words: Namespace) -> Ruling:
    """`harness load`: load one system, or two in turns, and hold the judged one to its limits and promises."""
    return _carry_out(words, [], verb="load", wish=gate.wish_of(words))


def ui(words: Namespace) -> Ruling:
    """`harness ui`: a running system in Locust's page, with faults to inject; at the end, what became of its promises."""
    system = systems.load(words.system)
    started_at, clock = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
    folder = RunFolder.create(words.out, "ui")
    try:
        execution = hold(system, Place(address=words.bind, port=words.port, show=announce), folder, seed=words.seed)
    except BaseException:
        remove_if_empty(folder)
        if folder.path.exists():
            announce(f"what was seen is in {folder.path}")
        raise
    results = archive.assemble("ui", system.name, scenarios=[execution], started_at=started_at, wall_s=time.monotonic() - clock)
    results, path = publish(results, folder)
    return tell(results, folder, path=path)


def prove(words: Namespace) -> Ruling:
    """`harness prove`: plant every flaw, tell every lie, and show that the checker meant for each sees it."""
    return proving.prove(words)


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
        show_verdicts(verdicts)
    return worst(rulings)


def rebuild_report(words: Namespace) -> Ruling:
    """`harness report`: write the report of a stored run anew; its ruling is the stored run's. Of several runs: merge them.

    Raises UsageError, and leaves the report as it is, if that would drop pictures nobody can draw again.
    """
    first, *more = words.run
    if more or words.out:
        return merging.merge(words)
    folder, results = archive.open_run(Path(first))
    if stale := sections.cannot_be_drawn_again(folder, results):
        more = f" and {len(stale) - 1} more" if len(stale) > 1 else ""
        raise UsageError(
            f"{first} lacks histories its pictures were drawn from, a new report would be without them ({stale[0]}{more}); "
            "it was left as it is. Bring the histories back, or remove the pictures first."
        )
    results = acceptance.with_criteria(results)
    console.print(f"{styled(results.ruling)}  report: {report.write(folder, results)}")
    return results.ruling


def replay(words: Namespace) -> Ruling:
    """`harness replay`: run one stored execution again, with its seed and its plan, and compare."""
    stored = History.load(next(archive.histories(Path(words.file))))
    header = stored.header
    if not header.scenario_path:
        raise UsageError(f"{words.file} is the history of no scenario, so it cannot be replayed; again: {header.repeat}")
    order = Order(
        scenario=header.scenario_path,
        system=header.system_path,
        world=header.world,
        seed=header.seed,
        full_traffic=header.full_traffic,
        flaw=header.flaw,
        plan=tuple(faults.from_data(planned) for planned in header.plan),
    )
    console.print(_how_exact(header.world))
    _warn_of_other_versions(stored)
    folder = RunFolder.create(words.out, "replay")
    draw = Draw(order, wanted=1)
    try:
        campaign.run([draw], Desk(folder=folder.path, watch=lambda _: None))
    except BaseException:
        remove_if_empty(folder)
        raise
    (again,) = draw.executions
    before = [violation.what for verdict in checkers.judge(stored) for violation in verdict.violations]
    now = [violation.what for violation in again.violations]
    show_findings(again, folder)
    same = "the same violations as stored" if now else "no violation, as stored"
    console.print(same if now == before else f"stored were {len(before)} violations, now {len(now)}")
    return again.ruling


def _orders(names: Iterable[str], words: Namespace, *, world: str) -> tuple[Order, ...]:
    return tuple(Order(scenario=name, system=words.system, world=world, seed=words.seed) for name in names)


def _carry_out(words: Namespace, jobs: Sequence[Job], *, verb: str, wish: Wish | None = None) -> Ruling:
    """Execute jobs and the load run that is wished, write results and report, and show what a person needs to know."""
    started_at, clock = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
    folder = RunFolder.create(words.out, verb)
    steps = [job.step() for job in jobs]
    draws = [draw for step in steps for draw in step.draws]
    try:
        interrupted = carry_out(steps, folder)
    except BaseException:
        remove_if_empty(folder)
        raise
    loaded: list[Measurement] = []
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
    if interrupted:
        _, path = publish(results.cut_short(interrupted), folder)
        announce(f"interrupted {interrupted}; what had ended is in {path}")
        raise KeyboardInterrupt
    results, path = publish(results, folder)
    return tell(results, folder, path=path)


def _load(wish: Wish, folder: RunFolder, loaded: list[Measurement], *, alone: bool) -> str:
    """Do the load run; "before the load run had ended" if somebody interrupted it when scenarios had ended already."""
    try:
        loaded.append(gate.measured(wish, folder))
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) and not alone:
            return "before the load run had ended"
        if alone:
            remove_if_empty(folder)
        raise
    return ""


def _how_exact(world: str) -> str:
    """What a replay is worth: said before it runs, for what it shows is easily taken for more."""
    if world == "simulated":
        return "replaying in the simulation: the same seed and plan give the same history, event by event"
    return (
        "replaying with real processes: the same seed, traffic and faults, but other timing. Another event may be hit, or none; "
        "only the simulation repeats a run exactly"
    )


def _warn_of_other_versions(stored: History) -> None:
    ran, now = stored.header, archive.versions()
    differing = [
        f"{what} was {before or 'unknown'}, is {after or 'unknown'}"
        for what, before, after in (("commit", ran.commit, now.commit), ("Python", ran.python, now.python))
        if before != after
    ]
    if differing:
        console.print(f"a replay is exact only with the same code: {'; '.join(differing)}")
