"""Whether a run proves anything: without evidence it is unknown, never held."""

from __future__ import annotations

from typing import Any

import pytest

from harness.checkers import acknowledgements_fell_inside_the_fault, every_fault_bit, judge, ruling, world_came_to_rest
from harness.faults import RedisCrashes, SendGridAnswers, WorkerCrashes
from harness.history import Rest
from harness.verdict import Ruling
from tests.harness.story import Story, plan, said

TWO = plan(WorkerCrashes(), RedisCrashes())


def test_faults_that_all_bit_hold() -> None:
    story = Story(plan=TWO).suffered("WorkerCrashes", 5, 8, "worker-0").suffered("RedisCrashes", 5, 8, "redis", index=1)
    verdict = story.judged_by(every_fault_bit)
    assert (verdict.ruling, verdict.checked) == (Ruling.HELD, 2)


@pytest.mark.parametrize("evidence", [None, ""])
def test_a_fault_without_evidence_proved_nothing(evidence: str | None) -> None:
    story = Story(plan=TWO).suffered("WorkerCrashes", 5, 8, evidence=evidence).suffered("RedisCrashes", 5, 8, "redis", index=1)
    assert said(story.judged_by(every_fault_bit)) == (
        "unknown; did not bite and so proved nothing: WorkerCrashes (left no evidence)"
    )


def test_a_planned_fault_that_never_happened_proved_nothing() -> None:
    verdict = Story(plan=TWO).suffered("WorkerCrashes", 5, 8, "worker-0").judged_by(every_fault_bit)
    assert said(verdict) == "unknown; did not bite and so proved nothing: RedisCrashes (never happened)"
    assert Story(plan=TWO).judged_by(every_fault_bit).ruling is Ruling.UNKNOWN


def test_without_a_planned_fault_none_can_bite() -> None:
    assert Story().judged_by(every_fault_bit).ruling is Ruling.NOT_APPLICABLE


def test_a_kill_aimed_at_a_process_already_gone_makes_a_run_without_a_mistake_unknown() -> None:
    """The whole ruling, not one checker's: everything else holds, and yet nothing was proved."""
    story = Story(plan=plan(WorkerCrashes()), must_hold=({"checker": "every_accepted_event_is_stored_once", "arguments": {}},))
    story.kept("a", 6).suffered("WorkerCrashes", 5, 15, evidence=None).quiet()
    verdicts = judge(story.history)
    assert verdicts[0].ruling is Ruling.HELD
    assert ruling(verdicts) is Ruling.UNKNOWN


def test_a_quiet_world_holds_and_a_moving_one_is_unknown() -> None:
    assert Story().quiet().judged_by(world_came_to_rest).ruling is Ruling.HELD
    assert said(Story().restless().judged_by(world_came_to_rest)) == (
        "unknown; still moving when its time ended: rows (last at 99.0 s)"
    )


def test_a_history_that_is_cut_off_is_unknown() -> None:
    assert "cut off before the end" in said(Story().kept("a", 1).judged_by(world_came_to_rest))
    torn = Story().quiet()
    torn.history.cut_off = True
    assert "ends in the middle of a line" in said(torn.judged_by(world_came_to_rest))
    assert torn.judged_by(world_came_to_rest).ruling is Ruling.UNKNOWN


def _acknowledged(wanted: str, *at_s: float, took_s: float = 0.5, **header: Any) -> Story:
    story = Story(plan=plan(SendGridAnswers()), acknowledgements=wanted, **header).suffered("SendGridAnswers", 5, 15)
    for number, begin_s in enumerate(at_s):
        story.posted(f"e{number}", begin_s, took_s=took_s)
    return story


@pytest.mark.parametrize(
    ("begin_s", "ruling"), [(4.999, "unknown"), (5, "held"), (10, "held"), (15, "held"), (15.001, "unknown")]
)
def test_required_promises_must_begin_inside_the_window(begin_s: float, ruling: str) -> None:
    verdict = _acknowledged("required", 1, begin_s, 20).judged_by(acknowledgements_fell_inside_the_fault)
    assert str(verdict.ruling) == ruling
    assert ruling == "held" or verdict.reason == "no promise was given during SendGridAnswers, so it put none at risk"


def test_required_promises_must_fall_into_every_window() -> None:
    story = _acknowledged("required", 10).suffered("RedisCrashes", 20, 22, "redis", index=1)
    assert story.judged_by(acknowledgements_fell_inside_the_fault).reason.startswith("no promise was given during RedisCrashes")
    assert story.posted("x", 21).judged_by(acknowledgements_fell_inside_the_fault).ruling is Ruling.HELD


@pytest.mark.parametrize(
    ("begin_s", "ruling"), [(4.999, "held"), (5, "unknown"), (14.5, "unknown"), (14.501, "held"), (16, "held")]
)
def test_impossible_promises_must_not_lie_wholly_inside_the_window(begin_s: float, ruling: str) -> None:
    verdict = _acknowledged("impossible", begin_s).judged_by(acknowledgements_fell_inside_the_fault)
    assert str(verdict.ruling) == ruling
    assert ruling == "held" or verdict.reason == "promises were given during SendGridAnswers, so it did not bite"


@pytest.mark.parametrize(
    ("process", "what", "at_s", "ruling"),
    [
        ("redis", "killed", 5.2, "held"),
        ("redis", "killed", 5.1, "unknown"),  # the promise's POST began after it
        ("worker-0", "killed", 5.2, "unknown"),
        ("redis", "started", 5.2, "unknown"),
        ("redis", "killed", 4.9, "unknown"),
        ("redis", "killed", 15.0, "unknown"),
    ],
)
def test_until_what_is_killed_is_dead_it_may_help_to_a_promise(process: str, what: str, at_s: float, ruling: str) -> None:
    story = Story(plan=plan(RedisCrashes()), acknowledgements="impossible").suffered("RedisCrashes", 5, 15, "redis")
    verdict = story.posted("a", 5.15).process(process, what, at_s).judged_by(acknowledgements_fell_inside_the_fault)
    assert str(verdict.ruling) == ruling


def test_a_promise_given_until_then_is_at_risk_all_the_same() -> None:
    story = Story(plan=plan(RedisCrashes()), acknowledgements="required").suffered("RedisCrashes", 5, 15, "redis")
    verdict = story.posted("a", 5.15).process("redis", "killed", 5.2).judged_by(acknowledgements_fell_inside_the_fault)
    assert verdict.ruling is Ruling.HELD


def test_answers_that_are_no_promises_do_not_count() -> None:
    impossible = _acknowledged("impossible").refused("a", 6).unanswered("b", 7)
    assert impossible.judged_by(acknowledgements_fell_inside_the_fault).ruling is Ruling.HELD
    required = _acknowledged("required").refused("a", 6).unanswered("b", 7)
    assert required.judged_by(acknowledgements_fell_inside_the_fault).ruling is Ruling.UNKNOWN


def test_acknowledgements_abstain_where_the_scenario_says_nothing() -> None:
    assert _acknowledged("either").judged_by(acknowledgements_fell_inside_the_fault).ruling is Ruling.NOT_APPLICABLE


def test_a_service_that_works_first_need_not_acknowledge_during_a_fault_but_must_not_where_it_is_impossible() -> None:
    required = _acknowledged("required").posted("a", 6, "processed")
    assert required.judged_by(acknowledgements_fell_inside_the_fault).ruling is Ruling.NOT_APPLICABLE
    impossible = _acknowledged("impossible").posted("a", 6, "processed")
    assert impossible.judged_by(acknowledgements_fell_inside_the_fault).ruling is Ruling.UNKNOWN


@pytest.mark.parametrize("wanted", ["required", "impossible"])
def test_without_a_window_nothing_can_fall_inside(wanted: str) -> None:
    verdict = Story(acknowledgements=wanted).posted("a", 1).judged_by(acknowledgements_fell_inside_the_fault)
    assert said(verdict) == "unknown; no fault window was seen"


def test_every_fault_that_did_not_bite_is_named() -> None:
    story = Story(plan=plan(WorkerCrashes(), RedisCrashes(), SendGridAnswers())).suffered("SendGridAnswers", 5, 8, index=2)
    verdict = story.suffered("RedisCrashes", 5, 8, index=1, evidence="").judged_by(every_fault_bit)
    assert said(verdict) == (
        "unknown; did not bite and so proved nothing: WorkerCrashes (never happened), RedisCrashes (left no evidence)"
    )
    assert verdict.checked == 3


def test_a_world_that_moves_is_told_with_everything_that_moves() -> None:
    story = Story()
    story.history.record(Rest(at_s=60, quiet=False, moving=("rows (last at 59.0 s)", "mails (last at 58.0 s)")))
    verdict = story.judged_by(world_came_to_rest)
    assert said(verdict) == "unknown; still moving when its time ended: rows (last at 59.0 s), mails (last at 58.0 s)"
    assert verdict.checked == 1
    story.history.record(Rest(at_s=61, quiet=False))
    assert said(story.judged_by(world_came_to_rest)) == "unknown; still moving when its time ended: nobody knows what"
    assert Story().quiet().judged_by(world_came_to_rest).checked == 1


def test_all_windows_without_a_promise_or_with_one_are_named() -> None:
    faults = plan(SendGridAnswers(), RedisCrashes(), WorkerCrashes())
    for wanted, told in (
        ("required", "no promise was given during SendGridAnswers, WorkerCrashes, so it put none at risk"),
        ("impossible", "promises were given during RedisCrashes, so it did not bite"),
    ):
        story = Story(plan=faults, acknowledgements=wanted).suffered("SendGridAnswers", 5, 15).posted("a", 21)
        story.suffered("RedisCrashes", 20, 30, index=1).suffered("WorkerCrashes", 40, 50, index=2)
        verdict = story.judged_by(acknowledgements_fell_inside_the_fault)
        assert (said(verdict), verdict.checked) == (f"unknown; {told}", 3)
    story = Story(plan=faults, acknowledgements="impossible").suffered("SendGridAnswers", 5, 15)
    story.suffered("RedisCrashes", 20, 30, index=1).posted("a", 21).posted("b", 6)
    assert story.judged_by(acknowledgements_fell_inside_the_fault).reason == (
        "promises were given during SendGridAnswers, RedisCrashes, so it did not bite"
    )


@pytest.mark.parametrize("wanted", ["required", "impossible"])
def test_as_many_windows_as_were_looked_at_are_counted(wanted: str) -> None:
    story = Story(plan=TWO, acknowledgements=wanted).suffered("WorkerCrashes", 5, 15).suffered("RedisCrashes", 20, 30, index=1)
    if wanted == "required":
        story.posted("a", 6).posted("b", 21)
    verdict = story.judged_by(acknowledgements_fell_inside_the_fault)
    assert (verdict.ruling, verdict.checked) == (Ruling.HELD, 2)


def test_a_promise_that_ended_after_the_window_was_given_inside_it_where_it_is_required() -> None:
    assert _acknowledged("required", 14.9).judged_by(acknowledgements_fell_inside_the_fault).ruling is Ruling.HELD
