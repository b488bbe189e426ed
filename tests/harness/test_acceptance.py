"""The acceptance criteria: a criterion is held only by scenarios that put it to the test, and were decided."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from harness import acceptance, archive
from harness.acceptance import CRITERIA
from harness.checkers import CHECKERS
from harness.results import Campaign, CriterionRuling, Execution
from harness.verdict import Ruling, Verdict, Violation

COUNTS: dict[str, int | None] = {
    "accepted": 1200,
    "duplicate": 40,
    "stored": 1200,
    "mailed": 1200,
    "stored_twice": 0,
    "mailed_twice": 0,
    "lost": 0,
}


def verdict(checker: str, ruling: Ruling = Ruling.HELD, *, reason: str = "") -> Verdict:
    violations = (Violation("lost", None),) * 3 if ruling is Ruling.VIOLATED else ()
    return Verdict(ruling=ruling, checker=checker, checked=5, reason=reason, violations=violations)


def execution(name: str, *verdicts: Verdict, ruling: Ruling = Ruling.HELD) -> Execution:
    return Execution(name=name, world="real", seed=1, system="async", ruling=ruling, counts=COUNTS, verdicts=verdicts)


def ruled(name: str, *executions: Execution, campaigns: tuple[Campaign, ...] = ()) -> CriterionRuling:
    results = archive.assemble("accept", "async", scenarios=executions, campaigns=campaigns, started_at="", wall_s=0)
    return next(one for one in acceptance.judge(results) if one.name == name)


DELIVERY = "every_accepted_event_is_stored_once"


def test_there_are_the_seven_of_the_draft_and_every_checker_exists() -> None:
    assert len(CRITERIA) == 7
    named = {checker for criterion in CRITERIA for checker in criterion.checkers} - {acceptance.LOAD}
    assert named <= set(CHECKERS), named - set(CHECKERS)
    assert set(acceptance.VOIDS_AN_EXECUTION) <= set(CHECKERS)


def test_what_this_run_did_not_try_stays_outside() -> None:
    one = ruled("rollback", execution("worker_crash", verdict(DELIVERY)))
    assert one.ruling is None


@pytest.mark.parametrize(
    ("name", "scenario", "checker"),
    [
        ("queue_depth", "backlog", "queue_depth_shows_the_backlog"),
        ("tracing", "baseline", "a_trace_leads_from_post_to_mail"),
        ("rollback", "flag_flips", "the_flag_is_followed"),
    ],
)
def test_what_one_scenario_looks_for_is_judged_where_it_ran(name: str, scenario: str, checker: str) -> None:
    assert ruled(name, execution(scenario, verdict(checker))).ruling is Ruling.HELD
    assert ruled(name, execution("worker_crash", verdict(DELIVERY))).ruling is None


def test_a_held_criterion_gives_its_numbers() -> None:
    one = ruled("reliability", execution("worker_crash", verdict(DELIVERY)), execution("deploy", verdict(DELIVERY)))
    assert one.ruling is Ruling.HELD
    assert one.evidence == "2 scenarios, 2,400 accepted events, 2,400 stored, 2,400 mailed, 0 lost"


def test_what_was_lost_where_all_held_was_lost_beyond_the_claims() -> None:
    excused = dataclasses.replace(execution("deploy", verdict(DELIVERY)), counts={**COUNTS, "lost": 36})
    one = ruled("reliability", execution("worker_crash", verdict(DELIVERY)), excused)
    assert one.evidence.endswith("2,400 mailed, 0 lost within its claims and 36 beyond them")


def test_a_campaign_adds_its_seeds_and_is_not_counted_twice() -> None:
    row = Campaign(name="worker_crash", world="simulated", system="async", held=200, counts={**COUNTS, "accepted": 4000})
    kept = dataclasses.replace(execution("worker_crash", verdict(DELIVERY)), world="simulated")
    one = ruled("reliability", execution("worker_crash", verdict(DELIVERY)), kept, campaigns=(row,))
    assert one.evidence.startswith("1 scenario, 5,200 accepted events")
    assert one.evidence.endswith("200 simulated seeds held")


def test_a_criterion_nobody_put_to_the_test_is_not_held() -> None:
    one = ruled("reliability", execution("baseline", verdict(DELIVERY)))
    assert one.ruling is None
    assert one.checkers
    assert "worker_crash" in one.evidence


def test_a_violation_anywhere_counts() -> None:
    guilty = execution("poison_event", verdict(DELIVERY, Ruling.VIOLATED), ruling=Ruling.VIOLATED)
    one = ruled("reliability", execution("worker_crash", verdict(DELIVERY)), guilty)
    assert one.ruling is Ruling.VIOLATED
    assert one.evidence == f"3 violations: {DELIVERY} in poison_event (real)"


@pytest.mark.parametrize("voiding", acceptance.VOIDS_AN_EXECUTION)
def test_what_held_while_nothing_went_wrong_is_no_evidence(voiding: str) -> None:
    void = execution(
        "worker_crash", verdict(DELIVERY), verdict(voiding, Ruling.UNKNOWN, reason="it never bit"), ruling=Ruling.UNKNOWN
    )
    one = ruled("reliability", void)
    assert one.ruling is Ruling.UNKNOWN
    assert one.evidence.startswith("could not be decided in worker_crash (real)")


def test_what_is_not_applicable_is_neither_held_nor_violated() -> None:
    nothing = execution("sendgrid_outage", verdict("provider_is_spared", Ruling.NOT_APPLICABLE, reason="no claim of a breaker"))
    one = ruled("breaker", nothing)
    assert one.ruling is Ruling.NOT_APPLICABLE
    assert one.evidence == "not applicable: no claim of a breaker"


def test_the_latency_of_real_scenarios_is_mentioned_not_judged() -> None:
    seen = dataclasses.replace(execution("baseline", verdict(DELIVERY)), latency_ms={"POST /ingest": {"p95": 7.25}})
    one = ruled("latency", seen)
    assert one.ruling is None
    assert "POST /ingest 7.2 ms" in one.evidence


def load_row(ruling: str, *, role: str = "after", reason: str = "") -> dict[str, Any]:
    figure = {"value": 12.3, "low": 11.0, "high": None}
    row = {"system": "async", "role": role, "endpoint": "POST /ingest", "requests": 4000, "failures": 0, "rate_per_s": 50.0}
    return row | {"p95_ms": figure, "limits_ms": {"p95": 50.0}, "ruling": ruling, "reason": reason}


@pytest.mark.parametrize("ruling", ["held", "violated", "unknown"])
def test_latency_is_judged_by_the_load_run_of_the_system_alone(ruling: str) -> None:
    rows = [load_row("violated", role="before"), load_row(ruling, reason="" if ruling == "held" else "why")]
    results = archive.assemble("load", "async", scenarios=(), load=rows, started_at="", wall_s=0)
    one = next(one for one in acceptance.judge(results) if one.name == "latency")
    assert one.ruling == ruling
    assert one.evidence == ("POST /ingest P95 12.3 of 50 ms; 4,000 POSTs at 50/s" if ruling == "held" else "why")
    assert results.ruling == ruling


def test_criteria_become_part_of_the_results() -> None:
    results = archive.assemble("run", "async", scenarios=(), started_at="", wall_s=0)
    assert acceptance.with_criteria(results).criteria == acceptance.judge(results)
