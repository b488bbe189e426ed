"""The load run as the command line sees it: what is wished, what goes on meanwhile, and what came of it. The work is `load/`."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from harness import systems
from harness.archive import RunFolder
from harness.load import baseline
from harness.load.baseline import Baseline
from harness.load.measurement import Measurement, Wish, measure
from harness.load.rows import PERCENTILES, Row, in_words
from harness.results import Results
from harness.verbs.display import announce, console, stages, styled
from harness.verdict import Ruling


def wish_of(words: Namespace) -> Wish:
    """What the command line asks for. Raises UsageError for a system that does not exist, or a baseline of something else."""
    before, after = systems.load(words.before) if words.before else None, systems.load(words.after)
    said = ["harness load", *(["--before", words.before] if words.before else []), "--after", words.after]
    said += [*(["--baseline", words.baseline] if words.baseline else []), *(["--gate"] if words.gate else [])]
    return Wish(
        after=after,
        before=before,
        baseline=Baseline.open(Path(words.baseline), after) if words.baseline else None,
        gate=words.gate,
        seed=words.seed,
        processes=words.load_processes,
        repeat=" ".join([*said, "--seed", str(words.seed)]),
    )


def wish_of_acceptance(words: Namespace) -> Wish:
    """What `harness accept` asks: our own service also against the one it replaces; in a hurry no longer than it takes."""
    before = systems.load("sync") if words.system == "async" else None
    said = ["harness load", *(["--before sync"] if before else []), "--after", words.system, *(["--gate"] if words.quick else [])]
    repeat = " ".join([*said, "--seed", str(words.seed)])
    return Wish(after=systems.load(words.system), before=before, gate=words.quick, seed=words.seed, repeat=repeat)


def measured(wish: Wish, folder: RunFolder) -> Measurement:
    """Do it, with what is going on shown meanwhile."""
    announce(f"load on {' and '.join(system.name for system in wish.systems.values())}")
    with stages() as watch:
        return measure(wish, folder, show=watch)


def show(results: Results) -> None:
    """The rows, before beside after."""
    table = Table(box=None, pad_edge=False)
    numbers = ("requests", "failures", *(f"P{percent} ms" for percent in PERCENTILES))
    for column in ("", "system", "endpoint", *numbers, "ruling"):
        table.add_column(column, justify="right" if column in numbers else "left")
    for row in results.load:
        figures = [in_words(row[f"p{percent}_ms"]) for percent in PERCENTILES]
        counts = [f"{row['requests']:,}", f"{row['failures']:,}"]
        table.add_row(row["role"], escape(row["system"]), escape(row["endpoint"]), *counts, *figures, _ruling(row))
    console.print(table)
    for row in results.load:
        if row["role"] == "after" and row["reason"]:
            console.print(f"  {styled(Ruling(row['ruling']))} {escape(row['reason'])}")
    _show_baseline(results.load)


def _show_baseline(rows: Sequence[Row]) -> None:
    lines = baseline.cells(rows)
    if not lines:
        return
    table = Table(box=None, pad_edge=False)
    for column in baseline.COLUMNS:
        table.add_column(column, justify="right" if column in baseline.NUMBERS else "left")
    for line in lines:
        table.add_row(*(escape(words) for words in line))
    console.print("\ncompared with the baseline:")
    console.print(table)
    for row in rows:
        for reason in baseline.reasons(row):
            console.print(f"  {escape(reason)}")


def _ruling(row: Row) -> str:
    return styled(Ruling(row["ruling"])) if row["limits_ms"] else ""
