"""What of a load run stands in the results: plain JSON, the judged system's own limits, the bare stub beside it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.load.decision import Rule, Seen, decide
from harness.load.rows import limits_of, row_of_stub, rows_of
from harness.load.samples import ENDPOINTS, of_endpoint, of_lateness, of_stub
from harness.results import POST, STATUS
from harness.systems import Limits
from tests.harness.story import Story

SECONDS = 60


def loaded(*, took_s: float = 0.005, unanswered: float = 0.0) -> Story:
    """50 POSTs and 50 reads a second, one probe in each second; `unanswered` is a share of the POSTs."""
    story = Story()
    for number in range(50 * SECONDS):
        at_s = number / 50
        if unanswered and number % round(1 / unanswered) == 0:
            story.unanswered(f"e{number}", at_s)
        else:
            story.posted(f"e{number}", at_s, took_s=took_s)
        story.read(f"e{number}", at_s, took_s=took_s)
        if number % 50 == 0:
            story.probed(at_s, 0.001)
    return story


def rows(story: Story, own: Limits | None = None) -> dict[str, dict[str, Any]]:
    history = story.history
    seen = Seen(
        samples={name: of_endpoint(history, name) for name in ENDPOINTS}, stub=of_stub(history), lateness=of_lateness(history)
    )
    outcome = decide(Rule(limits=limits_of(own or Limits()), looks=1), seen, look=1)
    return {row["endpoint"]: row for row in rows_of(history, outcome, role="after", since_s=0.0)}


def test_a_fast_service_holds_every_limit() -> None:
    made = rows(loaded())
    assert made[POST]["limits_ms"] == {"p50": 30.0, "p95": 50.0, "p99": 100.0}
    assert made[STATUS]["limits_ms"] == {"p95": 20.0}
    assert {row["ruling"] for row in made.values() if row["limits_ms"]} == {"held"}
    assert made[POST]["rate_per_s"] == 50
    assert made[POST]["p95_ms"]["value"] == 5.0


def test_a_systems_own_limit_counts() -> None:
    made = rows(loaded(took_s=0.2), Limits(ingest_p50_ms=300, ingest_p95_ms=400, ingest_p99_ms=500, status_p95_ms=300))
    assert {row["ruling"] for row in made.values() if row["limits_ms"]} == {"held"}


def test_a_slow_service_is_convicted_with_figures() -> None:
    made = rows(loaded(took_s=0.2))
    assert made[POST]["ruling"] == "violated"
    assert "P95 of POST /ingest is 200.0 ms" in made[POST]["reason"]


def test_hanging_is_not_rewarded_and_infinity_is_no_json() -> None:
    row = rows(loaded(unanswered=0.2))[POST]
    assert row["failures"] == 600
    assert row["ruling"] == "violated"
    assert row["p95_ms"]["value"] is None
    json.loads(json.dumps(row, allow_nan=False))


def test_nothing_but_duplicates_is_unknown() -> None:
    story = Story()
    for number in range(1000):
        story.posted("same", number / 50, "duplicate", took_s=0.001)
    assert rows(story)[POST]["ruling"] == "unknown"


def test_the_stub_has_a_row_without_limits() -> None:
    row = row_of_stub([0.5] * 200, 4.0)
    assert (row["role"], row["ruling"], row["limits_ms"]) == ("stub", "not_applicable", {})
    assert row["p99_ms"]["value"] == 0.5
    assert row_of_stub([], 4.0)["p50_ms"]["value"] is None


@pytest.mark.parametrize("name", ["ingest_p50_ms", "ingest_p95_ms", "ingest_p99_ms", "status_p95_ms"])
def test_every_limit_of_a_system_file_is_judged(name: str) -> None:
    judged = {limit.limit_ms for limit in limits_of(Limits(**{name: 7.0}))}
    assert 7.0 in judged
    assert len(limits_of(Limits())) == 4
