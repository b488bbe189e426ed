"""The `harness` command as a person types it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
COMMAND = [sys.executable, "-m", "harness"]


def harness(
    *words: str, timeout: float = 120, environment: dict[str, str] | None = None, folder: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """Run `harness WORDS...` and wait for it."""
    return subprocess.run(
        [*COMMAND, *words],
        cwd=folder,
        env=os.environ | (environment or {}),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def is_held(execution: dict[str, Any]) -> bool:
    """Held, or undecided only because this machine was too busy to tell how fast the service is: tests share it."""
    undecided = [verdict for verdict in execution["verdicts"] if verdict["ruling"] == "unknown"]
    busy = all(verdict["checker"] == "ingest_stays_fast" or "machine was too busy" in verdict["reason"] for verdict in undecided)
    return execution["ruling"] == "held" or (execution["ruling"] == "unknown" and bool(undecided) and busy)


def last_lines(done: subprocess.CompletedProcess[str]) -> str:
    """What a failing test shows of it."""
    return f"exit {done.returncode}\n{done.stdout[-6000:]}\n{done.stderr[-3000:]}"
