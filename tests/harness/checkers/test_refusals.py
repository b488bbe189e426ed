"""Honest refusals: histories that hold, break and are empty."""

from __future__ import annotations

import pytest

from harness.checkers import refusals_are_honest
from harness.faults import SendGridAnswers
from harness.verdict import Ruling
from tests.harness.story import PROBLEM, Story, plan, said


def refusing() -> Story:
    """The provider refuses mails for good, by plan."""
    return Story(plan=plan(SendGridAnswers(status=400))).suffered("SendGridAnswers", 0, 15)


@pytest.mark.parametrize("http_status", [400, 413, 422, 429, 499, 503, None])
def test_a_refused_event_that_left_nothing_behind_holds(http_status: int | None) -> None:
    story = Story().kept("a", 1).refused("b", 1, http_status, poison=True).refused("b", 2, http_status, poison=True)
    verdict = story.quiet().judged_by(refusals_are_honest)
    assert (verdict.ruling, verdict.checked) == (Ruling.HELD, 2), said(verdict)


@pytest.mark.parametrize("http_status", [400, 429, 503, None])
def test_a_refused_event_that_is_stored_or_mailed_all_the_same_is_violated(http_status: int | None) -> None:
    stored = Story().refused("b", 1, http_status, poison=True).row("b").quiet().judged_by(refusals_are_honest)
    assert said(stored) == "violated; b of a5 was refused at every attempt, yet it is stored; "
    mailed = Story().refused("b", 1, http_status, poison=True).mailed("b", 2).quiet().judged_by(refusals_are_honest)
    assert said(mailed) == "violated; b of a5 was refused at every attempt until 2.000 s, yet it was mailed then; "


def test_a_503_says_that_nothing_was_taken_though_a_retry_is_accepted() -> None:
    story = Story().refused("b", 1, end_s=1.5).mailed("b", 1.2).posted("b", 3, "processed").row("b").quiet()
    told = "violated; b of a5 was refused at every attempt until 1.200 s, yet it was mailed then; "
    assert said(story.judged_by(refusals_are_honest)) == told
    story = Story().refused("b", 1, end_s=1.5).posted("b", 3, "processed", end_s=3.5).mailed("b", 3.2).row("b").quiet()
    assert story.judged_by(refusals_are_honest).ruling is Ruling.HELD


def test_a_row_taken_back_and_a_mail_the_provider_refused_are_nothing_left_behind() -> None:
    story = refusing().refused("b", 3, 422).stored("b", 1).mailed("b", 2, http_status=400, taken=False).quiet()
    assert story.judged_by(refusals_are_honest).ruling is Ruling.HELD


@pytest.mark.parametrize("http_status", [None, 500, 504, 302])
def test_an_event_with_one_unknown_attempt_may_be_stored(http_status: int | None) -> None:
    story = Story().refused("b", 1).unanswered("b", 2, http_status=http_status).row("b").mailed("b", 3).mailed(None, 4).quiet()
    assert story.judged_by(refusals_are_honest).ruling is Ruling.HELD


@pytest.mark.parametrize("http_status", [429, 503])
def test_a_refusal_for_now_says_when_to_come_back_and_is_a_problem(http_status: int) -> None:
    mute = Story().refused("a", 1, http_status, retry_after_s=None).quiet().judged_by(refusals_are_honest)
    assert said(mute) == f"violated; a of a5 was refused with {http_status} without Retry-After; "
    plain = Story().refused("a", 1, http_status, content_type="text/html").quiet().judged_by(refusals_are_honest)
    assert said(plain) == f"violated; a of a5 was refused with {http_status} as text/html; expected {PROBLEM}; "
    at_once = Story().refused("a", 1, http_status, retry_after_s=0.0, content_type=f"{PROBLEM}; charset=utf-8").quiet()
    assert at_once.judged_by(refusals_are_honest).ruling is Ruling.HELD


def test_a_refusal_for_good_needs_no_retry_after() -> None:
    assert Story().refused("a", 1, 422, poison=True).quiet().judged_by(refusals_are_honest).ruling is Ruling.HELD


@pytest.mark.parametrize("http_status", [400, 409, 422])
def test_an_event_with_nothing_wrong_is_not_refused_for_good(http_status: int) -> None:
    verdict = Story().kept("a", 1).refused("b", 1).refused("b", 2, http_status).quiet().judged_by(refusals_are_honest)
    assert said(verdict) == f"violated; b of a5 was refused for good with {http_status}, and nothing is wrong with it; "


@pytest.mark.parametrize("http_status", [401, 403, 404, 413, 415])
def test_what_may_be_how_the_harness_was_told_to_ask_is_no_refusal_of_an_event(http_status: int) -> None:
    assert Story().refused("a", 1, http_status).quiet().judged_by(refusals_are_honest).ruling is Ruling.HELD


def test_another_payload_or_a_mail_the_provider_refused_are_reasons_to_refuse_for_good() -> None:
    changed = Story().kept("a", 1).refused("a", 2, 422, payload="another").quiet()
    assert changed.judged_by(refusals_are_honest).ruling is Ruling.HELD
    refused = refusing().mailed("b", 1, http_status=400, taken=False).refused("b", 1, 422).quiet()
    assert refused.judged_by(refusals_are_honest).ruling is Ruling.HELD


def test_a_mail_the_service_itself_spoilt_is_no_reason_to_refuse_its_event() -> None:
    spoilt = Story().mailed("b", 1, http_status=400, taken=False).refused("b", 1, 422).quiet()
    assert spoilt.judged_by(refusals_are_honest).ruling is Ruling.VIOLATED


def test_refusals_are_unknown_without_rows_unless_all_refused_events_were_taken_later() -> None:
    assert Story().refused("a", 1).quiet(rows_read=False).judged_by(refusals_are_honest).ruling is Ruling.UNKNOWN
    assert Story().refused("a", 1).judged_by(refusals_are_honest).ruling is Ruling.UNKNOWN
    assert Story().refused("a", 1).posted("a", 2).judged_by(refusals_are_honest).ruling is Ruling.HELD
    mailed = Story().refused("a", 1).mailed("a", 2)
    assert mailed.judged_by(refusals_are_honest).ruling is Ruling.UNKNOWN, "another attempt may be under way"
    assert mailed.quiet(rows_read=False).judged_by(refusals_are_honest).ruling is Ruling.VIOLATED


def test_refusals_abstain_when_nothing_was_refused_or_posted() -> None:
    assert Story().kept("a", 1).quiet().judged_by(refusals_are_honest).ruling is Ruling.NOT_APPLICABLE
    assert Story().quiet().judged_by(refusals_are_honest).ruling is Ruling.UNKNOWN


def test_every_event_that_was_left_behind_is_told_in_order() -> None:
    story = Story().refused("b", 1).refused("a", 1).refused("c", 1).posted("c", 2).row("b").row("a").row("c").quiet()
    verdict = story.judged_by(refusals_are_honest)
    assert [violation.pair.id for violation in verdict.violations if violation.pair] == ["a", "b"]
    assert verdict.checked == 3


def test_only_attempts_begun_before_the_first_mail_explain_it() -> None:
    at_once = Story().refused("a", 1).posted("a", 2.0, "processed").mailed("a", 2.0).row("a").quiet()
    assert at_once.judged_by(refusals_are_honest).ruling is Ruling.HELD
    later = Story().refused("a", 1).posted("a", 2.001, "processed").mailed("a", 2.0).mailed("a", 3).row("a").quiet()
    assert said(later.judged_by(refusals_are_honest)) == (
        "violated; a of a5 was refused at every attempt until 2.000 s, yet it was mailed then; "
    )


def test_a_mail_nobody_posted_is_another_checkers() -> None:
    story = Story().refused("a", 1).mailed("x", 2).mailed("a", 0.5).quiet()
    assert story.judged_by(refusals_are_honest).ruling is Ruling.HELD


def test_each_rude_refusal_is_told_and_a_polite_one_between_them_passed_over() -> None:
    story = Story().refused("a", 1, retry_after_s=None).refused("b", 1, 400, poison=True).refused("c", 1, 429, content_type="")
    verdict = story.quiet().judged_by(refusals_are_honest)
    assert [violation.what for violation in verdict.violations] == [
        "a of a5 was refused with 503 without Retry-After",
        f"c of a5 was refused with 429 as no content type; expected {PROBLEM}",
    ]


def test_a_mail_the_provider_refused_for_one_event_is_no_reason_to_refuse_another() -> None:
    story = refusing().mailed("a", 1, http_status=503).mailed("a", 1, http_status=400).refused("a", 1, 422).refused("b", 1, 422)
    assert [violation.pair.id for violation in story.quiet().judged_by(refusals_are_honest).violations if violation.pair] == ["b"]


def test_what_was_violated_is_told_though_the_rows_were_not_read() -> None:
    story = Story().refused("a", 1, retry_after_s=None).quiet(rows_read=False)
    verdict = story.judged_by(refusals_are_honest)
    assert (verdict.ruling, verdict.checked) == (Ruling.VIOLATED, 1)
