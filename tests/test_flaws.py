"""The harness proves itself: each flaw planted into the reference is caught in the simulation by the checker meant for it."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from harness import checkers, scenario
from harness.archive import Execution
from harness.runner import Order, execute
from harness.verdict import Ruling

FILES = sorted((Path(__file__).resolve().parent.parent / "reference" / "flaws").glob("[!_]*.py"))
FLAWS: dict[Path, dict[str, Any]] = {path: runpy.run_path(str(path)) for path in FILES}
SIMULATED = [path for path, flaw in FLAWS.items() if flaw.get("WORLD", "simulated") != "real"]
SEEDS = 60
FEWEST, FEWEST_SIMULATED = 40, 32


def judged(order: Order) -> set[str]:
    """The checkers that accuse an execution."""
    execution: Execution = execute(order, None).execution
    return {verdict.checker for verdict in execution.verdicts if verdict.ruling is Ruling.VIOLATED}


@pytest.mark.parametrize("path", SIMULATED, ids=lambda path: path.stem)
def test_a_flaw_is_caught_by_the_checker_meant_for_it(path: Path) -> None:
    flaw = FLAWS[path]
    for seed in range(1, SEEDS + 1):
        where = {"scenario": flaw["IN"], "system": flaw.get("SYSTEM", "async"), "world": "simulated", "seed": seed}
        if flaw["CAUGHT_BY"] in judged(Order(**where, flaw=str(path))):
            accused = judged(Order(**where))
            assert not accused, f"seed {seed} accuses the sound reference too: {accused}"
            return
    pytest.fail(f"{flaw['CAUGHT_BY']} saw nothing in {SEEDS} seeds of {flaw['IN']}")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_flaw_tells_in_one_sentence_what_it_is_and_who_should_see_it(path: Path) -> None:
    flaw = FLAWS[path]
    story = (flaw["__doc__"] or "").strip()
    assert story.endswith(".")
    assert "\n\n" not in story
    assert flaw["CAUGHT_BY"] in checkers.CHECKERS
    assert flaw["IN"] in scenario.names()
    assert flaw.get("WORLD", "simulated") in ("simulated", "real", "both")


def test_there_are_enough_flaws() -> None:
    assert len(FILES) >= FEWEST
    assert len(SIMULATED) >= FEWEST_SIMULATED
