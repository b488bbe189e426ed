"""What explains a second mail, and what does not: crashes, freezes, and when each of them happened."""

from __future__ import annotations

from typing import Any

import pytest

from harness.checkers import no_unexplained_second_mail
from harness.faults import PostgresCrashes, RedisCrashes, SendGridAnswers
from harness.verdict import Ruling
from tests.harness.story import Story, plan


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
    def judged(*deaths_s: float, again_by: str = "worker-1", first_s: float = 3) -> Ruling:
        story = Story().suffered("EventKillsWorkers", 2, 20, "worker-0", "worker-1").mailed("a", first_s)
        for death_s in deaths_s:
            story.process("worker-0", "killed", death_s)
        return story.mailed("a", 9, process=again_by).judged_by(no_unexplained_second_mail).ruling

    assert judged(4) is Ruling.HELD
    assert judged() is Ruling.VIOLATED, "that it killed others explains nothing"
    assert judged(8.5) is Ruling.VIOLATED, "more than 5 s after the mail was taken"
    assert judged(4, first_s=4.25) is Ruling.HELD, "what was written when it died may arrive a moment later"
    assert judged(4, first_s=4.251) is Ruling.VIOLATED


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


@pytest.mark.parametrize(
    ("what", "death_s", "explains"),
    [("killed", 3.0, True), ("killed", 2.0, True), ("exited", 3.0, True), ("resumed", 3.0, False)],
)
def test_a_freeze_of_any_length_that_ends_in_death_explains_as_a_crash_does(what: str, death_s: float, explains: bool) -> None:
    story = Story().mailed("a", 1).suffered("WorkerFreezes", 2, 4, "worker-0").process("worker-0", what, death_s).mailed("a", 9)
    assert (story.judged_by(no_unexplained_second_mail).ruling is Ruling.HELD) == explains


@pytest.mark.parametrize(("process", "death_s"), [("worker-1", 3.0), ("worker-0", 1.999), ("worker-0", 4.0)])
def test_the_death_is_that_of_the_frozen_and_within_the_freeze(process: str, death_s: float) -> None:
    story = Story().mailed("a", 1).suffered("WorkerFreezes", 2, 4, "worker-0").process(process, "killed", death_s).mailed("a", 9)
    assert story.judged_by(no_unexplained_second_mail).ruling is Ruling.VIOLATED


def test_the_crash_began_with_the_freeze_and_was_over_at_the_first_death() -> None:
    def judged(*, first_s: float) -> Ruling:
        story = Story().suffered("WorkerFreezes", 2, 20, "worker-0").process("worker-0", "killed", 12)
        story.process("worker-0", "exited", 13)
        return story.mailed("a", first_s).mailed("a", 30, process="worker-1").judged_by(no_unexplained_second_mail).ruling

    assert judged(first_s=1) is Ruling.HELD, "it began less than 5 s after the mail, however late the death"
    assert judged(first_s=12) is Ruling.HELD
    assert judged(first_s=12.001) is Ruling.VIOLATED, "that was its successor"


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
