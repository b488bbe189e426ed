"""Second mails at the edges: to the moment, what a stall, a freeze under way or a claim that is missing explains."""

from __future__ import annotations

from typing import Any

import pytest

from harness.checkers import no_unexplained_second_mail
from harness.faults import ApiFreezes, Deploys, Fault, PostgresCrashes, RedisFreezes, WorkerCrashes, WorkerFreezes
from harness.verdict import Ruling
from tests.harness.story import Story, of, plan, said

AGAIN_S = 32.0  # a stall of 2.5 s is no tenth of the time between


def ruled(story: Story) -> str:
    return str(story.judged_by(no_unexplained_second_mail).ruling)


def twice(again_s: float = AGAIN_S, **header: Any) -> Story:
    """A mail from 2 to 2.5 s, and again by another worker. Claimed: 5 s to reclaim, pauses of 20 s."""
    return Story(world="real", **header).mailed("a", 2.0, took_s=0.5).mailed("a", again_s, process="worker-1")


@pytest.mark.parametrize(("answered_s", "again_s", "ruling"), [
    (9.0, 32.0, "unknown"),
    (9.001, 32.0, "violated"),
    (1.0, 22.0, "unknown"),
    (0.999, 22.0, "violated"),
])  # fmt: skip
def test_a_stall_counts_that_began_five_seconds_after_the_mail_or_was_not_over_before_it(
    answered_s: float, again_s: float, ruling: str
) -> None:
    """The stub took half a second, and a second around it counts: from 1.5 s before its answer to 1 s after."""
    assert ruled(twice(again_s).probed(answered_s, 0.5)) == ruling


@pytest.mark.parametrize(("again_s", "ruling"), [(35.0, "unknown"), (35.001, "violated")])
def test_a_stall_explains_until_the_event_must_have_been_taken_up_again(again_s: float, ruling: str) -> None:
    """It was over at 10 s."""
    assert ruled(twice(again_s).probed(9.0, 0.5)) == ruling


@pytest.mark.parametrize(("claims", "again_s", "ruling"), [
    ({"reclaim_seconds": 5.0}, 35.0, "unknown"),
    ({"reclaim_seconds": 5.0}, 35.001, "violated"),
    ({"reclaim_seconds": 5.0, "longest_pause_seconds": 15.0}, 30.0, "unknown"),
    ({"reclaim_seconds": 5.0, "longest_pause_seconds": 15.0}, 30.001, "violated"),
    ({"longest_pause_seconds": 1.0}, 900.0, "unknown"),
    ({}, 900.0, "unknown"),
])  # fmt: skip
def test_without_a_claim_a_pause_is_twenty_seconds_and_a_reclaim_may_take_for_ever(
    claims: dict[str, float], again_s: float, ruling: str
) -> None:
    assert ruled(twice(again_s, claims=claims).probed(9.0, 0.5)) == ruling


@pytest.mark.parametrize(("completed_s", "ruling"), [(7.5, "violated"), (7.501, "unknown")])
def test_a_stall_that_began_after_the_event_was_seen_completed_explains_nothing(completed_s: float, ruling: str) -> None:
    """It began at 7.5 s."""
    assert ruled(twice().read("a", 7.0, end_s=completed_s).probed(9.0, 0.5)) == ruling


def test_a_stall_of_a_tenth_of_the_time_between_two_mails_counts_wherever_in_between_it_was() -> None:
    assert ruled(twice(27.0).probed(15.0, 0.5)) == "unknown"
    assert ruled(twice(27.001).probed(15.0, 0.5)) == "violated"


def test_a_second_mail_set_aside_hides_no_other() -> None:
    story = twice().probed(9.0, 0.5).mailed("a", 60).mailed("b", 40).mailed("b", 60).mailed("c", 41).mailed("c", 61)
    verdict = story.judged_by(no_unexplained_second_mail)
    assert [violation.pair for violation in verdict.violations] == [of("a"), of("b"), of("c")]
    assert verdict.checked == 3


def test_every_second_mail_that_is_set_aside_is_counted() -> None:
    story = twice().mailed("b", 3.0).mailed("b", 31.0).mailed("c", 3.0).mailed("c", 31.0).probed(9.0, 0.5)
    assert said(story.judged_by(no_unexplained_second_mail)).startswith("unknown; 3 second mails followed while")


@pytest.mark.parametrize(
    ("fault", "ruling"),
    [
        (WorkerCrashes(), "unknown"),
        (WorkerFreezes(), "unknown"),
        (RedisFreezes(), "unknown"),
        (ApiFreezes(), "unknown"),
        (Deploys(), "violated"),
    ],
)
def test_a_crash_or_freeze_that_has_left_no_entry_may_have_been_under_way_at_the_cut(fault: Fault, ruling: str) -> None:
    story = Story(plan=plan(fault)).mailed("a", 1).mailed("a", 2)
    assert ruled(story) == ruling
    assert ruled(story.suffered(type(fault).__name__, 50, 51, "sendgrid")) == "violated", "it came later, and is over"


def test_every_second_mail_before_a_cut_is_counted() -> None:
    story = Story(plan=plan(PostgresCrashes())).mailed("a", 1).mailed("a", 2).mailed("a", 3).mailed("b", 1).mailed("b", 2)
    assert said(story.judged_by(no_unexplained_second_mail)).startswith("unknown; 3 second mails were sent before the history")


@pytest.mark.parametrize(("again_s", "ruling"), [(28.0, "held"), (28.001, "violated")])
def test_where_no_pause_is_claimed_twenty_seconds_are_granted_after_a_crash(again_s: float, ruling: str) -> None:
    story = Story(claims={"reclaim_seconds": 5.0}).mailed("a", 1).suffered("RedisCrashes", 2, 3, "redis")
    assert ruled(story.mailed("a", again_s)) == ruling


@pytest.mark.parametrize(("again_s", "ruling"), [(23.0, "held"), (23.001, "unknown")])
def test_where_nothing_is_claimed_twenty_seconds_are_certain_after_a_crash(again_s: float, ruling: str) -> None:
    story = Story(claims={}).mailed("a", 1).suffered("RedisCrashes", 2, 3, "redis").mailed("a", again_s)
    assert ruled(story) == ruling


@pytest.mark.parametrize("name", ["RedisFreezes", "PostgresFreezes"])
def test_a_frozen_server_explains_any_mail_whoever_sent_it(name: str) -> None:
    story = Story().mailed("a", 1, process="worker-0").mailed("a", 12, process="worker-1")
    server = name.removesuffix("Freezes").lower()
    assert ruled(story) == "violated"
    assert ruled(story.suffered(name, 2, 9, server)) == "held"


def test_a_freeze_of_the_api_explains_nothing_where_workers_do_the_work() -> None:
    story = Story().mailed("a", 1, process="api-0").suffered("ApiFreezes", 2, 9, "api-0").mailed("a", 12, process="api-0")
    assert ruled(story) == "violated"


def test_one_of_several_processes_that_a_fault_hurt_is_enough() -> None:
    story = Story().mailed("a", 1).suffered("WorkerCrashes", 2, 3, "sendgrid", "worker-1", "worker-0").mailed("a", 9)
    assert ruled(story) == "held"


def test_a_crash_changes_places_with_one_that_explains_only_the_first_mail_of_several() -> None:
    """Three crashes, and mails that they can explain in one order only: none of the three is spent on another's mail."""
    story = Story(claims={"reclaim_seconds": 1.0, "longest_pause_seconds": 1.0})
    for at_s in (1, 6, 10, 14):
        story.mailed("a", at_s, took_s=0.1)
    story.suffered("RedisCrashes", 2, 12, "redis").suffered("PostgresCrashes", 2, 8, "postgres", index=1)
    story.suffered("WorkerCrashes", 2, 4, "worker-0", index=2)
    assert ruled(story) == "held"
    assert len(story.mailed("a", 13).judged_by(no_unexplained_second_mail).violations) == 1


def test_a_third_mail_is_told_with_the_one_before_it() -> None:
    story = Story().mailed("a", 1, reply_lost=True).mailed("a", 2, process="worker-1").mailed("a", 3)
    assert said(story.judged_by(no_unexplained_second_mail)) == (
        "violated; a of a5 was mailed by worker-1 at 2.000 s and again by worker-0 at 3.000 s; "
        "no lost reply, crash or long freeze explains it; "
    )


def test_what_was_seen_completed_first_counts() -> None:
    story = Story().mailed("a", 1).read("a", 1.5).read("a", 9).suffered("RedisCrashes", 2, 3, "redis").mailed("a", 5)
    assert story.judged_by(no_unexplained_second_mail).ruling is Ruling.VIOLATED


def deadly(death_s: float, *, what: str = "killed", by: str = "worker-0", again_s: float = 12.0) -> str:
    """An event kills workers from 2 to 10 s; a mail from 1 to 4 s, and again by another worker."""
    story = Story().suffered("EventKillsWorkers", 2, 10, "worker-0", "worker-1").process(by, what, death_s)
    return ruled(story.mailed("a", 1, took_s=3.0).mailed("a", again_s, process="worker-1"))


@pytest.mark.parametrize(("death_s", "ruling"), [(1.999, "violated"), (2.0, "held"), (9.0, "held"), (9.001, "violated")])
def test_a_death_by_a_deadly_event_counts_from_its_beginning_to_five_seconds_after_the_mail(death_s: float, ruling: str) -> None:
    assert deadly(death_s) == ruling


@pytest.mark.parametrize(("death_s", "ruling"), [(10.0, "held"), (10.001, "violated")])
def test_a_death_after_the_deadly_event_was_over_is_none_of_its(death_s: float, ruling: str) -> None:
    story = Story().suffered("EventKillsWorkers", 2, 10, "worker-0").process("worker-0", "killed", death_s)
    assert ruled(story.mailed("a", 6).mailed("a", 12)) == ruling


def test_only_who_was_killed_by_it_explains_a_mail_until_the_event_must_have_been_taken_up_again() -> None:
    assert deadly(5.0, what="started") == "violated"
    assert deadly(5.0, by="worker-2") == "violated"
    assert deadly(5.0, by="worker-1") == "violated", "it had not sent the first mail"
    assert deadly(5.0, again_s=35.0) == "held", "while it went on nobody could take the event up"
    assert deadly(5.0, again_s=35.001) == "violated"


def test_a_death_before_the_mail_was_sent_explains_no_second_one() -> None:
    story = Story().suffered("EventKillsWorkers", 2, 10, "worker-0").process("worker-0", "killed", 2.5)
    assert ruled(story.mailed("a", 3).mailed("a", 9, process="worker-1")) == "violated"


@pytest.mark.parametrize(("mailed_s", "ruling"), [(2.75, "held"), (2.76, "violated")])
def test_what_a_process_had_written_when_it_died_may_arrive_a_moment_later(mailed_s: float, ruling: str) -> None:
    story = Story().suffered("EventKillsWorkers", 2, 10, "worker-0").process("worker-0", "killed", 2.5)
    assert ruled(story.mailed("a", mailed_s).mailed("a", 9, process="worker-1")) == ruling


def test_a_crash_that_explains_nothing_does_not_hide_the_next_one() -> None:
    story = Story().mailed("a", 1).mailed("a", 9, process="worker-1").suffered("WorkerCrashes", 2, 3, "worker-1")
    assert ruled(story) == "violated"
    assert ruled(story.suffered("RedisCrashes", 2, 3, "redis", index=1)) == "held"


def held_up(*others: tuple[float, float], again_s: float, evidence: str = "it bit") -> str:
    """Redis crashed from 2 to 10 s: 5 s to reclaim, pauses of 20 s; so by 35 s, but for what other faults held up."""
    story = Story().mailed("a", 1).suffered("RedisCrashes", 2.0, 10.0, "redis").mailed("a", again_s)
    for index, (begin_s, end_s) in enumerate(others, start=1):
        story.suffered("SendGridStalls", begin_s, end_s, "sendgrid", index=index, evidence=evidence)
    return ruled(story)


@pytest.mark.parametrize(
    ("begin_s", "end_s", "holds_up"), [(35.0, 40.0, True), (35.001, 40.0, False), (0.0, 2.0, False), (0.0, 30.0, True)]
)
def test_a_fault_holds_the_event_up_if_it_began_before_it_had_to_be_taken_up(
    begin_s: float, end_s: float, holds_up: bool
) -> None:
    assert held_up((begin_s, end_s), again_s=36.0) == ("held" if holds_up else "violated")


def test_faults_that_follow_each_other_hold_the_event_up_one_after_the_other_in_whatever_order_they_were_seen() -> None:
    assert held_up((60.0, 70.0), (30.0, 40.0), again_s=95.0) == "held"
    assert held_up((60.0, 70.0), (30.0, 40.0), again_s=95.001) == "violated"
    assert held_up((30.0, 60.0), (31.0, 40.0), again_s=85.0) == "held", "the longer one counts"


def test_a_fault_without_evidence_holds_nothing_up() -> None:
    assert held_up((30.0, 40.0), again_s=60.0) == "held"
    assert held_up((30.0, 40.0), again_s=60.0, evidence="") == "violated"


def test_a_deadly_event_may_have_been_under_way_at_the_cut() -> None:
    story = Story(plan=({"fault": "EventKillsWorkers"},)).mailed("a", 1).mailed("a", 2)
    assert ruled(story) == "unknown"


@pytest.mark.parametrize(("fault", "ruling"), [("FlagFlips", "held"), ("NoFault", "violated")])
def test_where_the_flag_is_turned_an_api_process_mails_as_well(fault: str, ruling: str) -> None:
    story = Story(plan=({"fault": fault},)).mailed("a", 1, process="api-0").suffered("ApiCrashes", 2, 3, "api-0")
    assert ruled(story.mailed("a", 5, process="worker-1")) == ruling
