"""The backlog as it is seen from outside: when an event enters it, and when it leaves."""

from __future__ import annotations

from harness.checkers.backlog import backlog, end_s
from tests.harness.story import Story


def test_an_event_waits_from_its_promise_until_row_and_mail_are_there() -> None:
    story = Story().posted("a", 1.0, end_s=1.5).stored("a", 3).mailed("a", 4.0, end_s=4.5).posted("b", 2.0, end_s=2.5)
    story.mailed("b", 5.0, end_s=5.5).stored("b", 7)
    assert backlog(story.history) == [(1.5, 1), (2.5, 2), (4.5, 1), (7, 0)]


def test_without_a_mail_to_wait_for_the_row_is_the_end() -> None:
    story = Story().posted("a", 1.0, end_s=1.5, wants_mail=False).stored("a", 3).mailed("x", 4.0)
    assert backlog(story.history) == [(1.5, 1), (3, 0)]
    unseen = Story(offers=("rows",)).posted("a", 1.0, end_s=1.5).stored("a", 3)
    assert backlog(unseen.history) == [(1.5, 1), (3, 0)]


def test_a_mail_that_is_due_and_never_taken_leaves_the_event_waiting() -> None:
    story = Story().posted("a", 1.0, end_s=1.5).stored("a", 3).mailed("a", 4, http_status=503)
    assert backlog(story.history) == [(1.5, 1)]


def test_the_first_mail_and_the_first_sight_of_the_row_count() -> None:
    story = Story().posted("a", 1.0, end_s=1.5).stored("a", 6).stored("a", 3).mailed("a", 9).mailed("a", 4, end_s=4.5).row("a")
    assert backlog(story.history) == [(1.5, 1), (4.5, 0)]


def test_what_was_done_before_the_answer_waits_no_time() -> None:
    story = Story().posted("a", 1.0, "processed", end_s=5.0).stored("a", 2).mailed("a", 3)
    assert backlog(story.history) == [(5.0, -1), (5.0, 0)]


def test_a_row_nobody_saw_appear_was_there_in_the_end() -> None:
    story = Story().posted("a", 1.0, end_s=1.5, wants_mail=False).row("a").quiet(50)
    assert backlog(story.history) == [(1.5, 1), (50, 0)]


def test_a_failed_event_waits_until_it_was_first_read_as_failed() -> None:
    story = Story().posted("a", 1.0, end_s=1.5).read("a", 2, "pending").read("a", 3, "failed", end_s=3.5).read("a", 4, "failed")
    assert backlog(story.history) == [(1.5, 1), (3.5, 0)]
    assert backlog(story.stored("a", 6).mailed("a", 7, end_s=7.5).history) == [(1.5, 1), (7.5, 0)], "it was done after all"


def test_events_without_a_promise_never_wait() -> None:
    assert backlog(Story().refused("a", 1).unanswered("b", 1).stored("b", 2).history) == []


def test_the_end_is_the_last_moment_anything_tells_of_and_never_before_a_second() -> None:
    assert end_s(Story().history) == 1.0
    assert end_s(Story().posted("a", 0.5).row("a").history) == 1.0
    assert end_s(Story().posted("a", 2, end_s=9).quiet(5).history) == 9
    assert end_s(Story().posted("a", 2).quiet(5).history) == 5
    assert end_s(Story().posted("a", 7, end_s=6).history) == 7
