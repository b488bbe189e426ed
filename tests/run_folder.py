"""What a run left on disk: its executions, and the folder of each. `conftest.py` makes one that several tests look at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

PATIENCE_SECONDS = 600
SCENARIOS = ("baseline", "sendgrid_outage", "worker_crash", "duplicate_storm", "backlog", "redis_restart", "poison_event")


def execution(out: Path, name: str) -> dict[str, Any]:
    """The execution of that scenario, as results.json has it."""
    results = json.loads((out / "results.json").read_text())
    found: dict[str, Any] = next(one for one in results["scenarios"] if one["name"] == name)
    return found


def folder(out: Path, name: str) -> Path:
    """Its folder: the one of the second try, if there was one."""
    return out / str(execution(out, name)["folder"])
