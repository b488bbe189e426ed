"""A fault that was made ineffective on purpose proves nothing: the ruling is unknown, the exit code 3, never held."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command import harness

NEVER_REACHED = '''"""The worker would be killed at an operation nobody ever performs."""
from harness import Scenario, at_operation, checkers, faults, traffic, upon
scenario = Scenario(
    traffic=traffic.steady(per_second=10, for_seconds=3),
    faults=[upon(at_operation(1_000_000), faults.WorkerCrashes(), for_seconds=1)],
    must_hold=[*checkers.the_contract],
)
'''

ALREADY_GONE = '''"""The second kill is aimed at a worker that is already gone."""
from harness import Scenario, between, checkers, faults, traffic
scenario = Scenario(
    traffic=traffic.steady(per_second=10, for_seconds=6),
    faults=[between(begin, 4, faults.WorkerCrashes()) for begin in (1, 2, 3)],
    must_hold=[*checkers.the_contract],
)
'''

NO_ONE_CALLS = '''"""SendGrid is down, but nobody wants a mail."""
from harness import Scenario, between, checkers, faults, traffic
scenario = Scenario(
    traffic=traffic.steady(per_second=10, for_seconds=5, mailed=0.0),
    faults=[between(1, 3, faults.SendGridAnswers(status=503))],
    must_hold=[checkers.every_accepted_event_is_stored_once, checkers.nothing_is_invented],
)
'''


@pytest.mark.parametrize(
    ("story", "world"),
    [
        (NEVER_REACHED, "simulated"),
        (ALREADY_GONE, "simulated"),
        (ALREADY_GONE, "real"),
        (NO_ONE_CALLS, "simulated"),
        (NO_ONE_CALLS, "real"),
    ],
)
def test_a_fault_that_did_not_bite_is_unknown(tmp_path: Path, story: str, world: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(story)
    done = harness("run", str(path), "--world", world, "--out", str(tmp_path / "out"), timeout=150)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "every_fault_bit" in done.stdout
    assert "violated" not in done.stdout
