"""What the command line shows while it works and when it is done: progress, tables, one event's life (drawn by rich)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from harness.archive import Campaign, CriterionRuling, Execution, RunFolder
from harness.campaign.dispatch import Watch
from harness.challenge import Challenge
from harness.report.life import life_of
from harness.report.summary import remark, worst_first
from harness.verdict import Ruling

PIPE_WIDTH = 160  # of lines when nobody's terminal says how wide it is
console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else PIPE_WIDTH)
problems = Console(stderr=True, highlight=False, soft_wrap=True)

STYLES = {Ruling.HELD: "green", Ruling.VIOLATED: "bold red", Ruling.UNKNOWN: "yellow", Ruling.NOT_APPLICABLE: "dim"}
VIOLATIONS_SHOWN = 3
COUNTS = {  # a column each, and the count that stands in it
    "accepted": "accepted",
    "stored": "stored",
    "mailed": "mailed",
    "failed": "failed",
    "twice": "mailed_twice",
    "lost": "lost",
}
NARROWEST_REMARK = 24
WIDEST = 1_000


class Progressing(Protocol):
    """A search that is under way."""

    @property
    def elapsed_s(self) -> float: ...

    @property
    def told(self) -> str:
        """How far it has come, in a few words."""

    @property
    def found(self) -> Sequence[str]:
        """A line of each distinct find so far."""


@contextmanager
def progress(total: int, news: Callable[[Execution], str], *, done: int = 0) -> Iterator[Watch]:
    """A bar over all executions where there is a terminal; call what it yields with each that has ended.

    `news` is the line that tells of one, "" for none; `done` had ended before.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=problems, disable=not problems.is_terminal) as bar:
        task = bar.add_task("starting", total=total, completed=done)
        ended = done

        def watch(execution: Execution) -> None:
            nonlocal ended
            ended += 1
            total_now = max(total, ended)
            bar.update(task, advance=1, total=total_now, description=f"{execution.name} ({execution.world})")
            if line := news(execution):
                announce(line)

        yield watch


def announce(words: str) -> None:
    """A line beside the results: what begins now, what has just ended."""
    problems.print(words)


def news_of(execution: Execution) -> str:
    """A line about each real execution, and about each that was violated or could not be decided, with the reason."""
    undecided = execution.ruling is Ruling.UNKNOWN and not execution.no_bite
    if execution.world != "real" and execution.ruling is not Ruling.VIOLATED and not undecided:
        return ""
    seed = f"seed {execution.seed}, {execution.wall_s:.0f} s"
    why = f": {escape(remark(execution))}" if remark(execution) else ""
    return f"{styled(execution.ruling)} {escape(execution.name)} ({execution.world}, {seed}){why}"


@contextmanager
def searching(seconds: float) -> Iterator[Callable[[Progressing], None]]:
    """A bar over the budget of a search; call what it yields now and then. Every distinct find is a line of its own."""
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=problems, disable=not problems.is_terminal
    ) as bar:
        task = bar.add_task("starting", total=seconds)
        told = 0

        def show(search: Progressing) -> None:
            nonlocal told
            bar.update(task, completed=min(seconds, search.elapsed_s), description=search.told)
            for line in search.found[told:]:
                announce(escape(line))
            told = len(search.found)

        yield show


@contextmanager
def stages() -> Iterator[Callable[[str, float], None]]:
    """A bar for work that goes through stages; call what it yields with the stage and the share of the work that is done."""
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=problems, disable=not problems.is_terminal
    ) as bar:
        task = bar.add_task("starting", total=1.0)

        def watch(stage: str, share: float) -> None:
            bar.update(task, completed=share, description=stage)
            if not problems.is_terminal:
                bar.console.print(stage)

        yield watch


def styled(ruling: Ruling | None) -> str:
    """A ruling in its colour; None is what no code judges yet."""
    if ruling is None:
        return "[dim]not covered yet[/]"
    return f"[{STYLES[ruling]}]{ruling.replace('_', ' ')}[/]"


def show_executions(executions: Sequence[Execution | Campaign]) -> None:
    """What was run, what came of it, and the counts that matter: a line each, or a few where the terminal is narrow.

    Only remarks are wrapped: of two names cut short nobody could tell which is which.
    """
    rows = [(escape(one.name), one.world, styled(one.ruling), *_counts(one)) for one in executions]
    table = Table(box=None, pad_edge=False)
    for column in ("scenario", "world", "ruling", *COUNTS):
        table.add_column(column, justify="right" if column in COUNTS else "left", no_wrap=True)
    table.add_column("", min_width=NARROWEST_REMARK)
    for row, one in zip(rows, executions, strict=True):
        table.add_row(*row, escape(_remark(one)))
    if Measurement.get(console, console.options.update(max_width=WIDEST), table).minimum <= console.width:
        console.print(table)
        return
    for (name, world, ruling, *counts), one in zip(rows, executions, strict=True):
        console.print(f"{ruling} [bold]{name}[/] ({world})")
        told = ", ".join(f"{count} {word}" for word, count in zip(COUNTS, counts, strict=True) if count)
        for words in filter(None, (told, escape(_remark(one)))):
            console.print(Padding(words, (0, 0, 0, 4), expand=False), soft_wrap=False)


def show_findings(execution: Execution, folder: RunFolder) -> None:
    """Everything a person needs of an execution that did not hold: what, to whom it happened, and how to see it again."""
    console.print(f"\n{styled(execution.ruling)} [bold]{execution.name}[/] ({execution.world}, seed {execution.seed})")
    if execution.reason:
        console.print(f"  {escape(execution.reason)}")
    wrong = [verdict for verdict in execution.verdicts if verdict.ruling in (Ruling.VIOLATED, Ruling.UNKNOWN)]
    for verdict in sorted(wrong, key=lambda verdict: worst_first(verdict.ruling)):
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


def show_challenges(challenges: Iterable[Challenge]) -> None:
    """What was planted, a line each: who caught it, where, in which schedule."""
    table = Table(box=None, pad_edge=False)
    for column in ("flaw", "ruling", "caught by", "in", "world", "seed"):
        table.add_column(column, no_wrap=True)
    for one in challenges:
        ruling = "[green]caught[/]" if one.is_caught else styled(one.ruling).replace("violated", "survived")
        seed = "" if one.seed is None else str(one.seed)
        table.add_row(one.name, ruling, one.caught_by, one.scenario, one.world, seed)
    console.print(table)


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
    for line in life_of(history, pair):
        console.print(f"    {escape(line)}")


def _remark(one: Execution | Campaign) -> str:
    if isinstance(one, Execution):
        return remark(one)
    parts = {"held": one.held, "without bite": one.no_bite, "violated": one.violated, "unknown": one.unknown}
    return f"{one.drawn} {one.unit}: " + ", ".join(f"{number} {what}" for what, number in parts.items() if number)


def _counts(one: Execution | Campaign) -> list[str]:
    """A cell for each of `COUNTS`: "?" where nobody knows, nothing where nothing ran."""
    values = [one.counts.get(key) for key in COUNTS.values()]
    return ["?" if value is None else str(value) for value in values] if one.counts else [""] * len(COUNTS)
