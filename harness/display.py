"""What the command line shows while it works and when it is done: progress, tables, one event's life (drawn by rich)."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from harness import report
from harness.archive import Campaign, CriterionRuling, Execution, RunFolder
from harness.campaign import Watch
from harness.verdict import Ruling

PIPE_WIDTH = 160  # of lines when nobody's terminal says how wide it is
console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else PIPE_WIDTH)
problems = Console(stderr=True, highlight=False, soft_wrap=True)

STYLES = {Ruling.HELD: "green", Ruling.VIOLATED: "bold red", Ruling.UNKNOWN: "yellow", Ruling.NOT_APPLICABLE: "dim"}
VIOLATIONS_SHOWN = 3


@contextmanager
def progress(total: int) -> Iterator[Watch]:
    """A bar over all executions; call what it yields with each that has ended."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=problems, transient=not problems.is_terminal) as bar:
        task = bar.add_task("starting", total=total)
        ended = 0

        def watch(execution: Execution) -> None:
            nonlocal ended
            ended += 1
            total_now = max(total, ended)
            bar.update(task, advance=1, total=total_now, description=f"{execution.name} ({execution.world})")
            if execution.world == "real" or execution.ruling is Ruling.VIOLATED:
                seed = f"seed {execution.seed}, {execution.wall_s:.0f} s"
                bar.console.print(f"{styled(execution.ruling)} {execution.name} ({execution.world}, {seed})")

        yield watch


def styled(ruling: Ruling | None) -> str:
    """A ruling in its colour; None is what no code judges yet."""
    if ruling is None:
        return "[dim]not covered yet[/]"
    return f"[{STYLES[ruling]}]{ruling.replace('_', ' ')}[/]"


def show_executions(executions: Sequence[Execution | Campaign]) -> None:
    """One line each: what was run, what came of it, and the counts that matter."""
    table = Table(box=None, pad_edge=False)
    for column in ("scenario", "world", "ruling", "accepted", "stored", "mailed", "twice", "lost", ""):
        table.add_column(column, justify="right" if column in ("accepted", "stored", "mailed", "twice", "lost") else "left")
    for one in executions:
        counts = [_count(one.counts.get(key)) for key in ("accepted", "stored", "mailed", "mailed_twice", "lost")]
        table.add_row(one.name, one.world, styled(one.ruling), *counts, escape(_remark(one)))
    console.print(table)


def show_findings(execution: Execution, folder: RunFolder) -> None:
    """Everything a person needs of an execution that did not hold: what, to whom it happened, and how to see it again."""
    console.print(f"\n{styled(execution.ruling)} [bold]{execution.name}[/] ({execution.world}, seed {execution.seed})")
    if execution.reason:
        console.print(f"  {escape(execution.reason)}")
    for verdict in execution.verdicts:
        if verdict.ruling not in (Ruling.VIOLATED, Ruling.UNKNOWN):
            continue
        console.print(f"  {styled(verdict.ruling)} {verdict.checker}: {escape(verdict.claim)}")
        if verdict.reason:
            console.print(f"    {escape(verdict.reason)}")
        for violation in verdict.violations[:VIOLATIONS_SHOWN]:
            console.print(f"    - {escape(violation.what)}")
        if len(verdict.violations) > VIOLATIONS_SHOWN:
            console.print(f"    - and {len(verdict.violations) - VIOLATIONS_SHOWN} more")
    _show_life(execution, folder)
    if execution.repeat:
        console.print(f"  again: {escape(execution.repeat)}")


def show_criteria(criteria: Iterable[CriterionRuling]) -> None:
    """The acceptance criteria, one line each."""
    table = Table(box=None, pad_edge=False)
    for column in ("criterion", "ruling", "evidence"):
        table.add_column(column)
    for criterion in criteria:
        judged = styled(criterion.ruling) if criterion.ruling or not criterion.checkers else "[dim]not covered by this run[/]"
        table.add_row(escape(criterion.criterion), judged, escape(criterion.evidence))
    console.print()
    console.print(table)


def _show_life(execution: Execution, folder: RunFolder) -> None:
    pair = next((violation.pair for violation in execution.violations if violation.pair), None)
    history = folder.history_of(execution)
    if pair is None or history is None:
        return
    console.print(f"  the life of {escape(str(pair))}:")
    for line in report.life_of(history, pair):
        console.print(f"    {escape(line)}")


def _remark(one: Execution | Campaign) -> str:
    if isinstance(one, Execution):
        return one.reason
    parts = {"held": one.held, "without bite": one.no_bite, "violated": one.violated, "unknown": one.unknown}
    return f"{one.drawn} seeds: " + ", ".join(f"{number} {what}" for what, number in parts.items() if number)


def _count(value: int | None) -> str:
    return "?" if value is None else str(value)
