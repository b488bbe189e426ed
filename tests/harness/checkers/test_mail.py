"""Mailed, and again only where something explains that very mail: histories that hold, break and are empty."""

from __future__ import annotations

from typing import Any

import pytest

from harness.checkers import every_accepted_event_is_mailed, no_unexplained_second_mail
from harness.faults import PostgresCrashes, RedisCrashes, SendGridAnswers
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


def _twice(*fault: Any, again_s: float = 12, by: str = "worker-1", **more: Any) -> Ruling:
    """A mail by worker-0 from 1 to 1.5 s, another one later, and one fault (name, begin, end, hurt...)."""
    name, begin_s, end_s, *hurt = fault
    story = Story(**more.pop("header", {})).mailed("a", 1, took_s=0.5).mailed("a", again_s, process=by)
    if "completed_s" in more:
        story = story.read("a", more.pop("completed_s"), took_s=0)
    return story.suffered(name, begin_s, end_s, *hurt, **more).judged_by(no_unexplained_second_mail).ruling


@pytest.mark.parametrize(
    ("begin_s", "explains"),
    [(1.0, True), (1.2, True), (1.5, True), (6.5, True), (6.501, False), (9.0, False)],
)
@pytest.mark.parametrize(
    ("name", "hurt"),
    [("WorkerCrashes", "worker-0"), ("RedisLoads", "redis")]
    + [(server.title() + how, server) for server in ("redis", "postgres") for how in ("Crashes", "DiskFills")],
)
def test_a_crash_explains_a_second_mail_if_it_began_at_most_five_seconds_after_the_first(
    name: str, hurt: str, begin_s: float, explains: bool
) -> None:
    assert (_twice(name, begin_s, begin_s + 1, hurt) is Ruling.HELD) == explains


@pytest.mark.parametrize(("end_s", "explains"), [(0.9, False), (0.999, False), (1.0, True), (3.0, True)])
def test_a_crash_that_was_going_on_when_the_mail_was_taken_explains_it_too(end_s: float, explains: bool) -> None:
    for name, hurt in (("WorkerCrashes", "worker-0"), ("RedisCrashes", "redis")):
        assert (_twice(name, 0.5, end_s, hurt) is Ruling.HELD) == explains


def test_a_crash_explains_only_what_comes_after_it() -> None:
    assert _twice("RedisCrashes", 2.0, 3.0, "redis", again_s=2.0) is Ruling.VIOLATED
    assert _twice("RedisCrashes", 2.0, 3.0, "redis", again_s=2.001) is Ruling.HELD


@pytest.mark.parametrize(("completed_s", "explains"), [(1.9, False), (2.0, False), (2.001, True)])
def test_a_crash_explains_nothing_once_a_client_has_seen_the_event_completed(completed_s: float, explains: bool) -> None:
    assert (_twice("WorkerCrashes", 2.0, 3.0, "worker-0", completed_s=completed_s) is Ruling.HELD) == explains


def test_what_a_client_saw_pending_does_not_matter() -> None:
    story = Story().mailed("a", 1).read("a", 1.5, "processing").suffered("WorkerCrashes", 2, 3, "worker-0")
    assert story.mailed("a", 9).judged_by(no_unexplained_second_mail).ruling is Ruling.HELD


def test_a_crash_explains_only_with_evidence() -> None:
    assert _twice("WorkerCrashes", 2, 3, "worker-0", evidence=None) is Ruling.VIOLATED
    assert _twice("WorkerCrashes", 2, 3, "worker-0", evidence="") is Ruling.VIOLATED


def test_a_crashed_worker_explains_only_the_mails_it_had_sent() -> None:
    assert _twice("WorkerCrashes", 2, 3, "worker-1", by="worker-1") is Ruling.VIOLATED
    assert _twice("WorkerCrashes", 2, 3, "worker-0", by="worker-0") is Ruling.HELD


def test_a_deadly_event_explains_the_mails_of_those_it_killed_each_death_by_itself() -> None:
    def judged(*deaths_s: float, again_by: str = "worker-1") -> Ruling:
        story = Story().suffered("EventKillsWorkers", 2, 20, "worker-0", "worker-1").mailed("a", 3)
        for death_s in deaths_s:
            story.process("worker-0", "killed", death_s)
        return story.mailed("a", 9, process=again_by).judged_by(no_unexplained_second_mail).ruling

    assert judged(4) is Ruling.HELD
    assert judged() is Ruling.VIOLATED, "that it killed others explains nothing"
    assert judged(8.5) is Ruling.VIOLATED, "more than 5 s after the mail was taken"


def test_other_faults_explain_nothing() -> None:
    for fault in (("Deploys", 2, 3, "worker-0"), ("RedisLosesReplies", 2, 3, "redis"), ("SendGridAnswers", 2, 3, "sendgrid")):
        assert _twice(*fault) is Ruling.VIOLATED


def test_an_api_process_explains_only_in_a_system_without_workers() -> None:
    for processes, ruling in (({"api": 2}, Ruling.HELD), ({"api": 2, "worker": 1}, Ruling.VIOLATED)):
        story = Story(processes=processes).mailed("a", 1, process="api-0").suffered("ApiCrashes", 2, 3, "api-0")
        assert story.mailed("a", 9, process="api-1").judged_by(no_unexplained_second_mail).ruling is ruling


@pytest.mark.parametrize(("end_s", "explains"), [(7.0, False), (7.001, True), (20.0, True)])
def test_a_freeze_explains_only_if_it_lasted_longer_than_the_claimed_reclaim(end_s: float, explains: bool) -> None:
    assert (_twice("WorkerFreezes", 2.0, end_s, "worker-0", again_s=30) is Ruling.HELD) == explains


def test_a_zombie_explains_the_mail_it_sends_behind_another_workers_back() -> None:
    zombie = Story().mailed("a", 8, process="worker-1").suffered("WorkerFreezes", 2, 12, "worker-0").mailed("a", 12.1)
    assert zombie.judged_by(no_unexplained_second_mail).ruling is Ruling.HELD
    bystander = Story().mailed("a", 8, process="worker-1").suffered("WorkerFreezes", 2, 12, "worker-0")
    assert bystander.mailed("a", 12.1, process="worker-1").judged_by(no_unexplained_second_mail).ruling is Ruling.VIOLATED


@pytest.mark.parametrize(("first_s", "explains"), [(12.2, True), (17.0, True), (17.001, False)])
def test_a_zombie_that_woke_just_before_the_other_worker_mailed_explains_it(first_s: float, explains: bool) -> None:
    story = Story().suffered("WorkerFreezes", 2.0, 12.0, "worker-0").mailed("a", first_s).mailed("a", 18, process="worker-1")
    assert (story.judged_by(no_unexplained_second_mail).ruling is Ruling.HELD) == explains


@pytest.mark.parametrize("claims", [{}, {"reclaim_seconds": None}])
def test_without_the_claim_nobody_knows_whether_a_freeze_explains_a_mail(claims: dict[str, Any]) -> None:
    assert _twice("WorkerFreezes", 2, 12, "worker-0", header={"claims": claims}) is Ruling.UNKNOWN
    assert _twice("WorkerFreezes", 9, 12, "worker-0", header={"claims": claims}) is Ruling.VIOLATED
    story = Story(claims=claims).mailed("a", 1).suffered("WorkerFreezes", 2, 12, "worker-0").mailed("a", 9)
    reason = story.judged_by(no_unexplained_second_mail).reason
    assert reason.startswith("1 second mails follow a freeze, or follow a crash late; ")
    assert "claims.reclaim_seconds" in reason
    worse = story.mailed("b", 1, process="worker-1").mailed("b", 30, process="worker-1")
    assert worse.judged_by(no_unexplained_second_mail).ruling is Ruling.VIOLATED


def test_any_earlier_mail_will_do_for_a_crash() -> None:
    story = Story().mailed("a", 1, reply_lost=True).suffered("RedisCrashes", 5, 6, "redis").mailed("a", 4).mailed("a", 20)
    assert story.judged_by(no_unexplained_second_mail).ruling is Ruling.HELD


def test_second_mails_abstain_when_no_mail_was_taken_or_none_can_be_seen() -> None:
    assert Story().mailed("a", 1, http_status=503).quiet().judged_by(no_unexplained_second_mail).ruling is Ruling.UNKNOWN
    assert Story(offers=("rows",)).judged_by(no_unexplained_second_mail).ruling is Ruling.NOT_APPLICABLE


CRASH_OR_FREEZE = [
    ("WorkerCrashes", "worker-0"),
    ("RedisCrashes", "redis"),
    ("PostgresCrashes", "postgres"),
    ("WorkerFreezes", "worker-0"),
]


@pytest.mark.parametrize(("again_s", "explains"), [(34.999, True), (35.0, True), (35.001, False), (60.0, False)])
@pytest.mark.parametrize(("name", "hurt"), CRASH_OR_FREEZE)
def test_an_interruption_explains_a_mail_only_until_the_event_must_have_been_taken_up_again(
    name: str, hurt: str, again_s: float, explains: bool
) -> None:
    """It ended at 10 s; 5 s to reclaim and the longest pause of 20 s are claimed."""
    assert (_twice(name, 2.0, 10.0, hurt, again_s=again_s) is Ruling.HELD) == explains


@pytest.mark.parametrize(
    ("begin_s", "end_s", "again_s", "ruling"),
    [
        (12.0, 30.0, 55.0, Ruling.HELD),
        (0.5, 30.0, 55.0, Ruling.HELD),
        (12.0, 30.0, 55.001, Ruling.VIOLATED),
        (35.1, 50.0, 40.0, Ruling.VIOLATED),
    ],
    ids=["after it", "around it", "too late after both", "when it should have been taken up again"],
)
def test_another_fault_holds_the_event_up_as_well(begin_s: float, end_s: float, again_s: float, ruling: Ruling) -> None:
    """The crash ended at 10 s: without the other fault the event is taken up again by 35 s."""
    story = Story().mailed("a", 1).suffered("RedisCrashes", 2, 10, "redis").mailed("a", again_s)
    assert story.suffered("SendGridStalls", begin_s, end_s, index=1).judged_by(no_unexplained_second_mail).ruling is ruling


@pytest.mark.parametrize(("again_s", "ruling"), [(10.0, Ruling.HELD), (10.001, Ruling.UNKNOWN)])
def test_without_the_claim_to_reclaim_a_late_mail_after_a_crash_is_unknown(again_s: float, ruling: Ruling) -> None:
    header = {"claims": {"reclaim_seconds": None, "longest_pause_seconds": 7.0}}
    assert _twice("RedisCrashes", 2.0, 3.0, "redis", again_s=again_s, header=header) is ruling


def test_one_interruption_explains_one_more_mail_of_an_event() -> None:
    story = Story().mailed("a", 1).suffered("RedisCrashes", 2, 4, "redis").mailed("a", 5)
    story.mailed("b", 1).mailed("b", 5)
    assert story.judged_by(no_unexplained_second_mail).ruling is Ruling.HELD, "of each event one"
    story.mailed("a", 6).mailed("a", 7)
    assert len(story.judged_by(no_unexplained_second_mail).violations) == 2
    story.suffered("PostgresCrashes", 5, 6, "postgres", index=1)
    assert len(story.judged_by(no_unexplained_second_mail).violations) == 1


def test_a_lost_reply_uses_no_interruption_up() -> None:
    story = Story().mailed("a", 1, reply_lost=True).suffered("RedisCrashes", 2, 4, "redis").mailed("a", 5).mailed("a", 6)
    assert story.judged_by(no_unexplained_second_mail).ruling is Ruling.HELD


@pytest.mark.parametrize("short_first", [True, False])
def test_two_interruptions_are_shared_out_so_that_both_mails_are_explained(short_first: bool) -> None:
    """The first mail could be explained by either, the second only by the later crash: the earlier one must take the first."""
    crashes = [("RedisCrashes", 2, 3, "redis"), ("PostgresCrashes", 4, 14, "postgres")]
    story = Story().mailed("a", 1).mailed("a", 20).mailed("a", 37)
    for index, crash in enumerate(crashes if short_first else crashes[::-1]):
        story.suffered(*crash, index=index)
    assert story.judged_by(no_unexplained_second_mail).ruling is Ruling.HELD


def test_a_crash_may_have_been_under_way_at_the_cut() -> None:
    for fault, explains in ((RedisCrashes(), True), (PostgresCrashes(), True), (SendGridAnswers(), False)):
        story = Story(plan=plan(fault)).mailed("a", 1).mailed("a", 2)
        verdict = story.judged_by(no_unexplained_second_mail)
        assert verdict.ruling is (Ruling.UNKNOWN if explains else Ruling.VIOLATED)
        assert not explains or "a fault may have been under way" in verdict.reason
        assert story.quiet().judged_by(no_unexplained_second_mail).ruling is Ruling.VIOLATED


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
