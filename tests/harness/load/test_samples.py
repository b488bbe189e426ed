"""Which requests count for which endpoint, and what they count as."""

from __future__ import annotations

import math

from harness.load.samples import DUPLICATE, MAILED, of_endpoint, of_lateness, of_stub
from harness.results import POST, STATUS
from tests.harness.story import Story


def milliseconds(story: Story, endpoint: str, *, since_s: float = 0.0) -> list[float]:
    return [round(sample.ms, 3) for sample in of_endpoint(story.history, endpoint, since_s=since_s)]


def test_a_duplicate_is_no_fresh_event() -> None:
    story = Story().posted("a", 1, took_s=0.01).posted("a", 2, "duplicate", took_s=0.001)
    assert milliseconds(story, POST) == [10.0]
    assert milliseconds(story, DUPLICATE) == [1.0]


def test_what_was_not_answered_well_takes_for_ever() -> None:
    story = Story().refused("a", 1).unanswered("b", 2).posted("c", 3, "accepted", took_s=0.01)
    assert milliseconds(story, POST) == [math.inf, math.inf, 10.0]


def test_events_with_a_mail_are_also_counted_by_themselves() -> None:
    story = Story().posted("a", 1, wants_mail=True).posted("b", 2, wants_mail=False)
    assert (len(milliseconds(story, POST)), len(milliseconds(story, MAILED))) == (2, 1)


def test_warm_up_is_cut_by_the_intended_start() -> None:
    story = Story().posted("a", 1).posted("b", 9.999, took_s=0.5).posted("c", 10)
    assert len(milliseconds(story, POST, since_s=10)) == 1


def test_reads_that_wait_for_the_end_are_no_load() -> None:
    story = Story().posted("a", 1).read("a", 2).posted("b", 3).read("a", 3.5).read("a", 2.5, final=True)
    assert len(milliseconds(story, STATUS)) == 1


def test_stub_and_lateness_are_series_of_their_own() -> None:
    story = Story().posted("a", 1, late_s=0.004)
    assert [sample.ms for sample in of_lateness(story.history)] == [4.0]
    assert of_stub(story.history) == []
