"""Services that break one promise each, in the simulation, so as only one checker looks at it: that checker sees every one.

Their likes in `reference/flaws/` are the ones `harness prove` shows; these stand here because they belong to one checker.
"""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from harness.runner import Order, execute
from harness.verdict import Ruling

FLAWS = sorted((Path(__file__).parent / "flaws").glob("*.py"))
SEEDS = 3


@pytest.mark.parametrize("path", FLAWS, ids=lambda path: path.stem)
def test_a_small_flaw_is_caught_by_its_checker(path: Path) -> None:
    flaw: dict[str, Any] = runpy.run_path(str(path))
    accused: set[str] = set()
    for seed in range(1, SEEDS + 1):
        order = Order(scenario=flaw["IN"], system="async", world="simulated", seed=seed, flaw=str(path))
        verdicts = execute(order, None).execution.verdicts
        accused |= {verdict.checker for verdict in verdicts if verdict.ruling is Ruling.VIOLATED}
    assert flaw["CAUGHT_BY"] in accused
