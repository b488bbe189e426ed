"""Provider spared, rate limit respected, backlog drained, clean stops: histories that hold, break and are empty."""

from __future__ import annotations

from typing import Any

import pytest

from harness.checkers import (
    backlog_drains,
    ingest_recovers,
    processes_stay_up,
    provider_is_spared,
    rate_limit_is_respected,
    terminations_are_clean,
)
from harness.faults import RedisCrashes, SendGridAnswers
from harness.verdict import Ruling
from tests.harness.story import OFFERS, Story, plan, said

# An outage from 5 to 15 s under the claims of `Story`: 2 workers x (2 failures + 1 trial x ceil(10 / 5)) = 8 calls.
ALLOWED, DUE = 8, 24


def _outage(*, calls: int, due: int = DUE, status: int = 503, end_s: float = 15, **header: Any) -> Story:
    story = Story(plan=plan(SendGridAnswers(status=status)), **header)
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
    assert story.posted("late", 14.9, end_s=15.001).posted("none", 6, wants_mail=False).judged_by(provider_is_spared).ruling is (
        Ruling.NOT_APPLICABLE
    )
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


def test_the_rate_limit_abstains_without_a_provider() -> None:
    assert Story(offers=("rows",)).judged_by(rate_limit_is_respected).ruling is Ruling.NOT_APPLICABLE


DRAINS = backlog_drains(within_seconds=20)


def test_a_backlog_that_drains_holds() -> None:
    story = Story().kept("a", 1).kept("b", 40).suffered("RedisCrashes", 5, 15, "redis").quiet()
    verdict = story.judged_by(DRAINS)
    assert (verdict.ruling, verdict.checked) == (Ruling.HELD, 2), said(verdict)
    assert verdict.claim == "Every accepted event is finished within 20 s of its acceptance or of the last fault's end."


@pytest.mark.parametrize(("seen_s", "ruling"), [(35.0, Ruling.HELD), (35.001, Ruling.VIOLATED)])
@pytest.mark.parametrize("status", ["completed", "failed"])
def test_the_deadline_counts_from_the_end_of_the_last_fault(seen_s: float, status: str, ruling: Ruling) -> None:
    story = Story().posted("a", 1).suffered("NoFault", 5, 15).suffered("NoFault", 2, 3, index=1)
    verdict = story.read("a", 30, status, end_s=seen_s).quiet().judged_by(DRAINS)
    assert verdict.ruling is ruling
    assert (
        ruling is Ruling.HELD or said(verdict) == "violated; a of a5 should have been finished by 35.000 s: it was at 35.001 s; "
    )


@pytest.mark.parametrize(("seen_s", "ruling"), [(40.0, Ruling.HELD), (40.001, Ruling.VIOLATED)])
def test_the_deadline_counts_from_an_acceptance_after_the_faults(seen_s: float, ruling: Ruling) -> None:
    story = Story().suffered("NoFault", 5, 15).posted("a", 19, end_s=20.0).read("a", 30, end_s=seen_s).quiet()
    assert story.judged_by(DRAINS).ruling is ruling


def test_what_counts_is_when_it_was_first_seen_finished() -> None:
    story = Story().posted("a", 1).read("a", 5, "completed").read("a", 90, "completed").quiet()
    assert story.judged_by(DRAINS).ruling is Ruling.HELD


def test_a_read_begun_after_the_deadline_that_shows_it_unfinished_is_violated() -> None:
    story = Story().posted("a", 1, end_s=1.5).stored("a", 2).mailed("a", 3).read("a", 21.501, "pending").read("a", 22)
    assert (
        said(story.judged_by(DRAINS))
        == "violated; a of a5 should have been finished by 21.500 s: it was still pending at 21.501 s; "
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


def test_an_event_that_never_finishes_is_violated_when_quiet_and_unknown_when_cut_off() -> None:
    verdict = Story().posted("a", 1).kept("b", 1).quiet().judged_by(DRAINS)
    assert said(verdict) == "violated; a of a5 should have been finished by 21.010 s: it never was; "
    assert Story().posted("a", 1).kept("b", 1).restless().judged_by(DRAINS).ruling is Ruling.UNKNOWN
    assert "of 2 events too little was seen" in Story().posted("a", 1).posted("c", 1).judged_by(DRAINS).reason


def test_a_backlog_abstains_when_nothing_was_accepted() -> None:
    assert Story().refused("a", 1).quiet().judged_by(DRAINS).ruling is Ruling.UNKNOWN


def _stopped(what: str = "exited", told: str = "terminated", **more: Any) -> Story:
    ended: dict[str, Any] = {"exit_code": 0, "took_s": 10.0} | more
    return (
        Story()
        .process("api-0", told, 5)
        .process("api-1", "exited", 6, exit_code=1)
        .process("api-0", what, ended.pop("at_s", 15), **ended)
    )


@pytest.mark.parametrize("told", ["terminated", "terminating"])
def test_a_process_that_stops_in_time_with_code_0_holds(told: str) -> None:
    verdict = _stopped(told=told).process("api-0", "started", 16).quiet().judged_by(terminations_are_clean)
    assert (verdict.ruling, verdict.checked) == (Ruling.HELD, 1), said(verdict)


@pytest.mark.parametrize(
    ("story", "told"),
    [
        (_stopped(exit_code=1, took_s=2.0), "exited with code 1 after 2.0 s; expected 0"),
        (_stopped(exit_code=-9, took_s=2.0), "exited with code -9 after 2.0 s; expected 0"),
        (_stopped(exit_code=None, took_s=2.0), "exited with code None after 2.0 s; expected 0"),
        (_stopped(took_s=10.001), "took 10.0 s; expected at most 10 s"),
        (_stopped(took_s=None, at_s=15.001), "took 10.0 s; expected at most 10 s"),
        (_stopped("killed", took_s=None), "had to be killed after 10.0 s"),
    ],
)
def test_an_unclean_stop_is_violated(story: Story, told: str) -> None:
    assert said(story.judged_by(terminations_are_clean)) == f"violated; api-0 was told to stop at 5.000 s and {told}; "


def test_without_a_measured_time_the_two_entries_tell_it() -> None:
    assert _stopped(took_s=None).judged_by(terminations_are_clean).ruling is Ruling.HELD


def test_a_process_that_never_stops_is_violated_unless_the_history_is_cut_off() -> None:
    story = (
        Story()
        .process("api-0", "exited", 1, exit_code=0)
        .process("api-0", "terminated", 5)
        .process("api-1", "exited", 6, exit_code=0)
    )
    assert story.judged_by(terminations_are_clean).ruling is Ruling.UNKNOWN
    assert (
        said(story.quiet().judged_by(terminations_are_clean)) == "violated; api-0 was told to stop at 5.000 s and never exited; "
    )


def test_every_stop_of_a_rolling_deploy_is_judged() -> None:
    story = Story()
    for at_s in (5, 15):
        story.process("api-0", "terminated", at_s).process("api-0", "exited", at_s + 1, exit_code=at_s - 5, took_s=1.0)
    verdict = story.judged_by(terminations_are_clean)
    assert (len(verdict.violations), verdict.checked) == (1, 2)


def test_stops_abstain_when_no_process_was_told_to() -> None:
    assert (
        Story().process("worker-0", "killed", 5).process("api-0", "exited", 6).judged_by(terminations_are_clean).ruling
        is Ruling.UNKNOWN
    )


RECOVERS = ingest_recovers(within_seconds=5)
CRASH: dict[str, Any] = {"plan": plan(RedisCrashes())}


def test_ingest_that_accepts_again_holds() -> None:
    story = Story(**CRASH).suffered("RedisCrashes", 5, 15, "redis").refused("a", 19.999, 503).posted("a", 20.0)
    verdict = story.posted("b", 30, "duplicate").posted("c", 31, "processed").judged_by(RECOVERS)
    assert (verdict.ruling, verdict.checked) == (Ruling.HELD, 3), said(verdict)
    claim = "Ingest accepts again: a POST begun 5 s or more after the last fault's end is answered with a promise."
    assert verdict.claim == claim


@pytest.mark.parametrize(("http_status", "told"), [(503, "503"), (429, "429"), (422, "422"), (500, "500"), (None, "timed out")])
def test_ingest_that_does_not_accept_again_is_violated(http_status: int | None, told: str) -> None:
    story = Story(**CRASH).suffered("RedisCrashes", 5, 15, "redis").posted("b", 19)
    story.refused("a", 20.0, http_status, error="timed out")
    assert said(story.judged_by(RECOVERS)) == (
        f"violated; a of a5: the POST at 20.000 s, 5.0 s after the last fault, was answered {told}; expected a promise; "
    )


def test_what_is_rightly_refused_for_good_needs_no_promise() -> None:
    story = Story(**CRASH).suffered("RedisCrashes", 5, 15, "redis").posted("a", 1)
    story.refused("a", 21, 422, payload="another").refused("p", 22, 422, poison=True)
    assert story.judged_by(RECOVERS).ruling is Ruling.HELD
    assert story.refused("p", 23, 503, poison=True).judged_by(RECOVERS).ruling is Ruling.VIOLATED


def test_recovery_counts_from_the_end_of_the_last_fault() -> None:
    story = Story(plan=plan(RedisCrashes(), SendGridAnswers())).suffered("SendGridAnswers", 5, 15, index=1)
    story.suffered("RedisCrashes", 5, 30, "redis").refused("a", 25)
    assert story.judged_by(RECOVERS).reason == "no POST began 5 s or more after the last fault's end (30.0 s)"


def test_recovery_abstains_without_a_fault_and_while_one_may_last() -> None:
    assert Story().refused("a", 50).quiet().judged_by(RECOVERS).ruling is Ruling.NOT_APPLICABLE
    assert "nobody knows when" in Story(**CRASH).refused("a", 50).quiet().judged_by(RECOVERS).reason
    two = Story(plan=plan(RedisCrashes(), SendGridAnswers())).suffered("RedisCrashes", 5, 15, "redis").refused("a", 50)
    assert "nobody knows when" in two.judged_by(RECOVERS).reason
    assert two.quiet().judged_by(RECOVERS).ruling is Ruling.VIOLATED, "the other fault never happened"


def test_a_refusal_after_the_fault_beside_a_slow_stub_convicts_nobody() -> None:
    story = Story(world="real", **CRASH).suffered("RedisCrashes", 5, 15, "redis").refused("a", 25).probed(25, 1.0)
    assert said(story.judged_by(RECOVERS)).startswith("unknown; 1 POSTs were not answered with a promise while a bare stub")


@pytest.mark.parametrize(("last_s", "ruling"), [(21.009, Ruling.UNKNOWN), (21.01, Ruling.VIOLATED)])
def test_a_deadline_after_the_last_entry_of_a_history_that_is_cut_off_is_undecided(last_s: float, ruling: Ruling) -> None:
    story = Story().posted("a", 1).read("a", 2, "pending").probed(last_s)
    assert story.judged_by(DRAINS).ruling is ruling


def test_no_event_is_late_while_a_fault_may_have_been_under_way_at_the_cut() -> None:
    story = Story(**CRASH).posted("a", 1).read("a", 90, "pending")
    assert story.judged_by(DRAINS).ruling is Ruling.UNKNOWN
    assert story.suffered("RedisCrashes", 5, 15, "redis").judged_by(DRAINS).ruling is Ruling.VIOLATED


def test_an_event_late_beside_a_slow_stub_convicts_nobody() -> None:
    story = Story(world="real").posted("a", 1).read("a", 30).quiet()
    assert story.judged_by(DRAINS).ruling is Ruling.VIOLATED
    story.probed(10, 1.0)
    assert said(story.judged_by(DRAINS)).startswith("unknown; 1 events were late while a bare stub beside the service was slow")
    story.posted("b", 40).read("b", 70)
    assert [violation.pair.id for violation in story.judged_by(DRAINS).violations if violation.pair] == ["b"]


def test_processes_that_are_killed_told_to_stop_or_stay_hold() -> None:
    story = Story().process("worker-0", "killed", 5).process("worker-0", "started", 9).process("api-0", "terminated", 6)
    story.process("api-0", "exited", 7, exit_code=0, took_s=1.0).process("redis", "exited", 8, detail="by itself", exit_code=1)
    verdict = story.judged_by(processes_stay_up)
    assert (verdict.ruling, verdict.checked) == (Ruling.HELD, 4), said(verdict)
    assert Story().kept("a", 1).judged_by(processes_stay_up).ruling is Ruling.HELD


@pytest.mark.parametrize("code", [0, 1, -11])
def test_a_process_that_ends_by_itself_is_violated(code: int) -> None:
    verdict = Story().process("worker-1", "exited", 5, detail="by itself", exit_code=code).judged_by(processes_stay_up)
    assert said(verdict) == f"violated; worker-1 ended by itself (exit code {code}) at 5.000 s; "


def test_a_process_that_cannot_be_started_again_is_violated() -> None:
    verdict = Story().process("api-0", "not restarted", 5, detail="it found a lock").judged_by(processes_stay_up)
    assert said(verdict) == "violated; api-0 could not be started again at 5.000 s: it found a lock; "


def test_staying_up_abstains_when_nothing_was_recorded() -> None:
    assert Story().judged_by(processes_stay_up).ruling is Ruling.UNKNOWN
    assert Story(processes={}).kept("a", 1).judged_by(processes_stay_up).ruling is Ruling.UNKNOWN


def test_recovery_is_given_its_time_after_a_stall_too() -> None:
    story = Story(world="real", **CRASH).suffered("RedisCrashes", 5, 15, "redis").refused("a", 30)
    assert story.probed(20, 1.0).judged_by(RECOVERS).ruling is Ruling.VIOLATED
    assert story.probed(26, 1.0).judged_by(RECOVERS).ruling is Ruling.UNKNOWN
    assert story.refused("b", 40).judged_by(RECOVERS).ruling is Ruling.VIOLATED


@pytest.mark.parametrize(("call_s", "ruling"), [(2.2, "unknown"), (2.3, "violated")])
def test_a_process_the_machine_gave_no_time_to_hear_of_the_limit_is_not_convicted(call_s: float, ruling: str) -> None:
    """It was told at 1.0 s, and the machine stood still until 2.0 s: a second of that, it may have heard nothing."""
    story = _limited().mailed("b", call_s).probed(1.0, 0.3)
    assert str(story.judged_by(rate_limit_is_respected).ruling) == ruling
    assert said(_limited().mailed("b", 4.5).probed(1.0, 0.3).judged_by(rate_limit_is_respected)).startswith("violated")


def test_a_process_that_was_not_ready_in_time_beside_a_slow_stub_is_not_convicted() -> None:
    story = Story().process("api-0", "not restarted", 50, detail="api-0 was not ready within 30 s")
    assert story.probed(19, 4.0).judged_by(processes_stay_up).ruling is Ruling.VIOLATED
    assert said(story.probed(40, 4.0).judged_by(processes_stay_up)).startswith("unknown; 1 processes were not ready again in")
    ended = story.process("api-1", "exited", 41, detail="by itself", exit_code=1).judged_by(processes_stay_up)
    assert len(ended.violations) == 1, "a stall ends nobody"


def test_a_late_stop_beside_a_slow_stub_is_not_convicted_but_a_wrong_exit_code_is() -> None:
    for late in (
        _stopped(took_s=12.0, at_s=17),
        _stopped("killed", took_s=None, at_s=20),
        _stopped(exit_code=-9, took_s=15.1, at_s=20),
    ):
        assert late.judged_by(terminations_are_clean).ruling is Ruling.VIOLATED
        assert said(late.probed(10, 2.0).judged_by(terminations_are_clean)).startswith("unknown; 1 processes took too long to")
    wrong = _stopped(exit_code=1, took_s=2.0, at_s=7).probed(6, 2.0)
    assert wrong.judged_by(terminations_are_clean).ruling is Ruling.VIOLATED


def test_mails_that_cannot_be_told_apart_delay_nothing_and_tell_nothing_of_the_breaker() -> None:
    story = Story().posted("a", 1).stored("a", 2).mailed(None, 3).mailed(None, 4).quiet()
    assert story.judged_by(DRAINS).ruling is Ruling.HELD
    unnamed = (
        Story(plan=plan(SendGridAnswers())).posted("a", 1).suffered("SendGridAnswers", 5, 15).mailed(None, 6).mailed(None, 7)
    )
    assert "name no event in any of 2 mails" in unnamed.judged_by(provider_is_spared).reason
