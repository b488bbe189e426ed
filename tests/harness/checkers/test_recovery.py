"""Backlog drained, ingest accepts again: histories that hold, break and are empty."""

from __future__ import annotations

from typing import Any

import pytest

from harness.checkers import backlog_drains, ingest_recovers
from harness.faults import RedisCrashes, SendGridAnswers
from harness.verdict import Ruling
from tests.harness.story import Story, plan, said

DRAINS = backlog_drains(within_seconds=20)
RECOVERS = ingest_recovers(within_seconds=5)
CRASH = plan(RedisCrashes())


def test_a_backlog_that_drains_holds() -> None:
    story = Story().kept("a", 1).kept("b", 40).suffered("RedisCrashes", 5, 15, "redis").quiet()
    verdict = story.judged_by(DRAINS)
    assert (verdict.ruling, verdict.checked) == (Ruling.HELD, 2), said(verdict)
    assert verdict.claim == "Every accepted event is finished within 20 s of its acceptance or of the last fault's end."


@pytest.mark.parametrize(("seen_s", "ruling"), [(35.0, Ruling.HELD), (35.001, Ruling.VIOLATED)])
def test_the_deadline_counts_from_the_end_of_the_last_fault(seen_s: float, ruling: Ruling) -> None:
    story = Story().posted("a", 1).suffered("NoFault", 5, 15).suffered("NoFault", 2, 3, index=1)
    verdict = story.read("a", 30, "completed", end_s=seen_s).quiet().judged_by(DRAINS)
    late = "violated; a of a5 should have been finished by 35.000 s: it was at 35.001 s; "
    assert verdict.ruling is ruling
    assert ruling is Ruling.HELD or said(verdict) == late


@pytest.mark.parametrize(("seen_s", "ruling"), [(40.0, Ruling.HELD), (40.001, Ruling.VIOLATED)])
def test_the_deadline_counts_from_an_acceptance_after_the_faults(seen_s: float, ruling: Ruling) -> None:
    story = Story().suffered("NoFault", 5, 15).posted("a", 19, end_s=20.0).read("a", 30, end_s=seen_s).quiet()
    assert story.judged_by(DRAINS).ruling is ruling


@pytest.mark.parametrize(("name", "ruling"), [("RedisCrashes", Ruling.HELD), ("FlagFlips", Ruling.VIOLATED)])
def test_a_turned_flag_excuses_no_queue_that_nobody_works_on(name: str, ruling: Ruling) -> None:
    story = Story().posted("a", 1, end_s=1.5).suffered(name, 2, 30).read("a", 30, "pending").read("a", 31).quiet()
    assert story.judged_by(DRAINS).ruling is ruling


def test_what_counts_is_when_it_was_first_seen_finished() -> None:
    story = Story().posted("a", 1).read("a", 5, "completed").read("a", 90, "completed").quiet()
    assert story.judged_by(DRAINS).ruling is Ruling.HELD


def test_a_read_begun_after_the_deadline_that_shows_it_unfinished_is_violated() -> None:
    story = Story().posted("a", 1, end_s=1.5).stored("a", 2).mailed("a", 3).read("a", 21.501, "pending").read("a", 22)
    assert said(story.judged_by(DRAINS)) == (
        "violated; a of a5 should have been finished by 21.500 s: it was still pending at 21.501 s; "
    )


@pytest.mark.parametrize("looked_s", [21.4, 21.5])
def test_an_event_first_seen_finished_late_was_finished_when_row_and_mail_were_there(looked_s: float) -> None:
    told = Story().posted("a", 1, end_s=1.5).read("a", looked_s, "processing").read("a", 25)
    assert said(told.judged_by(DRAINS)).endswith("it was at 25.010 s; ")
    told = Story().posted("a", 1, end_s=1.5).read("a", looked_s, "processing").read("a", 25).stored("a", 21.5)
    assert told.judged_by(DRAINS).ruling is Ruling.VIOLATED
    assert told.mailed("a", 21, end_s=21.5).judged_by(DRAINS).ruling is Ruling.HELD


@pytest.mark.parametrize(("end_s", "ruling"), [(21.5, Ruling.HELD), (21.6, Ruling.VIOLATED)])
def test_an_event_nobody_looked_at_is_finished_when_row_and_mail_are_there(end_s: float, ruling: Ruling) -> None:
    story = Story().posted("a", 1, end_s=1.5).stored("a", 2).mailed("a", 21, end_s=end_s).quiet()
    assert story.judged_by(DRAINS).ruling is ruling
    story = Story().posted("a", 1, end_s=1.5).mailed("a", 2).stored("a", end_s).quiet()
    assert story.judged_by(DRAINS).ruling is ruling


def test_a_mail_counts_only_if_it_is_due_and_can_be_seen() -> None:
    assert Story().posted("a", 1, wants_mail=False).stored("a", 2).quiet().judged_by(DRAINS).ruling is Ruling.HELD
    assert Story(offers=("rows",)).posted("a", 1).stored("a", 2).quiet().judged_by(DRAINS).ruling is Ruling.HELD


def test_mails_that_cannot_be_told_apart_delay_nothing() -> None:
    story = Story().posted("a", 1).stored("a", 2).mailed(None, 3).mailed(None, 4).quiet()
    assert story.judged_by(DRAINS).ruling is Ruling.HELD


def test_an_event_that_failed_is_late_only_if_a_read_begun_late_still_showed_it_unfinished() -> None:
    story = Story().posted("a", 1).read("a", 5, "pending").read("a", 40, "failed")
    assert story.judged_by(DRAINS).ruling is Ruling.HELD, "nobody looked in between"
    story = Story().posted("a", 1).read("a", 22, "pending").read("a", 40, "failed")
    assert story.judged_by(DRAINS).ruling is Ruling.VIOLATED


def test_an_event_that_never_finishes_is_violated_when_quiet_and_unknown_when_cut_off() -> None:
    verdict = Story().posted("a", 1).kept("b", 1).quiet().judged_by(DRAINS)
    assert said(verdict) == "violated; a of a5 should have been finished by 21.010 s: it never was; "
    assert Story().posted("a", 1).kept("b", 1).restless().judged_by(DRAINS).ruling is Ruling.UNKNOWN
    assert "of 2 events too little was seen" in Story().posted("a", 1).posted("c", 1).judged_by(DRAINS).reason


@pytest.mark.parametrize(("last_s", "ruling"), [(21.009, Ruling.UNKNOWN), (21.01, Ruling.VIOLATED)])
def test_a_deadline_after_the_last_entry_of_a_history_that_is_cut_off_is_undecided(last_s: float, ruling: Ruling) -> None:
    story = Story().posted("a", 1).read("a", 2, "pending").probed(last_s)
    assert story.judged_by(DRAINS).ruling is ruling


def test_no_event_is_late_while_a_fault_may_have_been_under_way_at_the_cut() -> None:
    story = Story(plan=CRASH).posted("a", 1).read("a", 90, "pending")
    assert story.judged_by(DRAINS).ruling is Ruling.UNKNOWN
    assert story.suffered("RedisCrashes", 5, 15, "redis").judged_by(DRAINS).ruling is Ruling.VIOLATED


def test_an_event_late_beside_a_slow_stub_convicts_nobody() -> None:
    story = Story(world="real").posted("a", 1).read("a", 30).quiet()
    assert story.judged_by(DRAINS).ruling is Ruling.VIOLATED
    story.probed(10, 1.0)
    assert said(story.judged_by(DRAINS)).startswith("unknown; 1 events were late while a bare stub beside the service was slow")
    story.posted("b", 40).read("b", 70)
    assert [violation.pair.id for violation in story.judged_by(DRAINS).violations if violation.pair] == ["b"]


def test_a_backlog_abstains_when_nothing_was_accepted() -> None:
    assert Story().refused("a", 1).quiet().judged_by(DRAINS).ruling is Ruling.UNKNOWN


def _crashed(**header: Any) -> Story:
    """Redis crashes from 5 to 15 s."""
    return Story(plan=CRASH, **header).suffered("RedisCrashes", 5, 15, "redis")


def test_ingest_that_accepts_again_holds() -> None:
    story = _crashed().refused("a", 19.999, 503).posted("a", 20.0)
    verdict = story.posted("b", 30, "duplicate").posted("c", 31, "processed").judged_by(RECOVERS)
    assert (verdict.ruling, verdict.checked) == (Ruling.HELD, 3), said(verdict)
    claim = "Ingest accepts again: a POST begun 5 s or more after the last fault's end is answered with a promise."
    assert verdict.claim == claim


@pytest.mark.parametrize(("http_status", "told"), [(503, "503"), (429, "429"), (422, "422"), (500, "500"), (None, "timed out")])
def test_ingest_that_does_not_accept_again_is_violated(http_status: int | None, told: str) -> None:
    story = _crashed().posted("b", 19)
    story.refused("a", 20.0, http_status, error="timed out")
    assert said(story.judged_by(RECOVERS)) == (
        f"violated; a of a5: the POST at 20.000 s, 5.0 s after the last fault, was answered {told}; expected a promise; "
    )


def test_what_is_rightly_refused_for_good_needs_no_promise() -> None:
    story = _crashed().posted("a", 1)
    story.refused("a", 21, 422, payload="another").refused("p", 22, 422, poison=True)
    assert story.judged_by(RECOVERS).ruling is Ruling.HELD
    assert story.refused("p", 23, 503, poison=True).judged_by(RECOVERS).ruling is Ruling.VIOLATED


def test_recovery_counts_from_the_end_of_the_last_fault() -> None:
    story = Story(plan=plan(RedisCrashes(), SendGridAnswers())).suffered("SendGridAnswers", 5, 15, index=1)
    story.suffered("RedisCrashes", 5, 30, "redis").refused("a", 25)
    assert story.judged_by(RECOVERS).reason == "no POST began 5 s or more after the last fault's end (30.0 s)"


def test_a_refusal_after_the_fault_beside_a_slow_stub_convicts_nobody() -> None:
    story = _crashed(world="real").refused("a", 25).probed(25, 1.0)
    assert said(story.judged_by(RECOVERS)).startswith("unknown; 1 POSTs were not answered with a promise while a bare stub")


def test_recovery_is_given_its_time_after_a_stall_too() -> None:
    story = _crashed(world="real").refused("a", 30)
    assert story.probed(20, 1.0).judged_by(RECOVERS).ruling is Ruling.VIOLATED
    assert story.probed(26, 1.0).judged_by(RECOVERS).ruling is Ruling.UNKNOWN
    assert story.refused("b", 40).judged_by(RECOVERS).ruling is Ruling.VIOLATED


def test_recovery_abstains_without_a_fault_and_while_one_may_last() -> None:
    assert Story().refused("a", 50).quiet().judged_by(RECOVERS).ruling is Ruling.NOT_APPLICABLE
    assert "nobody knows when" in Story(plan=CRASH).refused("a", 50).quiet().judged_by(RECOVERS).reason
    two = Story(plan=plan(RedisCrashes(), SendGridAnswers())).suffered("RedisCrashes", 5, 15, "redis").refused("a", 50)
    assert "nobody knows when" in two.judged_by(RECOVERS).reason
    assert two.quiet().judged_by(RECOVERS).ruling is Ruling.VIOLATED, "the other fault never happened"


def test_an_event_lost_beyond_the_claims_is_passed_over_and_the_next_one_is_judged() -> None:
    story = Story(plan=plan(RedisCrashes(loss="empty"))).suffered("RedisCrashes", 5, 7, "redis").posted("lost", 1)
    story.read("lost", 30, None, http_status=404).posted("late", 40).quiet()
    verdict = story.judged_by(DRAINS)
    assert [violation.pair.id for violation in verdict.violations if violation.pair] == ["late"]
    assert verdict.checked == 2


def test_each_undecided_event_and_each_that_was_set_aside_is_counted() -> None:
    cut = Story().posted("a", 1).read("a", 2, "pending").posted("b", 1).posted("c", 1).probed(3)
    assert said(cut.judged_by(DRAINS)) == "unknown; of 3 events too little was seen before the run was cut off"
    stalled = Story(world="real").probed(10, 1.0).quiet()
    for name in ("a", "b"):
        stalled.posted(name, 1).read(name, 30)
    assert said(stalled.judged_by(DRAINS)).startswith("unknown; 2 events were late while")


def test_a_violation_stands_beside_events_that_are_undecided() -> None:
    story = Story().posted("a", 1).read("a", 30, "pending").posted("b", 20)
    assert [violation.pair.id for violation in story.judged_by(DRAINS).violations if violation.pair] == ["a"]


def test_an_event_that_was_shown_or_delivered_late_is_late_though_the_world_still_moved() -> None:
    shown = Story().posted("a", 1).read("a", 30, "pending").restless()
    assert shown.judged_by(DRAINS).ruling is Ruling.VIOLATED
    delivered = Story().posted("a", 1).stored("a", 30).mailed("a", 31).restless()
    assert delivered.judged_by(DRAINS).ruling is Ruling.VIOLATED


@pytest.mark.parametrize(
    ("stalled_s", "ruling"), [(0.0, Ruling.VIOLATED), (2.5, Ruling.UNKNOWN), (20.0, Ruling.UNKNOWN), (22.5, Ruling.VIOLATED)]
)
def test_only_a_stall_in_the_time_an_event_is_given_excuses_it(stalled_s: float, ruling: Ruling) -> None:
    """From 1.01 to 21.01 s; the stub was slow around that moment for 3.5 s."""
    story = Story(world="real").posted("a", 1).read("a", 40).quiet().probed(stalled_s, 1.5)
    assert story.judged_by(DRAINS).ruling is ruling


def test_an_event_is_done_as_early_as_it_was_stored_if_no_mail_is_due() -> None:
    story = Story().posted("a", 0.1, wants_mail=False).stored("a", 0.2).quiet()
    assert story.judged_by(backlog_drains(within_seconds=0.5)).ruling is Ruling.HELD


@pytest.mark.parametrize(
    ("stored_s", "mailed_s", "told"), [(25.0, 26.0, "26.100"), (26.0, 22.0, "26.000"), (27.5, 22.0, "27.010")]
)
def test_the_first_moment_that_shows_it_finished_is_told(stored_s: float, mailed_s: float, told: str) -> None:
    story = Story().posted("a", 1).stored("a", stored_s).mailed("a", mailed_s).read("a", 27.0).quiet()
    assert said(story.judged_by(DRAINS)) == f"violated; a of a5 should have been finished by 21.010 s: it was at {told} s; "


def test_the_first_mail_that_was_taken_counts() -> None:
    story = Story().posted("a", 1).stored("a", 2).mailed("a", 3, http_status=503).mailed("a", 4).mailed("a", 90).quiet()
    assert story.judged_by(DRAINS).ruling is Ruling.HELD


def test_an_event_seen_unfinished_after_its_deadline_is_late_though_row_and_mail_were_there() -> None:
    story = Story().posted("a", 1, end_s=1.5).stored("a", 2).mailed("a", 3).read("a", 21.5, "pending").quiet()
    assert story.judged_by(DRAINS).ruling is Ruling.HELD, "it was read at the deadline, not after it"
    assert story.read("a", 21.501, "processing").judged_by(DRAINS).ruling is Ruling.VIOLATED


def test_a_planned_fault_under_way_at_the_cut_moves_every_deadline_and_others_do_not() -> None:
    story = Story(plan=plan(RedisCrashes(), SendGridAnswers())).posted("a", 1).read("a", 90, "pending")
    story.suffered("RedisCrashes", 5, 15)
    assert story.judged_by(DRAINS).ruling is Ruling.UNKNOWN
    assert story.suffered("SendGridAnswers", 5, 16, index=1).judged_by(DRAINS).ruling is Ruling.VIOLATED


def test_posts_that_were_held_up_are_counted_and_hide_no_other() -> None:
    story = _crashed(world="real").refused("a", 25).refused("b", 25.1).posted("c", 26).probed(25, 1.0)
    verdict = story.judged_by(RECOVERS)
    assert said(verdict).startswith("unknown; 2 POSTs were not answered with a promise while")
    assert verdict.checked == 3
    assert len(story.refused("d", 50).judged_by(RECOVERS).violations) == 1


def test_a_post_nobody_answered_is_told_as_such() -> None:
    assert "was answered nothing; expected a promise" in said(_crashed().unanswered("a", 25, error="").judged_by(RECOVERS))


def test_what_was_posted_before_makes_a_refusal_rightful_of_that_event_only() -> None:
    story = _crashed().posted("a", 1, payload="another").posted("b", 1).refused("a", 25, 422).refused("b", 25, 422)
    assert [violation.pair.id for violation in story.judged_by(RECOVERS).violations if violation.pair] == ["b"]
