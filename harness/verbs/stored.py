"""What is done with runs and histories on disk: `harness check`, `harness report`, `harness replay`."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from harness import acceptance, archive, checkers, faults
from harness.campaign import dispatch
from harness.campaign.dispatch import Desk
from harness.campaign.draw import Draw
from harness.history import History
from harness.report import page, sections
from harness.runner import Order
from harness.usage import UsageError
from harness.verbs.display import console, show_findings, styled
from harness.verbs.merge import merge
from harness.verbs.publication import run_folder, show_verdicts
from harness.verdict import Ruling, worst


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
        return merge(words)
    folder, results = archive.open_run(Path(first))
    if stale := sections.cannot_be_drawn_again(folder, results):
        more = f" and {len(stale) - 1} more" if len(stale) > 1 else ""
        raise UsageError(
            f"{first} lacks histories its pictures were drawn from, a new report would be without them ({stale[0]}{more}); "
            "it was left as it is. Bring the histories back, or remove the pictures first."
        )
    results = acceptance.with_criteria(results)
    console.print(f"{styled(results.ruling)}  report: {page.write(folder, results)}")
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
    draw = Draw(order, wanted=1)
    with run_folder(words.out, "replay") as folder:
        dispatch.run([draw], Desk(folder=folder.path, watch=lambda _: None))
    (again,) = draw.executions
    before = [violation.what for verdict in checkers.judge(stored) for violation in verdict.violations]
    now = [violation.what for violation in again.violations]
    show_findings(again, folder)
    same = "the same violations as stored" if now else "no violation, as stored"
    console.print(same if now == before else f"stored were {len(before)} violations, now {len(now)}")
    return again.ruling


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
