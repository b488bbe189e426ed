"""Stored load runs of one build, each compared with each other as its baseline: nothing became slower between them.

`python -m tests.harness.load.pairs DIR...` prints how often `harness load --baseline` says which word, as it was and with every
latency of the later run longer, and why where it was *slower* by mistake.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path

from harness.history import History
from harness.load.baseline import NAMES, Baseline, compared
from harness.load.contest import warm_up_ends_s
from harness.load.decision import Outcome
from harness.load.rows import Row, rows_of
from harness.results import POST, STATUS
from harness.verdict import Ruling

LONGER = (1.0, 1.25, 1.5, 2.0, 3.0)
NOTHING_DECIDED = Outcome(ruling=Ruling.UNKNOWN, is_final=True, decisions=(), look=1)


def rows_of_run(folder: Path) -> list[Row]:
    """What a run that was loaded alone measured of the endpoints with limits, made again from its history."""
    [path] = folder.glob("scenarios/load-after-real-*/history.jsonl")
    rows = rows_of(History.load(path), NOTHING_DECIDED, role="after", since_s=warm_up_ends_s(0))
    return [row for row in rows if row["endpoint"] in (POST, STATUS)]


def longer(row: Row, times: float) -> Row:
    """The row of a service that takes so many times as long."""
    return row | {f"{name}_ms": {key: ms and ms * times for key, ms in row[f"{name}_ms"].items()} for name in NAMES}


def changes(runs: Sequence[Sequence[Row]], *, times: float) -> list[list[str]]:
    """For each ordered pair of runs the word of every percentile, and its reason."""
    found = []
    for now, then in permutations(runs, 2):
        baseline = Baseline(run="", started_at="", platform="", rows={row["endpoint"]: row for row in then})
        rows = compared([longer(row, times) for row in now], baseline)
        found.append([f"{row['baseline'][name]['change']}: {row['baseline'][name]['reason']}" for row in rows for name in NAMES])
    return found


def main(words: Sequence[str] | None = None) -> None:
    """Print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+", metavar="DIR")
    runs = [rows_of_run(folder) for folder in parser.parse_args(words).runs]
    print("| the later run | pairs | something is slower in | percentiles | slower | unknown | none shown | faster |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    for times in LONGER:
        pairs = changes(runs, times=times)
        every = Counter(told.split(":")[0] for pair in pairs for told in pair)
        guilty = sum(any(told.startswith("slower") for told in pair) for pair in pairs)
        counts = " | ".join(str(every[word]) for word in ("slower", "unknown", "no difference shown", "faster"))
        print(f"| {times:g} times | {len(pairs)} | {guilty} | {every.total()} | {counts} |")
    wrong = [told for pair in changes(runs, times=1.0) for told in pair if told.startswith("slower")]
    print("\n".join(wrong))


if __name__ == "__main__":
    main()
