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
from harness.faults import RedisCrashes
from harness.tally import counts
from harness.verdict import Checker, Ruling
from tests.harness.story import Story, plan

EMPTY, POWER = RedisCrashes(loss="empty"), RedisCrashes(loss="power-loss")
EXCUSED: list[Checker] = [
    every_accepted_event_is_stored_once,
    every_accepted_event_is_mailed,
    every_status_becomes_final,
    a_promise_is_readable_at_once,
    backlog_drains(within_seconds=20),
    what_is_lost_is_not_called_done,
]


def story(fault: RedisCrashes = EMPTY, **claims: Any) -> Story:
    """Two promises before Redis was killed between 5 and 7 s, one after it; "kept" and "after" are delivered."""
    told = {"reclaim_seconds": 5.0, "longest_pause_seconds": 20.0} | claims
    begun = Story(claims=told, plan=plan(fault)).suffered("RedisCrashes", 5, 7, "redis")
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
