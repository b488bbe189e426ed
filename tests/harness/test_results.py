"""What a judged history, many seeds and a whole run come to: the values of `results.json`."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from harness.results import Campaign, Results, execution_of, total
from harness.verdict import Ruling, Verdict
from tests.harness import runs, stories
from tests.harness.story import Story

EXECUTION_KEYS = {"name", "world", "seed", "ruling", "counts", "verdicts", "faults", "latency_ms", "repeat"}
PLAN = ({"fault": "WorkerCrashes"},)


def test_an_execution_has_the_keys_of_the_contract() -> None:
    execution = runs.judged(stories.crash(), [("evt_000012 is lost", "evt_000012")])
    data = dataclasses.asdict(execution)
    assert data.keys() >= EXECUTION_KEYS
    assert data["ruling"] == "violated"
    assert data["verdicts"][1].keys() >= {"checker", "ruling", "claim", "checked", "violations"}
    assert data["faults"][0].keys() >= {"name", "begin_s", "end_s", "evidence"}
    assert data["latency_ms"]["POST /ingest"] == {"requests": 30, "p50": 3.0, "p95": 3.0, "p99": 3.0, "max": 3.0}


def test_refusals_do_not_flatter_the_latency() -> None:
    story = Story().posted("slow", 0, took_s=0.2)
    for number in range(99):
        story.refused(f"refused {number}", 1, took_s=0.001)
    assert runs.judged(story.quiet(9).history).latency_ms["POST /ingest"]["p50"] == 200


@pytest.mark.parametrize(
    ("evidence", "quiet", "expected"),
    [(None, True, True), (None, False, False), ("pid changed", True, False)],
    ids=["no evidence", "no evidence, but still moving", "evidence, unknown for another reason"],
)
def test_no_bite_is_a_fault_that_proved_nothing(evidence: str | None, quiet: bool, expected: bool) -> None:
    story = Story(plan=PLAN).suffered("WorkerCrashes", 1, 2, "worker-0", evidence=evidence)
    story = story.quiet(9) if quiet else story.restless(9)
    undecided = [Verdict(ruling=Ruling.UNKNOWN, reason="too few samples", checker="ingest_stays_fast")]
    execution = execution_of(story.history, undecided, folder="", wall_s=0, cpu_s=0)
    assert execution.no_bite is expected
    assert execution.reason == "too few samples"


def test_a_violation_needs_no_fault() -> None:
    execution = runs.judged(Story(plan=PLAN).quiet(9).history, [("lost", "a")])
    assert execution.ruling is Ruling.VIOLATED
    assert not execution.no_bite


def campaign(*rulings: Ruling, no_bite: int = 0) -> Campaign:
    counted = [runs.ruled(ruling, world="simulated", cpu_s=0.5) for ruling in rulings]
    missed = runs.ruled(Ruling.UNKNOWN, world="simulated", cpu_s=0.5, no_bite=True)
    return Campaign.of([missed] * no_bite + counted, repeat="harness run s --seeds 9")


def test_a_campaign_counts_its_seeds() -> None:
    row = campaign(Ruling.HELD, Ruling.HELD, Ruling.UNKNOWN, no_bite=3)
    assert (row.held, row.unknown, row.violated, row.no_bite, row.drawn, row.cpu_s) == (2, 1, 0, 3, 6, 3.0)
    assert row.ruling is Ruling.UNKNOWN
    assert campaign(Ruling.HELD, no_bite=9).ruling is Ruling.HELD
    assert dataclasses.replace(campaign(Ruling.HELD, no_bite=9), wanted=2).ruling is Ruling.UNKNOWN, "fewer bit than were wanted"
    assert campaign(Ruling.UNKNOWN, Ruling.VIOLATED).ruling is Ruling.VIOLATED


def test_a_no_bite_seed_counts_only_by_itself() -> None:
    row = campaign(Ruling.HELD)
    missed = runs.ruled(Ruling.UNKNOWN, world="simulated", no_bite=True)
    assert Results.overall([missed], [row]) is Ruling.HELD
    assert Results.overall([missed]) is Ruling.UNKNOWN
    assert Results.overall([]) is Ruling.NOT_APPLICABLE


def test_a_sum_of_what_nobody_knows_is_not_known() -> None:
    known, unknown = runs.ruled(Ruling.HELD, counts={"lost": 2}), runs.ruled(Ruling.HELD, counts={"lost": None})
    assert total([known, known], "lost") == 4
    assert total([known, unknown], "lost") is None


@given(some.recursive(some.none() | some.integers() | some.text(), lambda inner: some.dictionaries(some.text(), inner)))
def test_no_json_breaks_the_reading_of_results(data: object) -> None:
    for text in (json.dumps(data), json.dumps({"schema": 1, "scenarios": [data], "ruling": "held"})):
        with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
            Results.from_json(text)
