"""The real world, end to end: the reference holds, the draft is convicted, each by the command a person would type.

Seven scenarios and three convictions here; docs/campaigns.md has all of them, several times in a row. What was scraped
meanwhile is what `test_alerts_on_scrapes.py` tries the alert rules on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.command import harness, is_held, last_lines
from tests.run_folder import PATIENCE_SECONDS, SCENARIOS, execution


def violated(one: dict[str, Any]) -> set[str]:
    return {verdict["checker"] for verdict in one["verdicts"] if verdict["ruling"] == "violated"}


@pytest.mark.quiet
@pytest.mark.xdist_group("reference")
@pytest.mark.parametrize("name", SCENARIOS)
def test_the_reference_holds(reference_run: Path, name: str) -> None:
    one = execution(reference_run, name)
    counts = one["counts"]
    assert is_held(one), [verdict for verdict in one["verdicts"] if verdict["ruling"] in ("unknown", "violated")]
    assert counts["accepted"] > 0
    assert counts["lost"] == counts["stored_twice"] == 0


@pytest.fixture(scope="session")
def draft(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("draft") / "out"
    names = ("worker_crash", "sendgrid_outage", "duplicate_storm")
    done = harness("run", *names, "--system", "draft", "--out", str(out), timeout=PATIENCE_SECONDS)
    assert done.returncode == 1, last_lines(done)
    return out


@pytest.mark.xdist_group("draft")
def test_the_draft_loses_the_event_of_a_worker_that_dies(draft: Path) -> None:
    one = execution(draft, "worker_crash")
    assert one["counts"]["lost"] >= 1
    assert violated(one) & {"every_accepted_event_is_stored_once", "every_accepted_event_is_mailed"}


@pytest.mark.xdist_group("draft")
def test_the_draft_completes_events_without_their_mail(draft: Path) -> None:
    one = execution(draft, "sendgrid_outage")
    assert {"every_accepted_event_is_mailed", "completed_means_done"} <= violated(one)


@pytest.mark.xdist_group("draft")
def test_the_draft_accepts_one_event_twice(draft: Path) -> None:
    assert "one_acceptance_per_pair" in violated(execution(draft, "duplicate_storm"))


@pytest.mark.xdist_group("draft")
def test_the_report_tells_the_life_of_the_lost_event(draft: Path) -> None:
    report = (draft / "report.md").read_text()
    lost = next(
        violation["pair"]
        for verdict in execution(draft, "worker_crash")["verdicts"]
        for violation in verdict["violations"]
        if violation["pair"] and verdict["checker"].startswith("every_accepted_event_is_")
    )
    assert lost[1] in report
    assert "WorkerCrashes" in report
