"""An outage of the mail provider that lasts costs no event its attempts, however few events and many workers there are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command import ROOT, harness, is_held, last_lines
from tests.run_folder import PATIENCE_SECONDS, execution

SCENARIO = '''"""SendGrid is away for a quarter of an hour while a few events wait."""

from harness import Scenario, between, checkers, faults, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=1, for_seconds={seconds}),
    faults=[between(0.5, 900, faults.SendGridAnswers(status=503))],
    settles_within_seconds=300,
    must_hold=[*checkers.the_contract],
)
'''


def system(folder: Path, *, workers: int) -> Path:
    """The reference with so many workers, each with a breaker that takes twenty failures to open, as by default."""
    text = (ROOT / "reference" / "systems" / "async.toml").read_text()
    head, worker = text.split("[worker]")
    worker = worker.replace("count = 2", f"count = {workers}", 1).replace('FAILURES = "10"', 'FAILURES = "20"')
    worker = worker.replace("breaker_failures = 10", "breaker_failures = 20")
    made = folder / "many.toml"
    made.write_text(f"{head}[worker]{worker}".replace("../flaws", str(ROOT / "reference" / "flaws")))
    return made


@pytest.mark.parametrize(("workers", "seconds"), [(2, 3), (8, 1)], ids=["three events", "one event and eight workers"])
def test_what_waits_for_a_quarter_of_an_hour_is_mailed_after_all(tmp_path: Path, workers: int, seconds: int) -> None:
    (tmp_path / "long_outage.py").write_text(SCENARIO.format(seconds=seconds))
    out = tmp_path / "out"
    chosen = ("--system", str(system(tmp_path, workers=workers)), "--world", "simulated")
    done = harness("run", str(tmp_path / "long_outage.py"), *chosen, "--out", str(out), timeout=PATIENCE_SECONDS)
    assert done.returncode == 0, last_lines(done)
    assert is_held(execution(out, "long_outage"))
