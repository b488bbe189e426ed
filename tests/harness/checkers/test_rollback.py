"""A turned flag is followed: histories that hold, break and are empty."""

from __future__ import annotations

import pytest

from harness.checkers import the_flag_is_followed
from harness.faults import FlagFlips, NoFault
from harness.verdict import Ruling
from tests.harness.story import OFFERS, Story, plan, said

SOON = the_flag_is_followed(within_seconds=1)


def turned(percent: int, *, exit_code: int | None = 0) -> Story:
    """The flag was turned from 5 to 15 s: the command that set it ended at 6 s, the one that cleared it began at 14 s."""
    story = Story(plan=plan(FlagFlips(percent)), offers=(*OFFERS, "flag"))
    for what, at_s, code in (("started", 5.0, None), ("exited", 6.0, exit_code), ("started", 14.0, None), ("exited", 15.0, 0)):
        story.process("flag", what, at_s, exit_code=code)
    return story.suffered("FlagFlips", 5.0, 15.0)


@pytest.mark.parametrize(("percent", "right", "wrong"), [(0, "processed", "accepted"), (100, "accepted", "processed")])
def test_what_goes_the_way_the_flag_says_holds_and_what_does_not_is_violated(percent: int, right: str, wrong: str) -> None:
    story = turned(percent).posted("before", 5.5, wrong).posted("soon", 6.9, wrong).posted("a", 7.0, right)
    story.posted("again", 8.0, "duplicate").refused("b", 9.0).posted("late", 13.995, wrong).posted("after", 16.0, wrong)
    verdict = story.judged_by(SOON)
    assert (verdict.ruling, verdict.checked) == (Ruling.HELD, 1), said(verdict)
    verdict = story.posted("astray", 7.0, wrong).judged_by(SOON)
    assert said(verdict) == f"violated; astray of a5 was {wrong} at 7.010 s by api-0, against the flag; "


def test_a_share_in_between_forbids_nothing() -> None:
    story = turned(50).posted("a", 8.0).posted("b", 8.0, "processed")
    assert story.judged_by(SOON).ruling is Ruling.NOT_APPLICABLE


def test_a_busy_machine_convicts_nobody() -> None:
    story = turned(0).posted("a", 8.0).posted("b", 9.0, "processed").probed(8.0, 0.9)
    assert story.judged_by(SOON).ruling is Ruling.UNKNOWN


def test_it_abstains_where_no_flag_was_turned_and_where_nothing_was_taken_then() -> None:
    assert (
        Story(plan=plan(NoFault())).suffered("NoFault", 5.0, 15.0).posted("a", 8.0).judged_by(SOON).ruling
        is Ruling.NOT_APPLICABLE
    )
    assert turned(0).posted("before", 2.0).judged_by(SOON).ruling is Ruling.UNKNOWN
    never = Story(plan=plan(FlagFlips(0)), offers=(*OFFERS, "flag")).suffered("FlagFlips", 5.0, 15.0).posted("a", 8.0)
    assert never.judged_by(SOON).ruling is Ruling.UNKNOWN, "nobody knows when it was turned"
    assert turned(0).posted("a", 8.0).history.header.offers, "and without a flag nothing applies"
    assert Story(plan=plan(FlagFlips(0))).suffered("FlagFlips", 5, 15).judged_by(SOON).ruling is Ruling.NOT_APPLICABLE


@pytest.mark.parametrize("exit_code", [1, None])
def test_a_flag_that_could_not_be_turned_need_not_be_followed(exit_code: int | None) -> None:
    assert turned(0, exit_code=exit_code).posted("a", 8.0).judged_by(SOON).ruling is Ruling.UNKNOWN
