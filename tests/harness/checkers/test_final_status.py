"""Final statuses: reached in the end, and saying no more than was done: histories that hold, break and are empty."""

from __future__ import annotations

import pytest

from harness.checkers import completed_means_done, every_status_becomes_final, failed_is_justified
from harness.faults import Fault, RedisCrashes, SendGridAnswers, SendGridRejects
from harness.verdict import Ruling
from tests.harness.story import Story, plan, said


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
    story = Story().posted("a", 1).row("a").mailed("a", 1.5, http_status=503).read("a", 2).quiet()
    verdict = story.judged_by(completed_means_done)
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


def test_completed_is_not_judged_by_mails_that_cannot_be_told_apart() -> None:
    story = Story().posted("a", 1).row("a").mailed(None, 1.2).mailed(None, 1.3).read("a", 2).quiet()
    assert "mail_id of [observe] name no event in any of 2 mails" in story.judged_by(completed_means_done).reason
    assert story.posted("b", 1).read("b", 2).judged_by(completed_means_done).ruling is Ruling.VIOLATED, "it has no row"


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
    story = Story().posted("a", 1).mailed("a", 1.5, http_status=503).read("a", 2, "failed", reason="gave up")
    assert said(story.judged_by(failed_is_justified)) == (
        "violated; a of a5 was shown failed at 2.010 s, but a is no poison and the provider had not refused its mail for good; "
    )


def test_a_refusal_that_came_after_the_failure_justifies_nothing() -> None:
    story = Story(plan=plan(SendGridAnswers(status=499))).posted("a", 1).suffered("SendGridAnswers", 1, 3)
    story = story.read("a", 2, "failed", end_s=2.5, reason="no").mailed("a", 2.501, http_status=499)
    assert story.judged_by(failed_is_justified).ruling is Ruling.VIOLATED
    assert story.mailed("a", 2.5, http_status=499).judged_by(failed_is_justified).ruling is Ruling.HELD


@pytest.mark.parametrize("fault", [SendGridAnswers(status=400), SendGridRejects()], ids=repr)
def test_a_mail_that_a_fault_refused_for_good_may_fail(fault: Fault) -> None:
    story = Story(plan=plan(fault)).posted("a", 1).suffered(type(fault).__name__, 5, 15).mailed("a", 6, http_status=400)
    assert story.read("a", 8, "failed", reason="the address is refused").judged_by(failed_is_justified).ruling is Ruling.HELD


@pytest.mark.parametrize(
    ("fault", "call_s"),
    [
        (None, 6),
        (SendGridAnswers(status=400), 16),
        (SendGridAnswers(status=413), 6),
        (SendGridRejects(), 16),
        (RedisCrashes(), 6),
    ],
)
def test_a_mail_refused_for_the_body_the_service_made_justifies_nothing(fault: Fault | None, call_s: float) -> None:
    story = Story(plan=plan(fault) if fault else ()).posted("a", 1).mailed("a", call_s, http_status=400)
    story.suffered(type(fault).__name__, 5, 15).read("a", 20, "failed", reason="400")
    assert said(story.judged_by(failed_is_justified)) == (
        "violated; a of a5 was shown failed at 20.010 s, but the provider refused a body that should have been valid; "
    )


def test_where_nothing_was_cut_off_the_last_look_convicts_as_well() -> None:
    story = Story().posted("a", 1).stored("a", 1.5).row("a").read("a", 99.5).quiet(100)
    assert story.judged_by(completed_means_done).ruling is Ruling.VIOLATED


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
