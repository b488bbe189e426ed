"""The real world, end to end: the reference holds, the draft is convicted, each by the command a person would type.

Four scenarios and three convictions here; docs/campaigns.md has all of them, several times in a row.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.command import harness, is_held, last_lines

PATIENCE_SECONDS = 400


def execution(out: Path, name: str) -> dict[str, Any]:
    results = json.loads((out / "results.json").read_text())
    found: dict[str, Any] = next(one for one in results["scenarios"] if one["name"] == name)
    return found


def violated(one: dict[str, Any]) -> set[str]:
    return {verdict["checker"] for verdict in one["verdicts"] if verdict["ruling"] == "violated"}


@pytest.mark.quiet
def test_the_reference_holds(tmp_path: Path) -> None:
    names = ("baseline", "sendgrid_outage", "worker_crash", "duplicate_storm")
    done = harness("run", *names, "--world", "real", "--out", str(tmp_path / "out"), timeout=PATIENCE_SECONDS)
    for name in names:
        one = execution(tmp_path / "out", name)
        counts = one["counts"]
        assert is_held(one), last_lines(done)
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
