"""Processes stay up and stop when told: histories that hold, break and are empty."""

from __future__ import annotations

from typing import Any

import pytest

from harness.checkers import processes_stay_up, terminations_are_clean
from harness.verdict import Ruling
from tests.harness.story import Story, said


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


def test_a_process_that_was_not_ready_in_time_beside_a_slow_stub_is_not_convicted() -> None:
    story = Story().process("api-0", "not restarted", 50, detail="api-0 was not ready within 30 s")
    assert story.probed(19, 4.0).judged_by(processes_stay_up).ruling is Ruling.VIOLATED
    assert said(story.probed(40, 4.0).judged_by(processes_stay_up)).startswith("unknown; 1 processes were not ready again in")
    ended = story.process("api-1", "exited", 41, detail="by itself", exit_code=1).judged_by(processes_stay_up)
    assert len(ended.violations) == 1, "a stall ends nobody"


def _stopped(what: str = "exited", *, at_s: float = 15, told: str = "terminated", **more: Any) -> Story:
    """api-0 is told to stop at 5 s and ends 10 s later; what becomes of api-1 is another matter."""
    story = Story().process("api-0", told, 5).process("api-1", "exited", 6, exit_code=1)
    return story.process("api-0", what, at_s, **({"exit_code": 0, "took_s": 10.0} | more))


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
    story = Story().process("api-0", "exited", 1, exit_code=0).process("api-0", "terminated", 5)
    story.process("api-1", "exited", 6, exit_code=0)
    assert story.judged_by(terminations_are_clean).ruling is Ruling.UNKNOWN
    verdict = story.quiet().judged_by(terminations_are_clean)
    assert said(verdict) == "violated; api-0 was told to stop at 5.000 s and never exited; "


def test_every_stop_of_a_rolling_deploy_is_judged() -> None:
    story = Story()
    for at_s in (5, 15):
        story.process("api-0", "terminated", at_s).process("api-0", "exited", at_s + 1, exit_code=at_s - 5, took_s=1.0)
    verdict = story.judged_by(terminations_are_clean)
    assert (len(verdict.violations), verdict.checked) == (1, 2)


@pytest.mark.parametrize(
    "meanwhile",
    [
        Story().process("api-0", "terminated", 5).process("api-0", "killed", 5.5),
        Story().process("api-0", "frozen", 4).process("api-0", "terminated", 5).process("api-0", "killed", 15),
        Story().process("api-0", "terminated", 5).process("api-0", "frozen", 6).process("api-0", "resumed", 14),
    ],
    ids=["killed by a fault", "frozen before", "frozen meanwhile"],
)
def test_a_process_that_a_fault_keeps_from_stopping_is_not_judged(meanwhile: Story) -> None:
    story = meanwhile.process("api-0", "exited", 16, exit_code=-9).quiet()
    assert story.judged_by(terminations_are_clean).ruling is Ruling.UNKNOWN


def test_a_freeze_that_was_over_excuses_no_late_stop() -> None:
    story = Story().process("api-0", "frozen", 1).process("api-0", "resumed", 4).process("api-0", "terminated", 5)
    assert story.process("api-0", "killed", 15).judged_by(terminations_are_clean).ruling is Ruling.VIOLATED


def test_stops_abstain_when_no_process_was_told_to() -> None:
    story = Story().process("worker-0", "killed", 5).process("api-0", "exited", 6)
    assert story.judged_by(terminations_are_clean).ruling is Ruling.UNKNOWN


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


def test_every_process_that_fell_is_told_and_how() -> None:
    story = Story().process("api-0", "exited", 5, detail="by itself: out of memory", exit_code=137)
    story.process("worker-1", "exited", 6, detail="told: by itself", exit_code=0).process("worker-0", "not restarted", 7)
    verdict = story.process("postgres", "not restarted", 8).judged_by(processes_stay_up)
    assert [violation.what for violation in verdict.violations] == [
        "api-0 ended by itself (exit code 137) at 5.000 s: out of memory",
        "worker-0 could not be started again at 7.000 s",
    ]
    assert verdict.checked == 4


def test_what_a_process_said_at_its_end_is_told_as_it_was_said() -> None:
    story = Story().process("api-0", "not restarted", 5, detail=": told: by itself")
    assert said(story.judged_by(processes_stay_up)) == "violated; api-0 could not be started again at 5.000 s: told: by itself; "
    story = Story().process("api-0", "exited", 5, detail="by itself: XML was broken", exit_code=1)
    assert said(story.judged_by(processes_stay_up)).endswith("(exit code 1) at 5.000 s: XML was broken; ")


@pytest.mark.parametrize(
    ("probe_s", "ruling"), [(54.0, Ruling.UNKNOWN), (24.0, Ruling.UNKNOWN), (22.0, Ruling.UNKNOWN), (21.9, Ruling.VIOLATED)]
)
def test_a_start_is_late_within_the_thirty_seconds_it_is_given(probe_s: float, ruling: Ruling) -> None:
    """Given up at 50 s: a stall counts that covered three of the seconds from 20 to 50 s; one began at 20 s, and one before."""
    story = Story().process("api-0", "not restarted", 50).probed(probe_s, 7.0 if probe_s > 50 else 1.0)
    assert story.judged_by(processes_stay_up).ruling is ruling


def test_each_start_that_was_held_up_is_counted() -> None:
    story = Story().process("api-0", "not restarted", 50).process("api-1", "not restarted", 51).probed(40, 4.0)
    assert said(story.judged_by(processes_stay_up)).startswith("unknown; 2 processes were not ready again in time while")


def test_the_time_between_two_entries_is_told_without_the_last_bits_of_a_subtraction() -> None:
    assert _stopped(took_s=None, at_s=15.0000001).judged_by(terminations_are_clean).ruling is Ruling.HELD
    assert _stopped(took_s=None, at_s=15.000001).judged_by(terminations_are_clean).ruling is Ruling.VIOLATED


def test_a_process_may_be_told_to_stop_before_others_are_started() -> None:
    story = Story().process("worker-0", "started", 1).process("api-0", "terminated", 5).process("api-1", "started", 5.5)
    story.process("api-0", "started", 5.7).process("api-0", "exited", 6, exit_code=0, took_s=1.0)
    verdict = story.judged_by(terminations_are_clean)
    assert (verdict.ruling, verdict.checked) == (Ruling.HELD, 1)


def test_one_process_without_its_exit_leaves_a_violation_of_another_standing() -> None:
    story = Story().process("api-0", "terminated", 5).process("api-1", "terminated", 5).process("api-1", "exited", 6, exit_code=1)
    verdict = story.judged_by(terminations_are_clean)
    assert said(verdict) == "violated; api-1 was told to stop at 5.000 s and exited with code 1 after 1.0 s; expected 0; "
    assert verdict.checked == 2


def test_stops_that_were_late_beside_a_slow_stub_are_counted_and_hide_no_other() -> None:
    story = Story().probed(10, 5.0)
    for name in ("api-0", "api-1"):
        story.process(name, "terminated", 5).process(name, "exited", 20, exit_code=0)
    assert said(story.judged_by(terminations_are_clean)).startswith("unknown; 2 processes took too long to stop while")
    story.process("worker-0", "terminated", 5).process("worker-0", "exited", 6, exit_code=1)
    assert [violation.what[:8] for violation in story.judged_by(terminations_are_clean).violations] == ["worker-0"]


@pytest.mark.parametrize(("took_s", "ruling"), [(10.0, "held"), (10.001, "unknown")])
def test_a_stop_in_good_time_needs_no_excuse(took_s: float, ruling: str) -> None:
    assert str(_stopped(took_s=took_s).probed(10, 5.0).judged_by(terminations_are_clean).ruling) == ruling


@pytest.mark.parametrize(
    ("frozen_s", "resumed_s", "is_judged"),
    [
        (1, 4.999, True),
        (1, 5.0, False),
        (6, 9, False),
        (14.5, None, False),
        (15, None, False),
        (15.001, None, True),
        (16, 17, True),
    ],
)
def test_a_freeze_keeps_a_process_from_stopping_if_it_lasted_from_then_until_its_end(
    frozen_s: float, resumed_s: float | None, is_judged: bool
) -> None:
    """Told to stop at 5 s, ended with code 1 at 15 s."""
    story = Story().process("api-0", "terminated", 5).process("api-1", "frozen", 6)
    story.process("api-0", "frozen", frozen_s)
    if resumed_s is not None:
        story.process("api-0", "resumed", resumed_s)
    story.process("api-0", "exited", 15, exit_code=1)
    assert (story.quiet().judged_by(terminations_are_clean).ruling is Ruling.VIOLATED) == is_judged


def test_a_wrong_exit_code_at_the_last_moment_in_time_is_not_the_machines() -> None:
    for took_s, ruling in ((10.0, Ruling.VIOLATED), (10.001, Ruling.UNKNOWN)):
        story = _stopped(exit_code=1, took_s=took_s).probed(10, 5.0)
        assert story.judged_by(terminations_are_clean).ruling is ruling


def test_a_kill_before_its_time_to_stop_was_over_is_the_faults_and_one_after_it_is_not() -> None:
    for killed_s, ruling in ((14.999, Ruling.UNKNOWN), (15.0, Ruling.VIOLATED)):
        story = Story().process("api-0", "terminated", 5).process("api-0", "killed", killed_s).quiet()
        assert story.judged_by(terminations_are_clean).ruling is ruling
