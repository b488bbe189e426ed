"""A turned flag is followed: histories that hold, break and are empty."""

from __future__ import annotations

import pytest

from harness.checkers import the_flag_is_followed
from harness.faults import FLAG_COMMAND, FlagFlips, NoFault
from harness.verdict import Ruling
from tests.harness.story import OFFERS, Story, plan, said

SOON = the_flag_is_followed(within_seconds=1)


def turned(percent: int, *, exit_code: int | None = 0) -> Story:
    """The flag was turned from 5 to 15 s: the command that set it ended at 6 s, the one that cleared it began at 14 s."""
    story = Story(plan=plan(FlagFlips(percent)), offers=(*OFFERS, "flag"))
    return turn(story, 5.0, exit_code=exit_code).suffered("FlagFlips", 5.0, 15.0)


def turn(story: Story, begin_s: float, *, exit_code: int | None = 0) -> Story:
    """The two commands of one flip that lasts ten seconds: each takes a second, and the first ends with `exit_code`."""
    for what, at_s, code in (("started", 0, None), ("exited", 1, exit_code), ("started", 9, None), ("exited", 10, 0)):
        story.process(FLAG_COMMAND, what, begin_s + at_s, exit_code=code)
    return story


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
    assert Story(plan=plan(FlagFlips(0))).suffered("FlagFlips", 5, 15).judged_by(SOON).ruling is Ruling.NOT_APPLICABLE


@pytest.mark.parametrize("exit_code", [1, None])
def test_a_command_that_failed_turned_nothing_that_could_be_judged(exit_code: int | None) -> None:
    story = turned(0, exit_code=exit_code).posted("a", 8.0).posted("b", 15.5)
    assert story.judged_by(SOON).ruling is Ruling.UNKNOWN, "the way it was is no offence"


def test_each_flip_is_judged_by_its_own_commands() -> None:
    story = Story(plan=plan(FlagFlips(0), FlagFlips(100)), offers=(*OFFERS, "flag"))
    turn(story, 5.0).suffered("FlagFlips", 5.0, 15.0).posted("a", 8.0, "processed").posted("between", 17.0)
    turn(story, 20.0).suffered("FlagFlips", 20.0, 30.0, index=1).posted("b", 23.0)
    verdict = story.judged_by(SOON)
    assert (verdict.ruling, verdict.checked) == (Ruling.HELD, 2), said(verdict)
    verdict = story.posted("astray", 24.0, "processed").judged_by(SOON)
    assert said(verdict) == "violated; astray of a5 was processed at 24.010 s by api-0, against the flag; "


def test_the_first_flip_stands_until_a_second_begins() -> None:
    story = Story(plan=plan(FlagFlips(0), FlagFlips(100)), offers=(*OFFERS, "flag"))
    for what, at_s in (("started", 5), ("exited", 6), ("started", 8), ("exited", 9), ("started", 11), ("exited", 12)):
        story.process(FLAG_COMMAND, what, at_s, exit_code=0 if what == "exited" else None)
    story.suffered("FlagFlips", 5.0, 15.0).suffered("FlagFlips", 8.0, 12.0, index=1)
    story.posted("a", 7.5, "processed").posted("b", 10.5, "accepted").posted("after", 13.0, "accepted")
    verdict = story.judged_by(SOON)
    assert (verdict.ruling, verdict.checked) == (Ruling.HELD, 2), said(verdict)


def test_of_commands_that_ran_at_the_same_time_nobody_knows_which_had_the_last_word() -> None:
    story = Story(plan=plan(FlagFlips(0), FlagFlips(100)), offers=(*OFFERS, "flag"))
    for what, at_s in (("started", 4.9), ("started", 5.0), ("exited", 5.5), ("exited", 9.0), ("started", 14.0), ("exited", 15.0)):
        story.process(FLAG_COMMAND, what, at_s, exit_code=0 if what == "exited" else None)
    story.suffered("FlagFlips", 5.0, 15.0).suffered("FlagFlips", 4.9, 13.0, index=1).posted("a", 8.0)
    assert story.judged_by(SOON).ruling is Ruling.UNKNOWN


@pytest.mark.parametrize(("begin_s", "end_s", "counts"), [
    (7.0, 7.5, True),
    (6.999, 7.5, False),
    (13.5, 14.0, True),
    (13.5, 14.001, False),
])  # fmt: skip
def test_a_post_is_judged_from_the_moment_the_flag_had_to_be_followed_until_the_next_command(
    begin_s: float, end_s: float, counts: bool
) -> None:
    story = turned(0).posted("a", begin_s, end_s=end_s)
    assert (story.judged_by(SOON).ruling is Ruling.VIOLATED) == counts


def test_a_flag_nobody_turned_again_stands_until_the_fault_ends() -> None:
    story = Story(plan=plan(FlagFlips(0)), offers=(*OFFERS, "flag")).suffered("FlagFlips", 5.0, 15.0)
    story.process(FLAG_COMMAND, "started", 5.0).process(FLAG_COMMAND, "exited", 6.0, exit_code=0)
    assert story.posted("late", 14.5, end_s=15.001).judged_by(SOON).ruling is Ruling.UNKNOWN
    assert story.posted("a", 14.5, end_s=15.0).judged_by(SOON).ruling is Ruling.VIOLATED


@pytest.mark.parametrize(("first_s", "counts"), [(5.0, True), (4.999, False)])
def test_the_command_that_set_the_flag_began_with_the_fault_or_after_it(first_s: float, counts: bool) -> None:
    story = Story(plan=plan(FlagFlips(0)), offers=(*OFFERS, "flag")).suffered("FlagFlips", 5.0, 15.0).posted("a", 9.0)
    story.process(FLAG_COMMAND, "started", first_s).process(FLAG_COMMAND, "exited", 6.0, exit_code=0)
    assert (story.judged_by(SOON).ruling is Ruling.VIOLATED) == counts


@pytest.mark.parametrize(("exited_s", "counts"), [(15.0, True), (15.001, False)])
def test_the_command_that_set_the_flag_ended_before_the_fault_did(exited_s: float, counts: bool) -> None:
    soon = the_flag_is_followed(within_seconds=0)
    story = Story(plan=plan(FlagFlips(0)), offers=(*OFFERS, "flag")).suffered("FlagFlips", 5.0, 15.0)
    story.process(FLAG_COMMAND, "started", 5.0).process(FLAG_COMMAND, "exited", exited_s, exit_code=0).posted("a", 15, took_s=0)
    assert (story.judged_by(soon).ruling is Ruling.VIOLATED) == counts


def test_other_processes_started_and_exited_meanwhile_are_no_commands() -> None:
    story = Story(plan=plan(FlagFlips(0)), offers=(*OFFERS, "flag")).process("worker-0", "started", 1)
    turn(story.process("api-0", "exited", 5.5, exit_code=0), 5.0).suffered("FlagFlips", 5.0, 15.0).posted("a", 9.0)
    assert story.judged_by(SOON).ruling is Ruling.VIOLATED


def test_a_command_under_way_when_another_began_leaves_it_open_which_had_the_last_word() -> None:
    story = Story(plan=plan(FlagFlips(0)), offers=(*OFFERS, "flag")).process(FLAG_COMMAND, "started", 1)
    turn(story, 5.0).suffered("FlagFlips", 5.0, 15.0).posted("a", 9.0)
    assert story.judged_by(SOON).ruling is Ruling.UNKNOWN
    ended = Story(plan=plan(FlagFlips(0)), offers=(*OFFERS, "flag")).process(FLAG_COMMAND, "started", 1)
    turn(ended.process(FLAG_COMMAND, "exited", 2, exit_code=1), 5.0).suffered("FlagFlips", 5.0, 15.0).posted("a", 9.0)
    assert ended.judged_by(SOON).ruling is Ruling.VIOLATED


def test_of_several_flips_each_that_was_not_followed_is_told() -> None:
    story = Story(plan=plan(FlagFlips(0), NoFault(), FlagFlips(100)), offers=(*OFFERS, "flag"))
    turn(story, 5.0).suffered("FlagFlips", 5.0, 15.0).posted("a", 8.0, process="").posted("b", 9.0, "processed")
    story.suffered("NoFault", 16.0, 17.0, index=1)
    turn(story, 20.0).suffered("FlagFlips", 20.0, 30.0, index=2).posted("c", 23.0, "processed").posted("d", 24.0)
    verdict = story.judged_by(SOON)
    assert [violation.what for violation in verdict.violations] == [
        "a of a5 was accepted at 8.010 s by the API, against the flag",
        "c of a5 was processed at 23.010 s by api-0, against the flag",
    ]
    assert verdict.checked == 4


def test_a_flip_nobody_can_judge_is_passed_over() -> None:
    story = Story(plan=plan(FlagFlips(50), FlagFlips(0)), offers=(*OFFERS, "flag"))
    turn(story, 5.0).suffered("FlagFlips", 5.0, 15.0).posted("a", 8.0)
    turn(story, 20.0).suffered("FlagFlips", 20.0, 30.0, index=1).posted("b", 23.0)
    assert [violation.pair.id for violation in story.judged_by(SOON).violations if violation.pair] == ["b"]
    assert Story(offers=(*OFFERS, "flag")).suffered("FlagFlips", 5, 15).judged_by(SOON).ruling is Ruling.NOT_APPLICABLE


def test_the_time_given_to_follow_counts_for_a_stall_before_the_post_too() -> None:
    """The stall was over at 8 s, and the post began half a second later."""
    story = turned(0).posted("a", 8.5).posted("b", 12.0).probed(7.0, 0.5)
    assert [violation.pair.id for violation in story.judged_by(SOON).violations if violation.pair] == ["b"]


def test_what_was_held_up_is_counted() -> None:
    story = turned(0).posted("a", 8.0).posted("b", 8.25).posted("c", 9.0, "processed").probed(8.0, 0.9)
    verdict = story.judged_by(SOON)
    assert said(verdict).startswith("unknown; 2 events were taken the wrong way while")
    assert verdict.checked == 3


def test_the_flag_stands_until_the_next_command_begins_whenever_that_ends() -> None:
    story = Story(plan=plan(FlagFlips(0)), offers=(*OFFERS, "flag")).suffered("FlagFlips", 5.0, 15.0).posted("a", 14.2)
    for what, at_s in (("started", 5.0), ("exited", 6.0), ("started", 14.0), ("exited", 15.5)):
        story.process(FLAG_COMMAND, what, at_s, exit_code=0 if what == "exited" else None)
    assert story.judged_by(SOON).ruling is Ruling.UNKNOWN
    assert story.posted("b", 13.5).judged_by(SOON).ruling is Ruling.VIOLATED
