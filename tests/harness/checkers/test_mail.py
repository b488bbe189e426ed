"""Mailed, and again only where something explains that very mail: histories that hold, break and are empty."""

from __future__ import annotations

import pytest

from harness.checkers import every_accepted_event_is_mailed, no_unexplained_second_mail
from harness.faults import SendGridAnswers
from harness.verdict import Ruling
from tests.harness.story import Story, plan, said


def test_every_promised_mail_taken_holds() -> None:
    story = Story().kept("a", 1).posted("b", 2, wants_mail=False).quiet()
    verdict = story.judged_by(every_accepted_event_is_mailed)
    assert (verdict.ruling, verdict.checked) == (Ruling.HELD, 1), said(verdict)


def test_a_promised_mail_that_was_never_taken_is_lost() -> None:
    verdict = Story().posted("a", 1).mailed("a", 2, http_status=503).quiet().judged_by(every_accepted_event_is_mailed)
    assert said(verdict) == "violated; a of a5 was answered accepted at 1.010 s and its mail was never taken: it is lost; "


def test_a_mail_whose_reply_was_lost_was_taken() -> None:
    assert (
        Story().posted("a", 1).mailed("a", 2, reply_lost=True).quiet().judged_by(every_accepted_event_is_mailed).ruling
        is Ruling.HELD
    )


def test_a_missing_mail_is_excused_by_a_justified_failure_only() -> None:
    refused = Story(plan=plan(SendGridAnswers(status=400))).posted("a", 1).mailed("a", 2, http_status=400)
    refused.suffered("SendGridAnswers", 2, 15)
    assert refused.read("a", 3, "failed").quiet().judged_by(every_accepted_event_is_mailed).ruling is Ruling.HELD
    given_up = Story().posted("a", 1).mailed("a", 2, http_status=503).read("a", 3, "failed").quiet()
    assert given_up.judged_by(every_accepted_event_is_mailed).ruling is Ruling.VIOLATED


def test_missing_mails_prove_nothing_before_all_is_quiet() -> None:
    verdict = Story().posted("a", 1).kept("b", 1).restless().judged_by(every_accepted_event_is_mailed)
    assert said(verdict) == "unknown; the world was still moving; 1 of 2 mails were missing yet"


def test_mailed_abstains_when_no_mail_was_due_or_none_can_be_seen() -> None:
    assert Story().quiet().judged_by(every_accepted_event_is_mailed).ruling is Ruling.UNKNOWN
    assert Story().posted("a", 1, wants_mail=False).quiet().judged_by(every_accepted_event_is_mailed).ruling is Ruling.UNKNOWN
    assert Story(offers=("rows",)).quiet().judged_by(every_accepted_event_is_mailed).ruling is Ruling.NOT_APPLICABLE


def test_one_mail_each_holds_and_attempts_that_were_not_taken_do_not_count() -> None:
    story = Story().kept("a", 1).mailed("b", 2, http_status=503).mailed("b", 3)
    verdict = story.judged_by(no_unexplained_second_mail)
    assert (verdict.ruling, verdict.checked) == (Ruling.HELD, 2), said(verdict)


def test_a_second_mail_out_of_nowhere_is_violated() -> None:
    verdict = Story().mailed("a", 1).mailed("a", 2, process="worker-1").judged_by(no_unexplained_second_mail)
    assert said(verdict) == (
        "violated; a of a5 was mailed by worker-0 at 1.000 s and again by worker-1 at 2.000 s; "
        "no lost reply, crash or long freeze explains it; "
    )


def test_mails_are_judged_in_the_order_in_which_they_reached_the_provider() -> None:
    story = Story().mailed("a", 2).mailed("a", 1, reply_lost=True)
    assert story.judged_by(no_unexplained_second_mail).ruling is Ruling.HELD


def test_a_lost_reply_explains_the_next_mail_and_no_third() -> None:
    again = Story().mailed("a", 1, reply_lost=True).mailed("a", 2)
    assert again.judged_by(no_unexplained_second_mail).ruling is Ruling.HELD
    assert len(again.mailed("a", 3).judged_by(no_unexplained_second_mail).violations) == 1
    both_lost = Story().mailed("a", 1, reply_lost=True).mailed("a", 2, reply_lost=True).mailed("a", 3)
    assert both_lost.judged_by(no_unexplained_second_mail).ruling is Ruling.HELD


def test_a_lost_reply_explains_nothing_if_it_came_after_or_for_another_event_or_took_nothing() -> None:
    after = Story().mailed("a", 1).mailed("a", 2, reply_lost=True)
    other = Story().mailed("b", 1, reply_lost=True).mailed("a", 1).mailed("a", 2)
    not_taken = Story().mailed("a", 0.5, reply_lost=True, http_status=503).mailed("a", 1).mailed("a", 2)
    for story in (after, other, not_taken):
        assert story.judged_by(no_unexplained_second_mail).ruling is Ruling.VIOLATED


def test_second_mails_abstain_when_no_mail_was_taken_or_none_can_be_seen() -> None:
    assert Story().mailed("a", 1, http_status=503).quiet().judged_by(no_unexplained_second_mail).ruling is Ruling.UNKNOWN
    assert Story(offers=("rows",)).judged_by(no_unexplained_second_mail).ruling is Ruling.NOT_APPLICABLE


def test_a_second_mail_beside_a_slow_stub_convicts_nobody() -> None:
    story = Story(world="real").mailed("a", 5).mailed("a", 9, process="worker-1")
    assert story.judged_by(no_unexplained_second_mail).ruling is Ruling.VIOLATED
    doubtful = story.probed(7, 1.0).judged_by(no_unexplained_second_mail)
    assert said(doubtful).startswith("unknown; 1 second mails followed while a bare stub beside the service was slow too")


def test_a_missing_mail_after_a_silence_that_was_the_machines_convicts_nobody() -> None:
    story = Story(world="real").kept("a", 1).posted("b", 2).quiet()
    assert story.judged_by(every_accepted_event_is_mailed).ruling is Ruling.VIOLATED
    verdict = story.probed(95, 3.0).judged_by(every_accepted_event_is_mailed)
    assert said(verdict).startswith("unknown; 1 events had no mail, and nothing moved any more, while a bare stub")


@pytest.mark.parametrize(
    ("stalled_s", "again_s", "ruling"),
    [
        (7.0, 33.0, Ruling.UNKNOWN),  # 5 s to reclaim, pauses of 20 s: until 33 s
        (7.0, 33.1, Ruling.VIOLATED),
        (8.5, 33.1, Ruling.VIOLATED),  # the mail had been sent more than 5 s before
        (0.5, 20.0, Ruling.VIOLATED),  # it was over before the mail
    ],
)
def test_a_stall_soon_after_a_mail_may_have_led_to_the_second(stalled_s: float, again_s: float, ruling: Ruling) -> None:
    story = Story(world="real").mailed("a", 2, took_s=0.1).mailed("a", again_s, process="worker-1").probed(stalled_s, 0.3)
    assert story.judged_by(no_unexplained_second_mail).ruling is ruling


def test_a_stall_after_the_event_was_seen_completed_explains_no_second_mail() -> None:
    story = Story(world="real").mailed("a", 2).read("a", 3).mailed("a", 30, process="worker-1").probed(6, 0.3)
    assert story.judged_by(no_unexplained_second_mail).ruling is Ruling.VIOLATED


def test_mails_of_which_none_names_an_event_are_not_judged() -> None:
    unnamed = "mail_id = '/x' points to no text in {}"
    story = Story().posted("a", 1).posted("b", 1).mailed(None, 2, unnamed=unnamed).quiet()
    assert story.judged_by(every_accepted_event_is_mailed).ruling is Ruling.VIOLATED, "one mail tells nothing of the pointers"
    story.mailed(None, 3)
    for known in (every_accepted_event_is_mailed, no_unexplained_second_mail):
        told = f"unknown; mail_source and mail_id of [observe] name no event in any of 2 mails: {unnamed}"
        assert said(story.judged_by(known)) == told
    assert story.mailed("a", 4).judged_by(every_accepted_event_is_mailed).ruling is Ruling.VIOLATED, "one of them does"
