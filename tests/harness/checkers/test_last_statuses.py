"""Statuses at the edges: to the moment, first and last sightings, reads nobody answered, what excuses whom."""

from __future__ import annotations

import pytest

from harness.checkers import (
    a_promise_is_readable_at_once,
    completed_means_done,
    every_status_becomes_final,
    failed_is_justified,
    status_never_goes_back,
)
from harness.faults import RedisCrashes, SendGridAnswers
from harness.verdict import Ruling
from tests.harness.story import Story, of, plan, said


def test_a_status_read_at_the_very_moment_of_the_rest_was_read_when_nothing_moved_any_more() -> None:
    at_rest = Story().posted("a", 1).quiet(100.0).read("a", 99.0, "pending", end_s=100.0)
    assert said(at_rest.judged_by(every_status_becomes_final)) == (
        "violated; a of a5 was still pending at 100.000 s, when nothing moved any more; "
    )


def test_only_who_asked_after_the_last_sighting_asked_in_vain() -> None:
    story = Story().posted("a", 1).read("a", 2, "pending", end_s=3.0).read("a", 3.0, None, http_status=503).quiet()
    assert story.judged_by(every_status_becomes_final).ruling is Ruling.VIOLATED, "it was not asked for afterwards"
    story.read("a", 3.001, None, http_status=503)
    assert story.judged_by(every_status_becomes_final).ruling is Ruling.UNKNOWN


def test_asking_in_vain_for_one_event_excuses_no_other() -> None:
    story = Story().posted("a", 1).read("a", 2, "pending").posted("b", 1).read("b", 2, "pending").quiet()
    story.read("a", 101, None, http_status=503).read("c", 101, None, http_status=503)
    verdict = story.judged_by(every_status_becomes_final)
    assert [violation.pair for violation in verdict.violations] == [of("b")]
    assert verdict.checked == 2


def test_the_last_sighting_of_an_event_counts_and_those_of_events_nobody_promised_do_not() -> None:
    story = Story().posted("a", 1).read("a", 2, "processing").read("a", 5).read("b", 2, "pending").quiet()
    verdict = story.judged_by(every_status_becomes_final)
    assert (verdict.ruling, verdict.checked) == (Ruling.HELD, 1)


@pytest.mark.parametrize("ending", ["cut off", "restless"])
def test_before_all_is_quiet_no_status_is_too_late(ending: str) -> None:
    story = Story().posted("a", 1).read("a", 2, "pending")
    verdict = (story.restless() if ending == "restless" else story).judged_by(every_status_becomes_final)
    assert (said(verdict), verdict.checked) == ("unknown; the world was still moving; 1 of 1 events were unfinished", 1)


def test_a_silence_that_was_the_machines_hides_every_unfinished_status_and_counts_them() -> None:
    story = Story(world="real").quiet().probed(95, 3.0)
    for name in ("a", "b"):
        story.posted(name, 1).read(name, 2, "pending")
    verdict = story.judged_by(every_status_becomes_final)
    assert said(verdict).startswith("unknown; 2 events were unfinished, and nothing moved any more, while")
    assert not verdict.violations


def test_a_status_that_never_became_final_cannot_go_back() -> None:
    verdict = Story().read("a", 1, "pending").read("a", 2, "processing").judged_by(status_never_goes_back)
    assert (said(verdict), verdict.checked) == ("unknown; no status was read again after a final one", 0)


def test_a_status_seen_before_the_final_one_is_no_second_look() -> None:
    story = Story().read("a", 1, "pending").read("a", 2, "completed")
    assert story.judged_by(status_never_goes_back).ruling is Ruling.UNKNOWN


def test_the_first_step_back_is_told_though_the_status_was_completed_twice_before() -> None:
    story = Story().read("a", 1).read("a", 2).read("a", 3, "pending").read("a", 4, "failed")
    assert said(story.judged_by(status_never_goes_back)) == (
        "violated; a of a5 was shown completed at 1.010 s and pending at 3.010 s; "
    )


def test_an_unanswered_read_is_told_with_its_error() -> None:
    story = Story().posted("a", 1).read("a", 2, None, http_status=None, error="connection reset", outcome="unknown")
    assert said(story.judged_by(a_promise_is_readable_at_once)) == (
        "violated; a of a5 was answered accepted at 1.010 s, but a read at 2.000 s was not answered (connection reset); "
        "expected 200; "
    )


@pytest.mark.parametrize("http_status", [499, 404, 428, 430])
def test_a_4xx_other_than_429_is_an_answer_whatever_fault_lasts(http_status: int) -> None:
    story = Story().posted("a", 1).suffered("RedisCrashes", 0, 15, "redis").read("a", 2, None, http_status=http_status)
    assert story.judged_by(a_promise_is_readable_at_once).ruling is Ruling.VIOLATED


def test_what_was_forgotten_may_be_unknown_and_what_came_later_may_not() -> None:
    story = Story(plan=plan(RedisCrashes(loss="empty"))).suffered("RedisCrashes", 5, 15, "redis").quiet()
    story.posted("a", 15.0).read("a", 30, None, http_status=404).posted("c", 1).read("c", 1.1, "pending")
    assert story.judged_by(a_promise_is_readable_at_once).ruling is Ruling.UNKNOWN
    story.posted("b", 15.001).read("b", 30, None, http_status=404)
    assert [violation.pair for violation in story.judged_by(a_promise_is_readable_at_once).violations] == [of("b")]
    gone = Story(plan=plan(RedisCrashes(loss="empty"))).suffered("RedisCrashes", 5, 15, "redis").quiet()
    gone.posted("a", 1).read("a", 30, None, http_status=410)
    assert gone.judged_by(a_promise_is_readable_at_once).ruling is Ruling.VIOLATED, "404 is the word for unknown"


def test_a_tenth_of_the_promises_may_be_read_late() -> None:
    story = Story()
    for number in range(9):
        story.posted(f"e{number}", 1).read(f"e{number}", 2)
    assert story.posted("late", 1).judged_by(a_promise_is_readable_at_once).ruling is Ruling.HELD
    verdict = story.posted("later", 1).judged_by(a_promise_is_readable_at_once)
    assert (said(verdict), verdict.checked) == (
        "unknown; 2 of 11 accepted events had no answered status read within 5 s",
        9,
    )


def test_ten_of_ninety_nine_promises_are_more_than_a_tenth() -> None:
    story = Story()
    for number in range(99):
        story.posted(f"e{number}", 1)
    for number in range(89):
        story.read(f"e{number}", 2)
    assert story.judged_by(a_promise_is_readable_at_once).ruling is Ruling.UNKNOWN


def test_two_unanswered_reads_beside_a_slow_stub_are_two() -> None:
    story = Story(world="real").posted("a", 1).read("a", 1.1).read("a", 3, None, http_status=503).probed(3, 1.0)
    story.read("a", 3.1, None, http_status=503).read("a", 9, None, http_status=503)
    assert len(story.judged_by(a_promise_is_readable_at_once).violations) == 1
    story.history.forget(lambda entry: getattr(entry, "begin_s", 0) == 9)
    assert said(story.judged_by(a_promise_is_readable_at_once)).startswith("unknown; 2 status reads were not answered while")


def test_completed_is_judged_by_the_first_time_it_was_shown() -> None:
    story = Story().posted("a", 1).row("a").read("a", 2).mailed("a", 5).read("a", 6).quiet()
    assert said(story.judged_by(completed_means_done)) == (
        "violated; a of a5 was shown completed at 2.010 s by a status read, but its mail was first taken at 5.000 s; "
    )


def test_an_event_without_row_and_mail_is_violated_twice_and_others_not() -> None:
    story = Story().kept("b", 1).posted("a", 1).read("a", 2).quiet()
    verdict = story.judged_by(completed_means_done)
    assert [violation.what for violation in verdict.violations] == [
        "a of a5 was shown completed at 2.010 s by a status read, but has no row",
        "a of a5 was shown completed at 2.010 s by a status read, but its mail was never taken",
    ]
    assert verdict.checked == 2


def test_one_event_without_its_mail_does_not_end_the_search() -> None:
    """At a cut the entry of the last mail may be missing; that of an earlier one may not."""
    story = Story().posted("a", 1).posted("b", 1).read("b", 9).read("a", 2)
    story.history.forget(lambda entry: entry.kind == "row")
    assert [violation.pair for violation in story.judged_by(completed_means_done).violations] == [of("a")]


def test_a_row_that_came_late_is_told_though_rows_were_not_read_in_the_end() -> None:
    story = Story().posted("a", 1, wants_mail=False).read("a", 2).stored("a", 3).quiet(rows_read=False)
    assert said(story.judged_by(completed_means_done)) == (
        "violated; a of a5 was shown completed at 2.010 s by a status read, but its row came at 3.000 s; "
    )


def test_a_mail_that_came_too_late_is_violated_even_at_a_cut() -> None:
    story = Story().posted("a", 1).row("a").read("a", 2).mailed("a", 2.5)
    assert story.judged_by(completed_means_done).ruling is Ruling.VIOLATED


def test_a_failure_is_justified_by_the_refusal_of_its_own_mail() -> None:
    story = Story(plan=plan(SendGridAnswers(status=400))).suffered("SendGridAnswers", 5, 15)
    story.posted("a", 1).mailed("a", 6, http_status=400).read("a", 7, "failed", reason="400")
    story.posted("b", 1).read("b", 7, "failed", reason="400")
    assert [violation.pair for violation in story.judged_by(failed_is_justified).violations] == [of("b")]


def test_each_event_that_is_failed_without_a_reason_is_told_once() -> None:
    story = Story().posted("a", 1, poison=True).read("a", 2, "failed").read("a", 3, "failed").read("b", 2, "completed")
    story.read("c", 2, "pending")
    verdict = story.judged_by(failed_is_justified)
    assert [violation.what for violation in verdict.violations] == [
        "a of a5 is failed, but the status read at 3.000 s gives no reason in result.error"
    ]
    assert verdict.checked == 3


def test_a_failure_shown_by_a_duplicate_needs_no_reason_but_a_justification() -> None:
    story = Story().posted("a", 1, poison=True).posted("a", 2, "duplicate", current_status="failed")
    assert story.judged_by(failed_is_justified).ruling is Ruling.HELD
