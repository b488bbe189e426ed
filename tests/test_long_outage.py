"""An outage of the mail provider that lasts: trials of the breaker use up no event's attempts, however few events share them."""

from __future__ import annotations

from pathlib import Path

from tests.command import harness, is_held, last_lines
from tests.run_folder import PATIENCE_SECONDS, execution

SCENARIO = '''"""SendGrid is away for a quarter of an hour while three events wait."""

from harness import Scenario, between, checkers, faults, traffic

scenario = Scenario(
    traffic=traffic.steady(per_second=1, for_seconds=3),
    faults=[between(0.5, 900, faults.SendGridAnswers(status=503))],
    settles_within_seconds=300,
    must_hold=[*checkers.the_contract],
)
'''


def test_three_events_that_wait_for_a_quarter_of_an_hour_are_mailed_after_all(tmp_path: Path) -> None:
    (tmp_path / "long_outage.py").write_text(SCENARIO)
    out = tmp_path / "out"
    words = ("run", str(tmp_path / "long_outage.py"), "--world", "simulated", "--out", str(out))
    done = harness(*words, timeout=PATIENCE_SECONDS)
    assert done.returncode == 0, last_lines(done)
    assert is_held(execution(out, "long_outage"))
