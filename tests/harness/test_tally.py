"""Counts: every event is one thing, every answer is counted, and what nobody can know is not a number."""

from __future__ import annotations

import pytest

from harness.tally import counts
from tests.harness import stories
from tests.harness.story import Story


def counted(story: Story, *keys: str) -> list[int | None]:
    return [counts(story.history)[key] for key in keys]


def test_counts_of_a_crash_name_the_lost_event() -> None:
    assert counts(stories.crash(lose=(3, 12))) == {
        "offered": 30,
        "accepted": 30,
        "duplicate": 0,
        "refused": 0,
        "unknown": 0,
        "stored": 28,
        "mailed": 28,
        "stored_twice": 0,
        "mailed_twice": 0,
        "lost": 2,
        "failed": 0,
        "posts_refused": 0,
        "posts_unknown": 0,
    }


def test_every_offered_event_is_accepted_refused_or_unknown() -> None:
    story = Story().unanswered("taken", 0, http_status=504).posted("taken", 1, "duplicate")
    story.refused("refused", 2, 429).refused("refused", 3, 422)
    story.refused("nobody knows", 4, 503).unanswered("nobody knows", 5).quiet(9)
    assert counted(story, "offered", "accepted", "refused", "unknown", "duplicate") == [3, 1, 1, 1, 1]
    assert counted(story, "lost") == [1], "a duplicate answer is a promise too"
    assert counted(story, "posts_refused", "posts_unknown") == [3, 2], "every attempt, as in the time line"


def test_failed_is_what_the_service_said_last() -> None:
    story = Story()
    for name, statuses in {"poison": ("pending", "failed"), "revived": ("failed", "completed"), "kept": ("completed",)}.items():
        for number, status in enumerate(statuses):
            story.read(name, 1 + number, status)
    story.read("poison", 5, None, http_status=503, outcome="failed")
    assert counted(story, "failed") == [1]


def test_mails_nobody_can_tell_apart_are_not_counted() -> None:
    unseen, lost_pointers = Story(offers=("api", "rows", "sendgrid")), Story()
    for story in (unseen, lost_pointers):
        for name in ("a", "b"):
            story.posted(name, 0).stored(name, 1).row(name)
    lost_pointers.mailed(None, 1).mailed(None, 2)
    keys = ("stored", "mailed", "mailed_twice", "lost")
    assert counted(unseen.quiet(9), *keys) == [2, None, None, 0], "not looked at"
    assert counted(lost_pointers.quiet(9), *keys) == [2, None, None, None], "no mail names its event"


def test_twice_counts_events_not_rows() -> None:
    story = Story().posted("a", 0).stored("a", 1).row("a").row("a").row("a")
    story.mailed("a", 1).mailed("a", 2).mailed("a", 3, http_status=503).quiet(9)
    assert counted(story, "stored", "stored_twice", "mailed", "mailed_twice", "lost") == [1, 1, 1, 1, 0]


def test_a_mail_nobody_asked_for_is_not_missing() -> None:
    assert counted(Story().posted("quiet", 0, wants_mail=False).stored("quiet", 1).row("quiet").quiet(9), "lost") == [0]


def test_poison_that_failed_is_excused() -> None:
    story = Story().posted("poison", 0, poison=True).read("poison", 5, "failed", reason="NUL in data").quiet(9)
    assert counted(story, "lost") == [0]


@pytest.mark.parametrize(
    ("story", "stored"),
    [(Story().posted("a", 0), None), (Story().posted("a", 0).restless(9), 0)],
    ids=["never", "still moving"],
)
def test_nothing_is_called_lost_before_all_is_quiet(story: Story, stored: int | None) -> None:
    assert counted(story, "lost", "stored") == [None, stored]
