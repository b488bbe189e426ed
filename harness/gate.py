"""The load run as the command line sees it: what is wished, what goes on meanwhile, and what came of it. The work is `load/`."""

from __future__ import annotations

from argparse import Namespace

from rich.markup import escape
from rich.table import Table

from harness import systems
from harness.archive import RunFolder
from harness.display import announce, console, stages, styled
from harness.load.measurement import Measurement, Wish, measure
from harness.load.rows import PERCENTILES, Row, in_words
from harness.results import Results
from harness.verdict import Ruling


def wish_of(words: Namespace) -> Wish:
    """What the command line asks for. Raises UsageError for a system that does not exist."""
    before = systems.load(words.before) if words.before else None
    said = ["harness load", *(["--before", words.before] if words.before else []), "--after", words.after]
    said += ["--gate"] if words.gate else []
    return Wish(
        after=systems.load(words.after),
        before=before,
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


def _ruling(row: Row) -> str:
    return styled(Ruling(row["ruling"])) if row["limits_ms"] else ""
