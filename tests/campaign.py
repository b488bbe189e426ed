"""The long counts that are too long for `make test`: `make campaign` (SEEDS=200 RUNS=3). Figures go to docs/campaigns.md.

Every part is a `harness run` that anybody can repeat; this only runs them one after the other and prints one table.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.command import COMMAND, ROOT


@dataclass(frozen=True, slots=True)
class Part:
    """One command, and the exit code it must have."""

    name: str
    words: tuple[str, ...]
    expected: int


def parts(seeds: int, runs: int) -> list[Part]:
    """The whole campaign: the reference in both worlds and both modes, and the draft."""
    simulated = [
        Part(f"simulated-{system}", ("run", "--system", system, "--world", "simulated", "--seeds", str(seeds)), 0)
        for system in ("async", "sync")
    ]
    real = [
        Part(f"real-{system}-{number}", ("run", "--system", system, "--world", "real", "--seed", str(number)), 0)
        for system in ("async", "sync")
        for number in range(1, runs + 1)
    ]
    return [*simulated, *real, Part("real-draft", ("run", "--system", "draft", "--world", "real"), 1)]


def carry_out(part: Part, out: Path) -> list[str]:
    """Run one part; its rows of the table."""
    folder = out / part.name
    print(f"\n$ harness {' '.join(part.words)}", flush=True)
    code = subprocess.run([*COMMAND, *part.words, "--out", str(folder)], cwd=ROOT, check=False).returncode
    results = json.loads((folder / "results.json").read_text())
    rows = [_seeds(row) for row in results["campaigns"]] or [_executions(results["scenarios"])]
    verdict = "as expected" if code == part.expected else f"**expected exit {part.expected}**"
    return [f"| {part.name} | {row} | {results['wall_s']:.0f} | {code}, {verdict} |" for row in rows]


def _seeds(row: dict[str, Any]) -> str:
    bit = row["held"] + row["violated"] + row["unknown"]
    return f"{row['name']} | {row['held']} of {bit} held, {row['no_bite']} without bite, {row['cpu_s']:.0f} s CPU"


def _executions(executions: list[dict[str, Any]]) -> str:
    rulings = Counter(one["ruling"].replace("_", " ") for one in executions)
    return "all | " + ", ".join(f"{number} {ruling}" for ruling, number in sorted(rulings.items()))


def main() -> int:
    """Run everything, print the table, exit 1 if something came out otherwise than expected."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--seeds", type=int, default=200)
    words.add_argument("--runs", type=int, default=3)
    words.add_argument("--out", type=Path, default=ROOT / "reports" / "campaign")
    words.add_argument("--only", default="", help="only parts whose name begins so")
    given = words.parse_args()
    chosen = [part for part in parts(given.seeds, given.runs) if part.name.startswith(given.only)]
    rows = [row for part in chosen for row in carry_out(part, given.out)]
    print("\n| part | scenario | result | wall s | exit |\n|---|---|---|--:|---|", *rows, sep="\n")
    return int(any("**expected" in row for row in rows))


if __name__ == "__main__":
    sys.exit(main())
