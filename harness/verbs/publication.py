"""Publication of a run: results and report in its folder, and what a person is shown of them on the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from harness import acceptance
from harness.archive import Results, RunFolder
from harness.challenge import FLAW
from harness.load import github
from harness.prove.chapter import in_a_sentence
from harness.report import page
from harness.report.summary import not_judged, worst_first
from harness.verbs import gate
from harness.verbs.display import announce, console, show_challenges, show_criteria, show_executions, show_findings, styled
from harness.verdict import Ruling, Verdict

FINDINGS_SHOWN = 5


@contextmanager
def run_folder(out: Path | None, verb: str, *, resume: bool = False) -> Iterator[RunFolder]:
    """A new folder, or with `resume` the one that is there. What is refused or breaks leaves none behind that is empty."""
    folder = RunFolder.reopen(out, verb) if resume else RunFolder.create(out, verb)
    try:
        yield folder
    except BaseException:
        remove_if_empty(folder)
        raise


def conclude(results: Results, folder: RunFolder, *, interrupted: str = "", go_on: str = "") -> Ruling:
    """Write results and report, show what a person needs to know, and answer the ruling.

    Of an interrupted run ("after 12 of 143 executions") what had ended is written, `go_on` said, and KeyboardInterrupt raised.
    """
    if interrupted:
        _, path = publish(results.cut_short(interrupted), folder)
        announce(f"interrupted {interrupted}; what had ended is in {path}{go_on}")
        raise KeyboardInterrupt
    results, path = publish(results, folder)
    return tell(results, folder, path=path)


def publish(results: Results, folder: RunFolder) -> tuple[Results, Path]:
    """Write results and report; the results with their criteria, and where the report is."""
    results = acceptance.with_criteria(results)
    folder.write(results)
    return results, page.write(folder, results)


def tell(results: Results, folder: RunFolder, *, path: Path) -> Ruling:
    """Show what a person needs to know of a run that ended; its ruling."""
    _show(results, folder)
    for line in github.tell(results, path):
        console.print(line, markup=False)
    console.print(f"\n{styled(results.ruling)}  {results.wall_s:.0f} s  report: {path}")
    return results.ruling


def show_verdicts(verdicts: Sequence[Verdict]) -> None:
    """What every checker said, the worst first."""
    for verdict in sorted(verdicts, key=lambda verdict: worst_first(verdict.ruling)):
        console.print(f"  {styled(verdict.ruling)} {verdict.checker} ({verdict.checked} checked)")
        if verdict.reason:
            console.print(f"    {verdict.reason}", markup=False)
        for violation in verdict.violations:
            console.print(f"    - {violation.what}", markup=False)


def remove_if_empty(folder: RunFolder) -> None:
    """A run that was refused leaves no folder behind, unless something stands in it: logs, say."""
    for path in sorted([*folder.path.rglob("*"), folder.path], reverse=True):
        with suppress(OSError):  # it holds something, or is no folder
            path.rmdir()


def _show(results: Results, folder: RunFolder) -> None:
    many = {(row.name, row.world) for row in results.campaigns}
    if results.proof:
        show_challenges(
            [
                challenge
                for challenge in results.proof
                if challenge.kind == FLAW or challenge.ruling in (Ruling.VIOLATED, Ruling.UNKNOWN)
            ]
        )
        console.print(f"{in_a_sentence(results)}\n")
    if results.load:
        gate.show(results)
    show_executions([*results.campaigns, *(one for one in results.scenarios if (one.name, one.world) not in many)])
    findings = [one for one in results.scenarios if one.ruling in (Ruling.VIOLATED, Ruling.UNKNOWN)]
    findings.sort(key=lambda one: worst_first(one.ruling))
    for execution in findings[:FINDINGS_SHOWN]:
        show_findings(execution, folder)
    if rest := [one.ruling for one in findings[FINDINGS_SHOWN:]]:
        violated = rest.count(Ruling.VIOLATED)
        console.print(f"\nand in the report {violated} more violated, {len(rest) - violated} more unknown")
    if results.verb == "accept":
        show_criteria(results.criteria)
    for claim in not_judged(results):
        console.print(f"not judged: {claim}", markup=False)
