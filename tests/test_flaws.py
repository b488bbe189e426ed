"""The harness proves itself: each flaw planted into the reference is caught in the simulation by the checker meant for it."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from harness.archive import Execution
from harness.runner import Order, execute
from harness.verdict import Ruling

FLAWS = sorted((Path(__file__).resolve().parent.parent / "reference" / "flaws").glob("[!_]*.py"))
SEEDS = 200


def judged(flaw: str, *, scenario: str, seed: int) -> Execution:
    return execute(Order(scenario=scenario, system="async", world="simulated", seed=seed, flaw=flaw), None).execution


def accused_by(execution: Execution) -> set[str]:
    return {verdict.checker for verdict in execution.verdicts if verdict.ruling is Ruling.VIOLATED}


@pytest.mark.parametrize("path", FLAWS, ids=lambda path: path.stem)
def test_a_flaw_is_caught_by_the_checker_meant_for_it(path: Path) -> None:
    flaw: dict[str, Any] = runpy.run_path(str(path))
    for seed in range(1, SEEDS + 1):
        if flaw["CAUGHT_BY"] in accused_by(judged(str(path), scenario=flaw["IN"], seed=seed)):
            sound = judged("", scenario=flaw["IN"], seed=seed)
            assert not accused_by(sound), f"seed {seed} accuses the sound reference too: {accused_by(sound)}"
            return
    pytest.fail(f"{flaw['CAUGHT_BY']} saw nothing in {SEEDS} seeds of {flaw['IN']}")


@pytest.mark.parametrize("path", FLAWS, ids=lambda path: path.stem)
def test_a_flaw_tells_in_one_sentence_what_it_is(path: Path) -> None:
    story = (runpy.run_path(str(path))["__doc__"] or "").strip()
    assert story.endswith(".")
    assert "\n\n" not in story


def test_there_are_the_ten_flaws_of_the_classics() -> None:
    assert len(FLAWS) >= 10
