"""Somebody else's service, written without anything of ours and without Redis, is judged from one TOML file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command import ROOT, harness, is_held, last_lines

FOREIGN = ROOT / "tests" / "foreign"


def rulings(out: Path) -> dict[str, str]:
    executions = json.loads((out / "results.json").read_text())["scenarios"]
    return {one["name"]: "held" if is_held(one) else one["ruling"] for one in executions}


@pytest.mark.quiet
def test_it_passes_when_sound_and_what_needs_redis_does_not_apply(tmp_path: Path) -> None:
    names = ("worker_crash", "postgres_restart", "poison_event", "redis_restart")
    words = ("run", *names, "--system", str(FOREIGN / "foreign.toml"), "--out", str(tmp_path / "out"))
    done = harness(*words, timeout=300)
    assert rulings(tmp_path / "out") == {
        "worker_crash": "held",
        "postgres_restart": "held",
        "poison_event": "held",
        "redis_restart": "not_applicable",
    }, last_lines(done)


def test_it_is_convicted_when_it_loses_an_event(tmp_path: Path) -> None:
    words = ("run", "baseline", "--system", str(FOREIGN / "foreign_loses.toml"), "--out", str(tmp_path / "out"))
    done = harness(*words, timeout=200)
    assert done.returncode == 1, last_lines(done)
    assert "every_accepted_event_is_stored_once" in done.stdout


def test_a_run_in_which_nothing_applies_is_no_pass(tmp_path: Path) -> None:
    words = ("run", "redis_restart", "--system", str(FOREIGN / "foreign.toml"), "--out", str(tmp_path / "out"))
    done = harness(*words)
    assert done.returncode == 3, last_lines(done)


def test_it_imports_nothing_of_ours() -> None:
    text = (FOREIGN / "service.py").read_text()
    assert "import harness" not in text
    assert "from harness" not in text
    assert "reference" not in text
    assert "redis" not in text.lower()
