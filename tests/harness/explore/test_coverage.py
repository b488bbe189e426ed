"""Which fault met which moment of an event's life, from histories written by hand."""

from __future__ import annotations

import pytest

from harness import systems
from harness.explore.coverage import MOMENTS, Coverage, Life, coverage_of, lives_of, moments_of
from harness.faults import RedisLosesReplies, WorkerCrashes
from harness.history import Handed
from tests.harness.story import Story, of, plan

FULL = Life(posted_s=1.0, accepted_s=2.0, taken_s=3.0, stored_s=4.0, mailed_s=6.0, acknowledged_s=7.0, calls=((5.0, 6.0),))


@pytest.mark.parametrize(
    ("at_s", "moment"),
    [
        (0.9, ""),
        (1.0, "before accept"),
        (2.5, "queued"),
        (3.0, "taken"),
        (4.5, "stored"),
        (5.5, "mailing"),
        (6.5, "mailed"),
        (7.0, "acknowledged"),
    ],
)
def test_a_life_comes_to_its_moments_in_order(at_s: float, moment: str) -> None:
    assert FULL.moment(at_s) == moment


def test_a_stretch_of_time_goes_through_every_moment_in_it() -> None:
    assert FULL.moments(0.0, 9.0) == set(MOMENTS)
    assert FULL.moments(2.5, 4.5) == {"queued", "taken", "stored"}
    assert FULL.moments(0.0, 0.5) == set()


def test_a_service_that_answers_last_comes_from_mailed_to_acknowledged() -> None:
    synchronous = Life(posted_s=1.0, stored_s=1.1, mailed_s=1.3, accepted_s=1.4, acknowledged_s=1.4, calls=((1.2, 1.3),))
    assert [synchronous.moment(at_s) for at_s in (1.0, 1.1, 1.2, 1.35, 1.4)] == [
        "before accept",
        "stored",
        "mailing",
        "mailed",
        "acknowledged",
    ]


def test_a_life_is_read_from_the_history() -> None:
    story = Story().posted("a", 1.0).read("a", 1.5, "processing").stored("a", 2.0).mailed("a", 3.0).read("a", 4.0, "completed")
    story.history.record(Handed(pair=of("a"), process="worker-0", at_s=1.2))
    (life,) = lives_of(story.history).values()
    assert (life.posted_s, life.taken_s, life.stored_s) == (1.0, 1.2, 2.0)
    assert life.moment(2.5) == "stored"
    assert life.moment(4.5) == "acknowledged"


def test_where_no_queue_is_seen_a_status_tells_that_it_was_taken() -> None:
    story = Story().posted("a", 1.0).read("a", 1.5, "processing")
    (life,) = lives_of(story.history).values()
    assert 1.5 <= life.taken_s < 1.6


def test_only_faults_that_bit_count_and_words_tell_settings_apart() -> None:
    story = Story(plan=plan(WorkerCrashes(), RedisLosesReplies("api"))).posted("a", 1.0).posted("b", 2.0)
    story.suffered("WorkerCrashes", 1.5, 3.0).suffered("RedisLosesReplies", 0.5, 5.0, index=1)
    coverage = coverage_of(story.history)
    assert coverage.struck == {("WorkerCrashes", "queued"): 1}, "nothing was posted yet when the replies began to be lost"
    assert coverage.lasted_over["RedisLosesReplies", "before accept"] == 2
    assert coverage.together == {("RedisLosesReplies", "WorkerCrashes"): 1}
    missed = Story(plan=plan(WorkerCrashes())).posted("a", 1.0).suffered("WorkerCrashes", 1.5, 3.0, evidence=None)
    assert coverage_of(missed.history) == Coverage()


def test_faults_one_after_the_other_were_not_open_together() -> None:
    story = Story(plan=plan(WorkerCrashes(), WorkerCrashes())).posted("a", 1.0)
    story.suffered("WorkerCrashes", 1.5, 3.0).suffered("WorkerCrashes", 4.0, 5.0, index=1)
    coverage = coverage_of(story.history)
    assert not coverage.together
    coverage.add(coverage_of(story.history))
    assert coverage.struck["WorkerCrashes", "queued"] == 4
    assert coverage.reached == {("WorkerCrashes", "queued")}


def test_a_system_has_the_moments_its_events_can_come_to() -> None:
    assert moments_of(systems.load("async").offers) == MOMENTS
    assert moments_of(systems.load("sync").offers) == ("before accept", "stored", "mailing", "mailed", "acknowledged")
    assert "mailing" not in moments_of({"worker"})
