"""Stored exactly once, and nothing invented: histories that hold, break and are empty."""

from __future__ import annotations

import pytest

from harness.checkers import every_accepted_event_is_stored_once, nothing_is_invented
from harness.faults import Fault, RedisCrashes, SendGridAnswers
from harness.verdict import Ruling
from tests.harness.story import Story, of, plan, said


def test_every_promise_stored_once_holds() -> None:
    verdict = Story().kept("a", 1).kept("b", 2).quiet().judged_by(every_accepted_event_is_stored_once)
    assert (verdict.ruling, verdict.checked) == (Ruling.HELD, 2), said(verdict)


@pytest.mark.parametrize("answer", ["accepted", "duplicate", "processed"])
def test_a_promised_event_without_a_row_is_lost(answer: str) -> None:
    verdict = Story().kept("a", 1).posted("b", 2, answer).quiet().judged_by(every_accepted_event_is_stored_once)
    assert verdict.ruling is Ruling.VIOLATED
    assert [violation.pair for violation in verdict.violations] == [of("b")]
    assert verdict.violations[0].what == f"b of a5 was answered {answer} at 2.010 s and has no row: it is lost"


def test_an_unknown_event_may_be_stored_once_or_never() -> None:
    story = Story().kept("a", 1).unanswered("b", 2).unanswered("c", 3).row("c").quiet()
    assert story.judged_by(every_accepted_event_is_stored_once).ruling is Ruling.HELD


@pytest.mark.parametrize("ending", ["quiet", "restless", "cut off", "rows unread"])
def test_two_rows_are_violated_whatever_else_is_known(ending: str) -> None:
    story = Story().unanswered("b", 2).row("b").row("b")
    if ending != "cut off":
        story = story.restless() if ending == "restless" else story.quiet(rows_read=ending == "quiet")
    verdict = story.judged_by(every_accepted_event_is_stored_once)
    assert verdict.ruling is Ruling.VIOLATED
    assert "b of a5 is stored 2 times, expected once" in said(verdict)


def test_missing_rows_prove_nothing_before_all_is_quiet() -> None:
    verdict = Story().posted("a", 1).kept("b", 2).restless().judged_by(every_accepted_event_is_stored_once)
    assert verdict.ruling is Ruling.UNKNOWN
    assert verdict.reason == "the world was still moving; 1 of 2 accepted events had no row yet"


def test_rows_that_were_not_read_prove_nothing() -> None:
    verdict = Story().posted("a", 1).quiet(rows_read=False).judged_by(every_accepted_event_is_stored_once)
    assert verdict.ruling is Ruling.UNKNOWN
    assert "could not be read" in verdict.reason


def test_poison_that_is_shown_failed_is_excused() -> None:
    story = Story().kept("a", 1).posted("b", 2, poison=True).read("b", 3, "failed", reason="NUL").quiet()
    assert story.judged_by(every_accepted_event_is_stored_once).ruling is Ruling.HELD


def test_a_mail_refused_for_good_excuses_an_event_that_is_shown_failed() -> None:
    story = Story(plan=plan(SendGridAnswers(status=400))).kept("a", 1).posted("b", 2).suffered("SendGridAnswers", 2, 3)
    story.mailed("b", 2.5, http_status=400).read("b", 3, "failed", reason="400").quiet()
    assert story.judged_by(every_accepted_event_is_stored_once).ruling is Ruling.HELD


@pytest.mark.parametrize("fault", [SendGridAnswers(status=400), SendGridAnswers(status=413), RedisCrashes()])
def test_a_mail_refused_for_its_body_excuses_nothing(fault: Fault) -> None:
    """Outside the fault, under one that answers otherwise, or under another: the service made the body itself."""
    story = Story(plan=plan(fault)).posted("b", 2).suffered(type(fault).__name__, 5, 15)
    story.mailed("b", 6 if fault != SendGridAnswers(status=400) else 4.999, http_status=400)
    assert (
        story.read("b", 20, "failed", reason="400").quiet().judged_by(every_accepted_event_is_stored_once).ruling
        is Ruling.VIOLATED
    )


@pytest.mark.parametrize("http_status", [401, 403, 408, 425, 429, 500, 503, 202, 399])
def test_what_the_provider_says_of_itself_excuses_nothing(http_status: int) -> None:
    story = Story().posted("b", 2).mailed("b", 2.5, http_status=http_status).read("b", 3, "failed", reason="no").quiet()
    assert story.judged_by(every_accepted_event_is_stored_once).ruling is Ruling.VIOLATED


@pytest.mark.parametrize("last_status", ["pending", "processing", "completed"])
def test_poison_is_not_excused_unless_it_is_shown_failed_in_the_end(last_status: str) -> None:
    story = Story().posted("b", 2, poison=True).read("b", 3, "failed").read("b", 4, last_status).quiet()
    assert story.judged_by(every_accepted_event_is_stored_once).ruling is Ruling.VIOLATED


def test_an_ordinary_event_that_failed_is_lost() -> None:
    story = Story().posted("b", 2).read("b", 3, "failed", reason="gave up").quiet()
    assert story.judged_by(every_accepted_event_is_stored_once).ruling is Ruling.VIOLATED


def test_stored_once_abstains_on_an_empty_history_and_without_rows_to_see() -> None:
    assert Story().quiet().judged_by(every_accepted_event_is_stored_once).ruling is Ruling.UNKNOWN
    assert Story().judged_by(every_accepted_event_is_stored_once).ruling is Ruling.UNKNOWN
    assert Story(offers=()).quiet().judged_by(every_accepted_event_is_stored_once).ruling is Ruling.NOT_APPLICABLE


def test_nothing_invented_holds() -> None:
    verdict = Story().kept("a", 1).unanswered("b", 2).row("b").quiet().judged_by(nothing_is_invented)
    assert (verdict.ruling, verdict.checked) == (Ruling.HELD, 3), said(verdict)


def test_a_row_nobody_posted_is_invented_even_if_it_vanished_again() -> None:
    for story in (Story().kept("a", 1).row("x").quiet(), Story().kept("a", 1).stored("x", 2).quiet()):
        verdict = story.judged_by(nothing_is_invented)
        assert [violation.what for violation in verdict.violations] == ["x of a5 is stored but was never posted"]


def test_a_joined_identity_is_another_event() -> None:
    story = Story().posted("c", 1, pair=("a:b", "c")).row("b:c").quiet()
    assert story.judged_by(nothing_is_invented).ruling is Ruling.VIOLATED


@pytest.mark.parametrize("http_status", [202, 503])
def test_a_mail_for_an_event_nobody_posted_is_invented(http_status: int) -> None:
    verdict = Story().kept("a", 1).mailed("x", 2, http_status=http_status).restless().judged_by(nothing_is_invented)
    assert "x of a5 was mailed by worker-0 at 2.000 s but was never posted" in said(verdict)


def test_a_mail_for_an_event_that_asked_for_none_is_invented() -> None:
    verdict = Story().posted("a", 1, wants_mail=False).mailed("a", 2).judged_by(nothing_is_invented)
    assert "a of a5 was mailed by worker-0 at 2.000 s but asked for no mail" in said(verdict)
    refused_asked = Story().posted("a", 1, wants_mail=False).refused("a", 1.5, 422).mailed("a", 2)
    assert refused_asked.judged_by(nothing_is_invented).ruling is Ruling.VIOLATED
    any_post_asks = Story().posted("a", 1).posted("a", 1.5, "duplicate", wants_mail=False).mailed("a", 2)
    assert any_post_asks.judged_by(nothing_is_invented).ruling is Ruling.HELD


@pytest.mark.parametrize(
    ("recipients", "astray"),
    [
        (["a@example.com"], ""),
        (["A@Example.COM"], ""),  # how an address is written says nothing of whose it is
        ([], ""),  # the body was no mail
        (["b@example.com"], "b@example.com"),
        (["a@example.com", "b@example.com", "c@example.com"], "b@example.com, c@example.com"),
    ],
)
def test_a_mail_goes_to_the_address_its_event_named_and_to_no_other(recipients: list[str], astray: str) -> None:
    story = Story().posted("a", 1, recipient="a@example.com").mailed("a", 2, recipients=tuple(recipients))
    told = f"a of a5 was mailed by worker-0 at 2.000 s to {astray}, which no POST of it names"
    assert [violation.what for violation in story.judged_by(nothing_is_invented).violations] == [told] * bool(astray)


@pytest.mark.parametrize(("address", "ruling"), [("a", Ruling.HELD), ("b", Ruling.HELD), ("c", Ruling.VIOLATED)])
def test_the_address_of_a_payload_that_was_refused_is_a_strangers(address: str, ruling: Ruling) -> None:
    story = Story().posted("a", 1, recipient="a@example.com").unanswered("a", 1.1, recipient="b@example.com")
    story.refused("a", 1.2, 422, recipient="c@example.com").mailed("a", 2, recipients=(f"{address}@example.com",))
    assert story.judged_by(nothing_is_invented).ruling is ruling


def test_where_every_post_was_refused_each_may_have_named_the_address() -> None:
    """That it was mailed all the same is another checker's to say."""
    story = Story().refused("a", 1, recipient="a@example.com").mailed("a", 2, recipients=("a@example.com",))
    assert story.judged_by(nothing_is_invented).ruling is Ruling.HELD


def test_of_a_history_that_tells_no_addresses_none_is_judged() -> None:
    assert Story().posted("a", 1).mailed("a", 2, recipients=("b@example.com",)).judged_by(nothing_is_invented).violations == ()


def test_a_mail_that_names_no_event_is_invented_only_if_it_was_taken() -> None:
    assert Story().kept("a", 1).mailed(None, 2).judged_by(nothing_is_invented).ruling is Ruling.VIOLATED
    assert Story().kept("a", 1).mailed(None, 2, http_status=400).judged_by(nothing_is_invented).ruling is Ruling.HELD


def test_mails_are_left_alone_where_they_cannot_be_told_apart() -> None:
    assert Story(offers=("rows",)).kept("a", 1).mailed(None, 2).judged_by(nothing_is_invented).ruling is Ruling.HELD


def test_nothing_invented_abstains_when_nothing_was_seen() -> None:
    assert Story().posted("a", 1).quiet().judged_by(nothing_is_invented).ruling is Ruling.UNKNOWN
    assert Story(offers=()).judged_by(nothing_is_invented).ruling is Ruling.NOT_APPLICABLE


def test_what_came_of_a_post_still_under_way_at_the_cut_is_no_invention() -> None:
    """A POST leaves its entry when it is answered: until the end is known, one that left none may have been under way."""
    story = Story().kept("a", 1).stored("x", 2).mailed("x", 2).mailed("y", 2)
    assert said(story.judged_by(nothing_is_invented)) == (
        "unknown; 2 events were seen whose POST may have been under way when the history was cut off"
    )
    wrong = Story().posted("a", 1, wants_mail=False).mailed("a", 2).stored("x", 2).judged_by(nothing_is_invented)
    assert [violation.pair for violation in wrong.violations] == [of("a")]
    assert len(story.quiet().judged_by(nothing_is_invented).violations) == 3


def test_an_event_without_a_row_after_a_silence_that_was_the_machines_convicts_nobody() -> None:
    story = Story(world="real").kept("a", 1).posted("b", 2).quiet()
    assert story.judged_by(every_accepted_event_is_stored_once).ruling is Ruling.VIOLATED
    verdict = story.probed(95, 3.0).judged_by(every_accepted_event_is_stored_once)
    assert said(verdict).startswith("unknown; 1 events had no row, and nothing moved any more, while a bare stub")
    twice = story.row("a").judged_by(every_accepted_event_is_stored_once)
    assert [violation.pair for violation in twice.violations] == [of("a")], "no stall stores anything twice"


def test_mails_of_which_none_names_an_event_are_no_inventions() -> None:
    unnamed = "mail_id = '/custom_args/ident' points to no text in {}"
    story = Story().kept("a", 1).quiet()
    story.history.forget(lambda entry: entry.kind == "call")
    one = story.mailed(None, 2, unnamed=unnamed).judged_by(nothing_is_invented)
    assert one.ruling is Ruling.VIOLATED, "one may be that mail's own mistake"
    verdict = story.mailed(None, 3, unnamed=unnamed).judged_by(nothing_is_invented)
    assert said(verdict) == f"unknown; mail_source and mail_id of [observe] name no event in any of 2 mails: {unnamed}"
    assert story.row("x").judged_by(nothing_is_invented).ruling is Ruling.VIOLATED
