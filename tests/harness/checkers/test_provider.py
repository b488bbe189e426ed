"""Provider spared, rate limit respected: histories that hold, break and are empty."""

from __future__ import annotations

from typing import Any

import pytest

from harness.checkers import provider_is_spared, rate_limit_is_respected
from harness.faults import FlagFlips, SendGridAnswers
from harness.verdict import Ruling
from tests.harness.story import OFFERS, Story, plan, said

# An outage from 5 to 15 s under the claims of `Story`: 2 workers x (2 failures + 1 trial x ceil(10 / 5)) = 8 calls.
ALLOWED, DUE = 8, 24


def _outage(*, calls: int, due: int = DUE, status: int = 503, end_s: float = 15, **header: Any) -> Story:
    flips = [header.pop("flips")] if "flips" in header else []
    story = Story(plan=plan(SendGridAnswers(status=status), *flips), **header)
    for number in range(due):
        story.posted(f"e{number}", 6)
    for number in range(calls):
        story.mailed(f"e{number}", 7, http_status=status)
    return story.suffered("SendGridAnswers", 5, end_s, "sendgrid")


def test_as_many_calls_as_the_claimed_breaker_allows_hold() -> None:
    verdict = _outage(calls=ALLOWED).judged_by(provider_is_spared)
    assert (verdict.ruling, verdict.checked) == (Ruling.HELD, DUE), said(verdict)
    assert _outage(calls=0).judged_by(provider_is_spared).ruling is Ruling.HELD


def test_one_call_more_is_violated() -> None:
    verdict = _outage(calls=ALLOWED + 1).judged_by(provider_is_spared)
    assert said(verdict) == (
        "violated; 9 calls reached the provider while it was down (5.0 to 15.0 s); its claimed breaker allows 8; "
    )


def test_a_call_too_many_is_violated_however_few_mails_were_due() -> None:
    assert _outage(calls=ALLOWED + 1, due=ALLOWED + 1).judged_by(provider_is_spared).ruling is Ruling.VIOLATED


def test_with_fewer_than_three_due_mails_a_call_allowed_nobody_can_tell() -> None:
    verdict = _outage(calls=ALLOWED, due=DUE - 1).judged_by(provider_is_spared)
    assert verdict.ruling is Ruling.NOT_APPLICABLE
    assert "too few mails were due" in verdict.reason


def test_only_calls_that_began_during_the_outage_count() -> None:
    story = _outage(calls=ALLOWED).mailed("e0", 4.999, http_status=503).mailed("e0", 15.001)
    assert story.judged_by(provider_is_spared).ruling is Ruling.HELD
    assert _outage(calls=ALLOWED).mailed("e0", 5.0, http_status=503).judged_by(provider_is_spared).ruling is Ruling.VIOLATED
    assert _outage(calls=ALLOWED).mailed("e0", 15.0).judged_by(provider_is_spared).ruling is Ruling.VIOLATED


def test_a_longer_outage_allows_one_more_trial_a_worker_and_reset() -> None:
    assert _outage(calls=10, due=30, end_s=15.001).judged_by(provider_is_spared).ruling is Ruling.HELD
    assert _outage(calls=11, due=30, end_s=15.001).judged_by(provider_is_spared).ruling is Ruling.VIOLATED


def test_a_worker_started_meanwhile_has_a_breaker_of_its_own() -> None:
    restarted = _outage(calls=12, due=36).process("worker-1", "started", 8)
    assert restarted.judged_by(provider_is_spared).ruling is Ruling.HELD
    for process, what, at_s in (
        ("api-0", "started", 8),
        ("worker-1", "ready", 8),
        ("worker-1", "started", 4),
        ("worker-1", "started", 16),
    ):
        story = _outage(calls=12, due=36).process(process, what, at_s)
        assert story.judged_by(provider_is_spared).ruling is Ruling.VIOLATED


def test_without_workers_the_api_processes_count() -> None:
    assert _outage(calls=12, due=36, processes={"api": 3}).judged_by(provider_is_spared).ruling is Ruling.HELD
    assert _outage(calls=13, due=36, processes={"api": 3}).judged_by(provider_is_spared).ruling is Ruling.VIOLATED


def test_mails_are_due_if_promised_before_the_end_and_not_taken_before_the_beginning() -> None:
    story = _outage(calls=0, due=DUE - 1)
    story.posted("late", 14.9, end_s=15.001).posted("none", 6, wants_mail=False)
    assert story.judged_by(provider_is_spared).ruling is Ruling.NOT_APPLICABLE
    assert story.posted("gone", 1).mailed("gone", 4.999).judged_by(provider_is_spared).ruling is Ruling.NOT_APPLICABLE
    assert story.posted("due", 14.9, end_s=15.0).judged_by(provider_is_spared).ruling is Ruling.HELD
    just_taken = _outage(calls=0, due=DUE - 1).posted("edge", 1).mailed("edge", 5.0)
    assert just_taken.judged_by(provider_is_spared).ruling is Ruling.HELD


@pytest.mark.parametrize(("status", "judged"), [(500, True), (503, True), (499, False), (401, False)])
def test_only_an_outage_with_5xx_is_one(status: int, judged: bool) -> None:
    assert (_outage(calls=20, status=status).judged_by(provider_is_spared).ruling is Ruling.VIOLATED) == judged


def test_spared_abstains_without_an_outage_and_without_claims() -> None:
    assert Story().judged_by(provider_is_spared).ruling is Ruling.UNKNOWN
    assert Story().suffered("RedisCrashes", 5, 15, "redis").judged_by(provider_is_spared).ruling is Ruling.UNKNOWN
    offers = tuple(offer for offer in OFFERS if offer != "claims.breaker_failures")
    assert _outage(calls=20, offers=offers).judged_by(provider_is_spared).ruling is Ruling.NOT_APPLICABLE


def test_mails_that_name_no_event_tell_nothing_of_the_breaker() -> None:
    story = Story(plan=plan(SendGridAnswers())).posted("a", 1).suffered("SendGridAnswers", 5, 15).mailed(None, 6).mailed(None, 7)
    assert "name no event in any of 2 mails" in story.judged_by(provider_is_spared).reason


def _limited(**more: Any) -> Story:
    """worker-0 is told at 1.0 s that the limit resets at 5 s."""
    return Story().mailed("a", 0.9, http_status=429, **({"end_s": 1.0, "resets_at_s": 5.0} | more))


@pytest.mark.parametrize(
    ("call_s", "ruling"), [(1.25, "held"), (1.251, "violated"), (4.999, "violated"), (5.0, "held"), (9.0, "held")]
)
def test_no_call_between_the_answer_and_the_reset(call_s: float, ruling: str) -> None:
    verdict = _limited().mailed("b", call_s).judged_by(rate_limit_is_respected)
    assert (str(verdict.ruling), len(verdict.violations)) == (ruling, ruling == "violated")


def test_the_violation_names_the_process_and_the_times() -> None:
    assert said(_limited().mailed("b", 3).judged_by(rate_limit_is_respected)) == (
        "violated; worker-0 was told at 1.000 s that the rate limit resets at 5.000 s, and called again at 3.000 s; "
    )


def test_only_the_process_that_was_told_and_still_knows_must_wait() -> None:
    assert _limited().mailed("b", 3, process="worker-1").judged_by(rate_limit_is_respected).ruling is Ruling.HELD
    restarted = _limited().process("worker-0", "started", 2).mailed("b", 3)
    assert restarted.judged_by(rate_limit_is_respected).ruling is Ruling.HELD
    other = _limited().process("worker-1", "started", 2).mailed("b", 3)
    assert other.judged_by(rate_limit_is_respected).ruling is Ruling.VIOLATED


def test_an_answer_that_got_lost_or_names_no_reset_tells_nothing() -> None:
    for story in (_limited(reply_lost=True), _limited(resets_at_s=None)):
        assert story.mailed("b", 3).judged_by(rate_limit_is_respected).ruling is Ruling.UNKNOWN


@pytest.mark.parametrize(("call_s", "ruling"), [(2.2, "unknown"), (2.3, "violated")])
def test_a_process_the_machine_gave_no_time_to_hear_of_the_limit_is_not_convicted(call_s: float, ruling: str) -> None:
    """It was told at 1.0 s, and the machine stood still until 2.0 s: a second of that, it may have heard nothing."""
    story = _limited().mailed("b", call_s).probed(1.0, 0.3)
    assert str(story.judged_by(rate_limit_is_respected).ruling) == ruling
    assert said(_limited().mailed("b", 4.5).probed(1.0, 0.3).judged_by(rate_limit_is_respected)).startswith("violated")


def test_the_rate_limit_abstains_without_a_provider() -> None:
    assert Story(offers=("rows",)).judged_by(rate_limit_is_respected).ruling is Ruling.NOT_APPLICABLE


def _two_outages(*calls: int, due: tuple[int, int]) -> Story:
    """Outages from 5 to 15 s and from 30 to 40 s, each with so many calls and so many mails due."""
    story, number = Story(plan=plan(SendGridAnswers(), SendGridAnswers())), 0
    for begin_s, count, wanted in ((5, calls[0], due[0]), (30, calls[1], due[1])):
        for made in range(wanted):
            story.posted(f"e{number}", begin_s + 1).mailed(f"e{number}", begin_s + 11)
            if made < count:
                story.mailed(f"e{number}", begin_s + 2, http_status=503)
            number += 1
    return story.suffered("SendGridAnswers", 5, 15).suffered("SendGridAnswers", 30, 40, index=1)


def test_each_outage_is_judged_by_its_own_calls_and_its_own_due_mails() -> None:
    verdict = _two_outages(ALLOWED, ALLOWED, due=(DUE, DUE)).judged_by(provider_is_spared)
    assert (verdict.ruling, verdict.checked) == (Ruling.HELD, 2 * DUE)
    verdict = _two_outages(ALLOWED, ALLOWED, due=(DUE, DUE - 1)).judged_by(provider_is_spared)
    assert (verdict.ruling, verdict.checked) == (Ruling.HELD, DUE), "of the second nobody can tell"
    verdict = _two_outages(ALLOWED + 1, ALLOWED + 2, due=(DUE, DUE + 1)).judged_by(provider_is_spared)
    assert [violation.what[:8] for violation in verdict.violations] == ["9 calls ", "10 calls"]
    assert verdict.checked == 2 * DUE + 1


@pytest.mark.parametrize(("at_s", "allowed"), [(4.999, 8), (5.0, 12), (15.0, 12), (15.001, 8)])
def test_a_worker_started_in_the_first_or_last_moment_of_an_outage_was_started_meanwhile(at_s: float, allowed: int) -> None:
    for calls, ruling in ((allowed, Ruling.HELD), (allowed + 1, Ruling.VIOLATED)):
        story = _outage(calls=calls, due=36).process("worker-1", "started", at_s)
        assert story.judged_by(provider_is_spared).ruling is ruling


def test_where_no_process_is_told_of_one_does_the_work() -> None:
    assert _outage(calls=4, processes={}).judged_by(provider_is_spared).ruling is Ruling.HELD
    assert _outage(calls=5, processes={}).judged_by(provider_is_spared).ruling is Ruling.VIOLATED


def test_the_claims_of_the_breaker_are_what_is_allowed() -> None:
    claims = {"breaker_failures": 3, "breaker_reset_seconds": 4.0, "breaker_trials": 2}  # 2 x (3 + 2 x 3) = 18
    assert _outage(calls=18, due=54, claims=claims).judged_by(provider_is_spared).checked == 54
    assert _outage(calls=18, due=53, claims=claims).judged_by(provider_is_spared).ruling is Ruling.NOT_APPLICABLE
    assert "its claimed breaker allows 18" in said(_outage(calls=19, due=53, claims=claims).judged_by(provider_is_spared))


def test_where_the_flag_is_turned_the_api_has_breakers_of_its_own() -> None:
    for calls, ruling in ((16, Ruling.HELD), (17, Ruling.VIOLATED)):
        story = _outage(calls=calls, due=51, flips=FlagFlips(), processes={"api": 2, "worker": 2})
        assert story.judged_by(provider_is_spared).ruling is ruling


@pytest.mark.parametrize(
    ("process", "woke_s", "ruling"),
    [("worker-0", 2.8, "held"), ("worker-0", 3.0, "held"), ("worker-0", 2.7, "violated"), ("worker-1", 2.8, "violated")],
)
def test_a_frozen_process_reads_what_it_was_told_when_it_wakes(process: str, woke_s: float, ruling: str) -> None:
    story = _limited().process(process, "frozen", 0.9).process(process, "resumed", woke_s).mailed("b", 3)
    assert str(story.judged_by(rate_limit_is_respected).ruling) == ruling
    later = _limited().mailed("b", 3).process("worker-0", "resumed", 3.1)
    assert later.judged_by(rate_limit_is_respected).ruling is Ruling.VIOLATED


def test_another_fault_is_no_outage_whatever_it_is_set_to() -> None:
    story = _outage(calls=ALLOWED + 1)
    story.history.forget(lambda entry: entry.kind == "fault")
    assert story.suffered("SendGridStalls", 5, 15).judged_by(provider_is_spared).ruling is Ruling.UNKNOWN


def test_mails_that_name_no_event_can_still_be_too_many() -> None:
    story = Story(plan=plan(SendGridAnswers())).suffered("SendGridAnswers", 5, 15)
    for _ in range(ALLOWED + 1):
        story.mailed(None, 6, http_status=503)
    assert story.judged_by(provider_is_spared).ruling is Ruling.VIOLATED


@pytest.mark.parametrize(("call_s", "ruling"), [(2.25, "unknown"), (2.251, "violated")])
def test_a_quarter_of_a_second_is_given_to_hear_of_the_limit_besides_the_stall(call_s: float, ruling: str) -> None:
    """Told at 1.0 s; the machine stood still until 2.0 s."""
    assert str(_limited().mailed("b", call_s).probed(1.0, 0.5).judged_by(rate_limit_is_respected).ruling) == ruling


def test_every_call_that_came_too_early_is_told_with_the_answer_that_forbade_it() -> None:
    story = (
        _limited().mailed("b", 2).mailed("c", 3).mailed("d", 10, http_status=429, end_s=10.1, resets_at_s=20.0).mailed("e", 11)
    )
    verdict = story.judged_by(rate_limit_is_respected)
    assert [violation.what for violation in verdict.violations] == [
        "worker-0 was told at 1.000 s that the rate limit resets at 5.000 s, and called again at 2.000 s",
        "worker-0 was told at 1.000 s that the rate limit resets at 5.000 s, and called again at 3.000 s",
        "worker-0 was told at 10.100 s that the rate limit resets at 20.000 s, and called again at 11.000 s",
    ]
    assert [violation.pair.id for violation in verdict.violations if violation.pair] == ["b", "c", "e"]
    assert verdict.checked == 2


def test_calls_set_aside_are_counted_and_hide_no_other() -> None:
    story = _limited().mailed("b", 2.1).mailed("c", 2.2).probed(1.0, 0.5)
    assert said(story.judged_by(rate_limit_is_respected)).startswith("unknown; 2 calls came too early while")
    assert len(story.mailed("d", 4.0).judged_by(rate_limit_is_respected).violations) == 1


def test_a_limit_that_reset_when_the_run_began_forbids_nothing() -> None:
    story = Story().mailed("a", 0.0, http_status=429, end_s=0.1, resets_at_s=0.0).mailed("b", 0.5)
    assert story.judged_by(rate_limit_is_respected).ruling is Ruling.HELD


@pytest.mark.parametrize(("at_s", "ruling"), [(0.999, "violated"), (1.0, "held"), (3.0, "held"), (3.001, "violated")])
def test_a_process_forgets_the_limit_by_a_start_between_the_answer_and_the_call(at_s: float, ruling: str) -> None:
    story = _limited().process("worker-0", "started", at_s).mailed("b", 3.0)
    assert str(story.judged_by(rate_limit_is_respected).ruling) == ruling


def test_another_answer_forbids_the_call_if_the_first_was_forgotten() -> None:
    story = _limited(resets_at_s=9.0).process("worker-0", "started", 2)
    story.mailed("b", 2.1, http_status=429, end_s=2.2, resets_at_s=8.0).mailed("c", 5)
    assert said(story.judged_by(rate_limit_is_respected)) == (
        "violated; worker-0 was told at 2.200 s that the rate limit resets at 8.000 s, and called again at 5.000 s; "
    )
