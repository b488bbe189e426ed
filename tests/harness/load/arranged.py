"""Load runs as a person types them, with a system file written for the test, and in shorter blocks where time matters.

A run of the real command takes 40 s and more: two blocks of 10 s, the stub, the rest. `hurried` is the same command with
blocks of 3 s, for what does not depend on how many requests there were.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.history import History
from tests.command import ROOT, harness, last_lines

MOODY = ROOT / "tests" / "harness" / "load" / "moody.py"
ASYNC = ROOT / "reference" / "systems" / "async.toml"
LAX = "[limits]\ningest_p50_ms = 2000\ningest_p95_ms = 3000\ningest_p99_ms = 5000\nstatus_p95_ms = 3000\n"
BLOCK_SECONDS = 3.0
HURRY = f"""
contest.BLOCK_SECONDS = {BLOCK_SECONDS}
contest.STUB_SECONDS = measurement.STUB_SECONDS = 1.0
contest.rounds_of = measurement.rounds_of = lambda load: 2
"""


@dataclass(frozen=True)
class Found:
    """What a load run left: how it ended, what it said, and its folder."""

    done: subprocess.CompletedProcess[str]
    out: Path

    @property
    def results(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.out / "results.json").read_text())
        return found

    @property
    def rows(self) -> dict[str, dict[str, Any]]:
        """What was measured of the judged system, by endpoint."""
        return {row["endpoint"]: row for row in self.results["load"] if row["role"] == "after"}

    @property
    def verdicts(self) -> dict[str, str]:
        """What each checker says of it."""
        [execution] = self.results["scenarios"]
        return {verdict["checker"]: verdict["ruling"] for verdict in execution["verdicts"]}

    @property
    def promises(self) -> str:
        """What all checkers together say: latency is not among them."""
        [execution] = self.results["scenarios"]
        ruling: str = execution["ruling"]
        return ruling

    def require_a_quiet_machine(self) -> None:
        """Skip what is left of a test if this machine was too busy to tell how fast a service is."""
        reasons = [row["reason"] for row in self.rows.values()]
        if any(busy in reason for reason in reasons for busy in ("could not keep up", "bare stub was slow too")):
            pytest.skip("this machine was too busy to tell how fast a service is; run it alone: make retest")

    def history(self, role: str = "after") -> History:
        [path] = self.out.glob(f"scenarios/load-{role}-real-*/history.jsonl")
        return History.load(path)

    def __str__(self) -> str:
        return last_lines(self.done)


def moody(folder: Path, mood: str, more: str = "", *, name: str = "moody") -> Path:
    """The file of the small service in that mood; `more` is TOML for [load] and [limits]."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.toml"
    path.write_text(f"""name = "{name}"
env = {{ DATABASE_URL = "{{postgres_url}}", MOOD = "{mood}" }}
[setup]
command = ["python", "{MOODY}", "migrate"]
[api]
command = ["python", "{MOODY}", "api", "{{port}}"]
ready = "/readyz"
count = 2
[observe]
rows = "SELECT source, id FROM events"
[claims]
longest_pause_seconds = 1
{more}""")
    return path


def of_reference(folder: Path, more: str = "", *, changes: dict[str, str] | None = None) -> Path:
    """The reference's own file with `changes` (what stands there, and what instead), and `more` TOML at its end."""
    text = ASYNC.read_text()
    for before, after in (changes or {}).items():
        assert before in text, f"{ASYNC.name} says no more: {before}"
        text = text.replace(before, after)
    path = folder / "async.toml"
    path.write_text(f"{text}\n{more}")
    return path


def load(system: Path, out: Path, *words: str, **more: Any) -> Found:
    """`harness load --after SYSTEM --gate WORDS...`."""
    return Found(harness("load", "--after", str(system), "--gate", "--out", str(out), *words, **more), out)


def hurried(system: Path, out: Path, *words: str) -> Found:
    """The same in blocks of three seconds: the first is warm-up, the second counts."""
    return arranged(HURRY, system, out, "--gate", *words)


def arranged(how: str, system: Path, out: Path, *words: str, timeout: float = 600, **environment: str) -> Found:
    """`harness load --after SYSTEM WORDS...`, but `how` is run first: Python that sets what no option does."""
    program = f"from harness.cli import main\nfrom harness.load import contest, measurement\n{how}\nmain()"
    command = [sys.executable, "-c", program, "load", "--after", str(system), "--out", str(out), *words]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=timeout, check=False
    )
    return Found(done, out)
