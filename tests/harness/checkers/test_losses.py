"""Losses beyond what a service claims: what they excuse, and what they do not."""

from __future__ import annotations

from typing import Any

import pytest

from harness.checkers import (
    a_promise_is_readable_at_once,
    backlog_drains,
    every_accepted_event_is_mailed,
    every_accepted_event_is_stored_once,
    every_status_becomes_final,
    one_acceptance_per_pair,
    what_is_lost_is_not_called_done,
)
from harness.faults import RedisCrashes, RedisEvicts, RedisLoads
from harness.tally import counts
from harness.verdict import Checker, Ruling
from tests.harness.story import Story, plan, said

EMPTY, POWER = RedisCrashes(loss="empty"), RedisCrashes(loss="power-loss")
EXCUSED: list[Checker] = [
    every_accepted_event_is_stored_once,
    every_accepted_event_is_mailed,
    every_status_becomes_final,
    a_promise_is_readable_at_once,
    backlog_drains(within_seconds=20),
    what_is_lost_is_not_called_done,
]


def story(fault: RedisCrashes | RedisEvicts | RedisLoads = EMPTY, **claims: Any) -> Story:
    """Two promises before Redis suffered from 5 to 7 s, one after it; "kept" and "after" are delivered."""
    told = {"reclaim_seconds": 5.0, "longest_pause_seconds": 20.0} | claims
    begun = Story(claims=told, plan=plan(fault)).suffered(type(fault).__name__, 5, 7, "redis")
    return begun.kept("kept", 1).posted("lost", 2).kept("after", 9)


@pytest.mark.parametrize("checker", EXCUSED, ids=lambda checker: checker.name)
def test_an_event_that_is_unknown_afterwards_is_excused_and_counted(checker: Checker) -> None:
    told = story().read("lost", 3, "pending").read("lost", 30, None, http_status=404).quiet()
    assert told.judged_by(checker).ruling is Ruling.HELD
    assert counts(told.history)["lost"] == 1


@pytest.mark.parametrize("checker", EXCUSED[:3] + EXCUSED[5:], ids=lambda checker: checker.name)
def test_one_that_goes_on_being_called_pending_without_a_row_is_not(checker: Checker) -> None:
    told = story().read("lost", 3, "pending").read("lost", 40, "pending").quiet()
    assert told.judged_by(checker).ruling is Ruling.VIOLATED


def test_one_whose_row_is_left_may_stay_unfinished_and_may_not_be_completed() -> None:
    for status, ruling in (("pending", Ruling.HELD), ("completed", Ruling.VIOLATED)):
        told = story().stored("lost", 3).row("lost").read("lost", 40, status).quiet()
        assert told.judged_by(every_accepted_event_is_mailed).ruling is ruling


@pytest.mark.parametrize(("fault", "ruling"), [(RedisEvicts(), Ruling.HELD), (RedisLoads(), Ruling.VIOLATED)], ids=repr)
def test_what_evicts_is_beyond_every_claim_and_what_loads_is_not(fault: RedisEvicts | RedisLoads, ruling: Ruling) -> None:
    told = story(fault, durability="power-loss").read("lost", 30, None, http_status=404).quiet()
    assert told.judged_by(every_accepted_event_is_stored_once).ruling is ruling


def test_what_was_promised_afterwards_is_judged_like_everything_else() -> None:
    told = story().posted("late", 10).read("late", 40, None, http_status=404).quiet()
    assert told.judged_by(every_accepted_event_is_stored_once).ruling is Ruling.VIOLATED


@pytest.mark.parametrize(
    ("durability", "ruling"), [("power-loss", Ruling.VIOLATED), ("process-crash", Ruling.HELD), (None, Ruling.HELD)]
)
def test_a_power_loss_excuses_who_does_not_claim_to_survive_it(durability: str | None, ruling: Ruling) -> None:
    told = story(POWER, durability=durability).read("lost", 30, None, http_status=404).quiet()
    assert told.judged_by(every_accepted_event_is_stored_once).ruling is ruling


def test_a_process_crash_excuses_nothing() -> None:
    told = story(RedisCrashes()).read("lost", 30, None, http_status=404).quiet()
    assert told.judged_by(every_accepted_event_is_stored_once).ruling is Ruling.VIOLATED
    assert told.judged_by(what_is_lost_is_not_called_done).ruling is Ruling.NOT_APPLICABLE


def test_a_forgotten_event_is_taken_anew_once() -> None:
    assert story().posted("lost", 8).quiet().judged_by(one_acceptance_per_pair).ruling is Ruling.HELD
    assert story().posted("lost", 8).posted("lost", 9).quiet().judged_by(one_acceptance_per_pair).ruling is Ruling.VIOLATED
    assert story().posted("lost", 3).quiet().judged_by(one_acceptance_per_pair).ruling is Ruling.VIOLATED


def test_without_its_end_nobody_knows() -> None:
    assert story().judged_by(what_is_lost_is_not_called_done).ruling is Ruling.UNKNOWN


def unanswered(name: str = "lost", **more: Any) -> Story:
    """The loss from 5 to 7 s, and one promise before it of which nothing is left; nobody asked for it since."""
    return Story(plan=plan(EMPTY), **more).suffered("RedisCrashes", 5, 7, "redis").posted(name, 2)


@pytest.mark.parametrize(("promised_s", "excuses"), [(2.0, True), (7.0, True), (7.001, False)])
def test_a_promise_asked_for_before_the_loss_was_over_may_be_forgotten(promised_s: float, excuses: bool) -> None:
    told = Story(plan=plan(EMPTY)).suffered("RedisCrashes", 5, 7, "redis").posted("a", promised_s)
    told.read("a", 30, None, http_status=404).quiet()
    assert (told.judged_by(every_accepted_event_is_stored_once).ruling is Ruling.HELD) == excuses


def test_what_is_lost_and_never_denied_is_told_with_the_last_answer_there_was() -> None:
    told = unanswered().quiet()
    assert said(told.judged_by(what_is_lost_is_not_called_done)) == (
        "violated; lost of a5 is lost, for it has no row, but its status was last answered None; expected 404; "
    )
    told.read("lost", 8, None, http_status=404).read("lost", 9, "pending").read("lost", 10, None, http_status=503)
    verdict = told.judged_by(what_is_lost_is_not_called_done)
    assert said(verdict).endswith("but its status was last answered 200; expected 404; ")
    assert verdict.checked == 1


def test_the_answer_that_came_last_is_the_last_answer() -> None:
    told = unanswered().read("lost", 8, None, http_status=404, end_s=12).read("lost", 9, "pending", end_s=10).quiet()
    assert told.judged_by(what_is_lost_is_not_called_done).ruling is Ruling.HELD


def test_each_event_that_is_lost_and_not_denied_is_told_in_order_and_what_is_kept_is_not() -> None:
    told = unanswered("b").posted("a", 3).kept("kept", 1).posted("denied", 2).read("denied", 9, None, http_status=404)
    told.posted("poison", 2, poison=True).read("poison", 9, "failed").quiet()
    verdict = told.judged_by(what_is_lost_is_not_called_done)
    assert [violation.pair.id for violation in verdict.violations if violation.pair] == ["a", "b"]
    assert verdict.checked == 5


@pytest.mark.parametrize("shown", ["completed", "failed"])
def test_an_event_that_was_called_finished_before_it_was_denied_is_not_honestly_lost(shown: str) -> None:
    told = unanswered().read("lost", 3, shown).read("lost", 9, None, http_status=404).quiet()
    assert told.judged_by(what_is_lost_is_not_called_done).ruling is Ruling.VIOLATED


@pytest.mark.parametrize("ending", ["restless", "rows unread"])
def test_before_all_is_quiet_and_the_rows_are_known_nothing_is_lost_for_certain(ending: str) -> None:
    told = unanswered().restless() if ending == "restless" else unanswered().quiet(rows_read=False)
    verdict = told.judged_by(what_is_lost_is_not_called_done)
    assert (verdict.ruling, verdict.checked) == (Ruling.UNKNOWN, 1)


def test_the_last_of_several_losses_counts_and_other_faults_do_not() -> None:
    told = Story(plan=plan(EMPTY, RedisCrashes(), EMPTY)).suffered("RedisCrashes", 5, 7).suffered("RedisCrashes", 20, 30, index=1)
    told.suffered("RedisCrashes", 12, 14, index=2).posted("a", 13).posted("b", 21).quiet()
    for name in ("a", "b"):
        told.read(name, 40, None, http_status=404)
    verdict = told.judged_by(every_accepted_event_is_stored_once)
    assert [violation.pair.id for violation in verdict.violations if violation.pair] == ["b"]


def test_only_a_crash_of_redis_loses() -> None:
    other = ({"fault": "PostgresCrashes", "settings": {"loss": "empty"}},)
    told = Story(plan=other).suffered("PostgresCrashes", 5, 7, "postgres").posted("a", 1).quiet()
    assert told.judged_by(what_is_lost_is_not_called_done).ruling is Ruling.NOT_APPLICABLE
