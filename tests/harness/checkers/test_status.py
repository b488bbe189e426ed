"""Statuses: readable at once, never going back, never saying more than was done: histories that hold, break and are empty."""

from __future__ import annotations

import pytest

from harness.checkers import (
    a_promise_is_readable_at_once,
    completed_means_done,
    every_status_becomes_final,
    failed_is_justified,
    status_never_goes_back,
)
from harness.faults import Fault, RedisCrashes, SendGridAnswers
from harness.verdict import Ruling
from tests.harness.story import Story, of, plan, said


def test_a_promise_that_is_read_at_once_holds() -> None:
    story = Story().posted("a", 1, end_s=1.5).read("a", 1.5, "pending").read("a", 3, "completed")
    verdict = story.judged_by(a_promise_is_readable_at_once)
    assert (verdict.ruling, verdict.checked) == (Ruling.HELD, 2), said(verdict)


@pytest.mark.parametrize("http_status", [404, 409, 400, 302])
def test_a_promise_that_cannot_be_read_is_violated(http_status: int) -> None:
    story = Story().posted("a", 1, end_s=1.5).read("a", 1.5, None, http_status=http_status)
    verdict = story.judged_by(a_promise_is_readable_at_once)
    assert said(verdict) == (
        f"violated; a of a5 was answered accepted at 1.500 s, but a read at 1.500 s answered {http_status}; expected 200; "
    )


def test_a_promise_that_becomes_unreadable_later_is_violated() -> None:
    story = Story().posted("a", 1).read("a", 2, "pending").read("a", 3, None, http_status=404)
    assert story.judged_by(a_promise_is_readable_at_once).ruling is Ruling.VIOLATED


@pytest.mark.parametrize("status", [None, "done"])
def test_a_status_outside_the_contract_is_violated(status: str | None) -> None:
    verdict = Story().posted("a", 1).read("a", 2, status).judged_by(a_promise_is_readable_at_once)
    assert f"says {status!r}; expected one of pending, processing, completed, failed" in said(verdict)


UNAVAILABLE = [None, 429, 500, 503, 504]


@pytest.mark.parametrize("http_status", UNAVAILABLE)
def test_a_status_that_is_unavailable_though_nothing_is_wrong_is_violated(http_status: int | None) -> None:
    verdict = Story().posted("a", 1).read("a", 2, None, http_status=http_status).judged_by(a_promise_is_readable_at_once)
    told = f"answered {http_status}" if http_status else "was not answered (no answer)"
    assert said(verdict) == f"violated; a of a5 was answered accepted at 1.010 s, but a read at 2.000 s {told}; expected 200; "


@pytest.mark.parametrize(
    ("begin_s", "end_s", "ruling"),
    [
        (4.0, 4.999, Ruling.VIOLATED),
        (4.0, 5.0, Ruling.HELD),
        (8.0, 8.1, Ruling.HELD),
        (20.0, 20.5, Ruling.HELD),
        (20.001, 20.5, Ruling.VIOLATED),
    ],
)
@pytest.mark.parametrize("http_status", UNAVAILABLE)
def test_a_status_may_be_unavailable_while_a_fault_lasts_and_five_seconds_more(
    begin_s: float, end_s: float, ruling: Ruling, http_status: int | None
) -> None:
    story = Story().posted("a", 1).read("a", 1.1, "pending").suffered("RedisCrashes", 5, 15, "redis").quiet()
    story.read("a", begin_s, None, end_s=end_s, http_status=http_status)
    assert story.judged_by(a_promise_is_readable_at_once).ruling is ruling


def test_a_fault_may_have_been_under_way_at_the_cut() -> None:
    story = Story(plan=plan(RedisCrashes())).posted("a", 1).read("a", 1.1, "pending").read("a", 3, None, http_status=503)
    assert story.judged_by(a_promise_is_readable_at_once).ruling is Ruling.HELD
    assert story.quiet().judged_by(a_promise_is_readable_at_once).ruling is Ruling.VIOLATED


def test_a_status_unavailable_beside_a_slow_stub_convicts_nobody() -> None:
    story = Story(world="real").posted("a", 1).read("a", 1.1, "pending").read("a", 3, None, http_status=503).probed(3, 1.0)
    verdict = story.judged_by(a_promise_is_readable_at_once)
    assert said(verdict).startswith("unknown; 1 status reads were not answered while a bare stub beside the service was slow too")


@pytest.mark.parametrize(("first_s", "unread"), [(6.01, 1), (6.011, 2)])
def test_if_many_promises_were_not_readable_soon_nobody_knows_whether_they_would_have_been(first_s: float, unread: int) -> None:
    """Of ten events one was read too late in any case; a second one is too many."""
    story = Story().suffered("RedisCrashes", 0, 15, "redis").posted("late", 1).read("late", 10).posted("b", 1).read("b", first_s)
    for number in range(8):
        story.posted(f"e{number}", 1).read(f"e{number}", 1.1)
    verdict = story.quiet().judged_by(a_promise_is_readable_at_once)
    assert verdict.ruling is (Ruling.HELD if unread == 1 else Ruling.UNKNOWN)
    assert unread == 1 or verdict.reason == "2 of 10 accepted events had no answered status read within 5 s"


def test_reads_before_the_promise_or_of_other_events_are_not_judged() -> None:
    story = Story().posted("a", 1, end_s=1.5).read("a", 1.499, None, http_status=404).read("b", 2, None, http_status=404)
    assert story.judged_by(a_promise_is_readable_at_once).ruling is Ruling.UNKNOWN


def test_a_status_that_goes_forward_holds_and_attempts_may_alternate() -> None:
    told = Story().read("a", 1, "pending").read("a", 2, "processing").read("a", 3, "pending").read("a", 4, "processing")
    verdict = told.read("a", 5, "completed").read("a", 6, "completed").read("b", 1, "failed").judged_by(status_never_goes_back)
    assert (verdict.ruling, verdict.checked) == (Ruling.HELD, 1), "b was not looked at again"
    verdict = told.read("b", 1.01, "failed").judged_by(status_never_goes_back)
    assert (verdict.ruling, verdict.checked) == (Ruling.HELD, 2), said(verdict)


@pytest.mark.parametrize("final", ["completed", "failed"])
@pytest.mark.parametrize("then", ["pending", "processing", "completed", "failed"])
def test_a_final_status_that_changes_is_violated(final: str, then: str) -> None:
    verdict = Story().read("a", 1, final, end_s=1.5).read("a", 1.5, then).judged_by(status_never_goes_back)
    assert (verdict.ruling is Ruling.VIOLATED) == (final != then)
    if final != then:
        assert said(verdict) == f"violated; a of a5 was shown {final} at 1.500 s and {then} at 1.510 s; "


def test_reads_that_overlap_say_nothing_about_order() -> None:
    story = Story().read("a", 1, "completed", end_s=1.5).read("a", 1.499, "pending")
    assert story.judged_by(status_never_goes_back).reason == "no status was read again after a final one"
    assert story.read("a", 1.5, "completed").judged_by(status_never_goes_back).ruling is Ruling.HELD


def test_a_status_goes_back_once_an_event() -> None:
    story = Story().read("a", 1).read("a", 2, "pending").read("a", 3, "failed").read("b", 1, "failed").read("b", 2, "completed")
    assert [violation.pair for violation in story.judged_by(status_never_goes_back).violations] == [of("a"), of("b")]


def test_answers_show_a_status_too() -> None:
    duplicate = Story().read("a", 1).posted("a", 2, "duplicate", current_status="pending")
    processed = Story().posted("a", 1, "processed").read("a", 2, "processing")
    for story in (duplicate, processed):
        assert story.judged_by(status_never_goes_back).ruling is Ruling.VIOLATED
    unreceived = Story().read("a", 1).posted("a", 2, "duplicate", current_status="pending", outcome="unknown")
    refused = Story().read("a", 1).read("a", 2, "pending", http_status=503)
    for story in (unreceived, refused):
        assert story.judged_by(status_never_goes_back).ruling is Ruling.UNKNOWN
        assert story.read("a", 3).judged_by(status_never_goes_back).ruling is Ruling.HELD


def test_status_never_goes_back_abstains_when_none_was_read() -> None:
    assert Story().posted("a", 1).judged_by(status_never_goes_back).ruling is Ruling.UNKNOWN


@pytest.mark.parametrize(
    ("last", "ruling"), [("completed", "held"), ("failed", "held"), ("pending", "violated"), ("processing", "violated")]
)
def test_when_all_is_quiet_every_status_is_final(last: str, ruling: str) -> None:
    story = Story().posted("a", 1).read("a", 2, "pending").read("a", 3, last).read("b", 3, "pending").quiet()
    verdict = story.judged_by(every_status_becomes_final)
    assert (str(verdict.ruling), verdict.checked) == (ruling, 1)
    if ruling == "violated":
        assert said(verdict) == (
            f"violated; a of a5 was last shown {last}, at 3.010 s, and at 100.000 s nothing moved any more; "
        )


def test_a_status_read_after_all_had_come_to_rest_is_told_as_such() -> None:
    verdict = Story().posted("a", 1).quiet().read("a", 101, "pending", final=True).judged_by(every_status_becomes_final)
    assert said(verdict) == "violated; a of a5 was still pending at 101.010 s, when nothing moved any more; "


@pytest.mark.parametrize(("http_status", "ruling"), [(503, "unknown"), (429, "unknown"), (None, "unknown"), (404, "violated")])
def test_a_status_nobody_was_told_in_the_end_is_undecided(http_status: int | None, ruling: str) -> None:
    story = Story().posted("a", 1).read("a", 2, "pending").quiet().read("a", 101, None, http_status=http_status, final=True)
    verdict = story.judged_by(every_status_becomes_final)
    assert str(verdict.ruling) == ruling
    assert ruling == "violated" or "1 events were last shown unfinished, and nobody was told" in verdict.reason
    story.posted("b", 1).read("b", 102, "pending")
    assert story.judged_by(every_status_becomes_final).ruling is Ruling.VIOLATED


def test_a_status_unfinished_after_a_silence_that_was_the_machines_convicts_nobody() -> None:
    story = Story(world="real").posted("a", 1).read("a", 2, "pending").quiet().probed(95, 3.0)
    verdict = story.judged_by(every_status_becomes_final)
    assert said(verdict).startswith("unknown; 1 events were unfinished, and nothing moved any more, while a bare stub")
    assert Story().posted("a", 1).read("a", 2).quiet().probed(95, 3.0).judged_by(every_status_becomes_final).ruling is Ruling.HELD


def test_an_unfinished_status_proves_nothing_before_all_is_quiet() -> None:
    verdict = Story().posted("a", 1).read("a", 2, "pending").restless().judged_by(every_status_becomes_final)
    assert said(verdict) == "unknown; the world was still moving; 1 of 1 events were unfinished"


def test_final_statuses_abstain_when_none_was_read() -> None:
    assert Story().posted("a", 1).quiet().judged_by(every_status_becomes_final).ruling is Ruling.UNKNOWN


def test_completed_and_done_holds() -> None:
    story = Story().kept("a", 1).posted("b", 1, wants_mail=False).row("b").read("b", 2).posted("c", 1).quiet()
    verdict = story.judged_by(completed_means_done)
    assert (verdict.ruling, verdict.checked) == (Ruling.HELD, 2), said(verdict)


def test_completed_without_a_row_is_violated() -> None:
    verdict = Story().posted("a", 1).mailed("a", 1.5).read("a", 2).quiet().judged_by(completed_means_done)
    assert said(verdict) == "violated; a of a5 was shown completed at 2.010 s by a status read, but has no row; "


def test_completed_without_its_mail_is_violated() -> None:
    verdict = (
        Story().posted("a", 1).row("a").mailed("a", 1.5, http_status=503).read("a", 2).quiet().judged_by(completed_means_done)
    )
    assert said(verdict) == "violated; a of a5 was shown completed at 2.010 s by a status read, but its mail was never taken; "


@pytest.mark.parametrize(("mail_s", "ruling"), [(2.5, Ruling.HELD), (2.501, Ruling.VIOLATED)])
def test_the_mail_must_have_begun_before_anybody_was_told_completed(mail_s: float, ruling: Ruling) -> None:
    story = Story().posted("a", 1).row("a").read("a", 2, end_s=2.5).mailed("a", mail_s).read("a", 9).quiet()
    verdict = story.judged_by(completed_means_done)
    assert verdict.ruling is ruling
    assert ruling is Ruling.HELD or "but its mail was first taken at 2.501 s" in said(verdict)


@pytest.mark.parametrize(("world", "stored_s", "ruling"), [
    ("simulated", 2.5, Ruling.HELD),
    ("simulated", 2.501, Ruling.VIOLATED),
    ("real", 2.501, Ruling.HELD),
])  # fmt: skip
def test_the_simulation_sees_a_row_that_comes_too_late(world: str, stored_s: float, ruling: Ruling) -> None:
    story = Story(world=world).posted("a", 1, wants_mail=False).stored("a", stored_s).row("a").read("a", 2, end_s=2.5).quiet()
    verdict = story.judged_by(completed_means_done)
    assert verdict.ruling is ruling
    assert ruling is Ruling.HELD or "but its row came at 2.501 s" in said(verdict)


def test_a_processed_answer_says_completed() -> None:
    verdict = Story().posted("a", 1, "processed").row("a").mailed("a", 2).quiet().judged_by(completed_means_done)
    assert "shown completed at 1.010 s by the answer processed, but its mail was first taken at 2.000 s" in said(verdict)


def test_an_event_nobody_was_promised_is_done_as_well_when_completed() -> None:
    story = Story().unanswered("a", 1).row("a").read("a", 2).quiet()
    assert story.judged_by(completed_means_done).ruling is Ruling.VIOLATED
    assert story.mailed("a", 1.5).judged_by(completed_means_done).ruling is Ruling.HELD


def test_the_promised_payload_says_whether_a_mail_is_due() -> None:
    story = Story().posted("a", 1, wants_mail=False).refused("a", 1.2, 422, payload="q").row("a").read("a", 2).quiet()
    assert story.judged_by(completed_means_done).ruling is Ruling.HELD


def test_mails_that_cannot_be_seen_are_not_missed() -> None:
    story = Story(offers=("rows",)).posted("a", 1).row("a").read("a", 2).quiet()
    assert story.judged_by(completed_means_done).ruling is Ruling.HELD


def test_completed_abstains_without_rows_but_not_from_a_missing_mail() -> None:
    assert Story().posted("a", 1).mailed("a", 1.5).read("a", 2).judged_by(completed_means_done).ruling is Ruling.UNKNOWN
    assert Story().posted("a", 1).read("a", 2).quiet(rows_read=False).judged_by(completed_means_done).ruling is Ruling.VIOLATED


@pytest.mark.parametrize(("last_s", "ruling"), [(3.01, Ruling.UNKNOWN), (3.011, Ruling.VIOLATED)])
def test_the_entry_of_a_mail_taken_just_before_may_be_what_was_cut_off(last_s: float, ruling: Ruling) -> None:
    story = Story().posted("a", 1).read("a", 2).probed(last_s)
    assert story.judged_by(completed_means_done).ruling is ruling
    assert story.quiet().judged_by(completed_means_done).ruling is Ruling.VIOLATED


def test_completed_abstains_when_nothing_was_completed_or_rows_are_out_of_sight() -> None:
    assert Story().posted("a", 1).read("a", 2, "pending").quiet().judged_by(completed_means_done).ruling is Ruling.UNKNOWN
    assert Story(offers=()).judged_by(completed_means_done).ruling is Ruling.NOT_APPLICABLE


def test_justified_failures_hold() -> None:
    story = Story(plan=plan(SendGridAnswers(status=400))).suffered("SendGridAnswers", 2.01, 2.01)
    story = story.posted("a", 1, poison=True).read("a", 2, "failed", reason="NUL").kept("c", 1)
    story = story.posted("b", 1).mailed("b", 2.01, http_status=400).read("b", 2, "failed", took_s=0.01, reason="400")
    verdict = story.judged_by(failed_is_justified)
    assert (verdict.ruling, verdict.checked) == (Ruling.HELD, 3), said(verdict)


def test_an_unjustified_failure_is_violated() -> None:
    verdict = (
        Story()
        .posted("a", 1)
        .mailed("a", 1.5, http_status=503)
        .read("a", 2, "failed", reason="gave up")
        .judged_by(failed_is_justified)
    )
    assert said(verdict) == (
        "violated; a of a5 was shown failed at 2.010 s, but a is no poison and the provider had not refused its mail for good; "
    )


def test_a_refusal_that_came_after_the_failure_justifies_nothing() -> None:
    story = Story(plan=plan(SendGridAnswers(status=499))).posted("a", 1).suffered("SendGridAnswers", 1, 3)
    story = story.read("a", 2, "failed", end_s=2.5, reason="no").mailed("a", 2.501, http_status=499)
    assert story.judged_by(failed_is_justified).ruling is Ruling.VIOLATED
    assert story.mailed("a", 2.5, http_status=499).judged_by(failed_is_justified).ruling is Ruling.HELD


@pytest.mark.parametrize(
    ("fault", "call_s"), [(None, 6), (SendGridAnswers(status=400), 16), (SendGridAnswers(status=413), 6), (RedisCrashes(), 6)]
)
def test_a_mail_refused_for_the_body_the_service_made_justifies_nothing(fault: Fault | None, call_s: float) -> None:
    story = Story(plan=plan(fault) if fault else ()).posted("a", 1).mailed("a", call_s, http_status=400)
    story.suffered(type(fault).__name__, 5, 15).read("a", 20, "failed", reason="400")
    assert said(story.judged_by(failed_is_justified)) == (
        "violated; a of a5 was shown failed at 20.010 s, but the provider refused a body that should have been valid; "
    )


def test_a_fault_that_refuses_mails_may_have_been_under_way_at_the_cut() -> None:
    story = Story(plan=plan(SendGridAnswers(status=400))).posted("a", 1).mailed("a", 6, http_status=400)
    story.read("a", 7, "failed", reason="400")
    assert story.judged_by(failed_is_justified).ruling is Ruling.HELD
    assert story.quiet().judged_by(failed_is_justified).ruling is Ruling.VIOLATED


def test_a_duplicate_can_show_an_unjustified_failure() -> None:
    story = Story().posted("a", 1).posted("a", 2, "duplicate", current_status="failed")
    assert story.judged_by(failed_is_justified).ruling is Ruling.VIOLATED


@pytest.mark.parametrize("reason", [None, ""])
def test_a_failure_without_a_reason_is_violated(reason: str | None) -> None:
    verdict = Story().posted("a", 1, poison=True).read("a", 2, "failed", reason=reason).judged_by(failed_is_justified)
    assert said(verdict) == "violated; a of a5 is failed, but the status read at 2.000 s gives no reason in result.error; "


def test_failed_is_justified_abstains_when_no_status_was_read() -> None:
    assert Story().posted("a", 1).judged_by(failed_is_justified).ruling is Ruling.UNKNOWN


def test_completed_is_not_judged_by_mails_that_cannot_be_told_apart() -> None:
    story = Story().posted("a", 1).row("a").mailed(None, 1.2).mailed(None, 1.3).read("a", 2).quiet()
    assert "mail_id of [observe] name no event in any of 2 mails" in story.judged_by(completed_means_done).reason
    assert story.posted("b", 1).read("b", 2).judged_by(completed_means_done).ruling is Ruling.VIOLATED, "it has no row"
