"""How slow the machine was, as the stub beside the service saw it, and what a verdict is worth beside it."""

from __future__ import annotations

import pytest

from harness.checkers.noise import is_doubtful, stalled_share, stalls, weighed
from harness.verdict import Ruling, Violation, judged, not_applicable
from tests.harness.checkers.story import Story


def test_a_slow_answer_is_a_stall_from_a_second_before_it_was_asked_to_a_second_after_it_came() -> None:
    assert stalls(Story().probed(10, 0.5).history) == [(8.5, 11.0)]


@pytest.mark.parametrize(("latency_s", "is_slow"), [(0.001, False), (0.25, False), (0.2501, True), (3.0, True)])
def test_from_a_quarter_of_a_second_on_the_stub_is_slow(latency_s: float, is_slow: bool) -> None:
    assert bool(stalls(Story().probed(10, latency_s).history)) == is_slow


def test_without_a_stub_nothing_stalls() -> None:
    assert stalls(Story().kept("a", 1).history) == []


def test_stalls_that_touch_are_one_in_whatever_order_they_were_seen() -> None:
    story = Story().probed(20, 1.0).probed(10, 1.0).probed(13, 1.0).probed(12, 3.5)
    assert stalls(story.history) == [(7.5, 14.0), (18.0, 21.0)]
    apart = Story().probed(10, 1.0).probed(13.001, 1.0)
    assert stalls(apart.history) == [(8.0, 11.0), (11.001, 14.001)]


def test_the_share_is_what_the_stalls_cover() -> None:
    stalled = [(2.0, 4.0), (8.0, 12.0)]
    assert stalled_share(stalled, 0.0, 10.0) == 0.4
    assert stalled_share(stalled, 2.5, 3.5) == 1.0
    assert stalled_share(stalled, 4.0, 8.0) == 0.0
    assert [stalled_share(stalled, at_s, at_s) for at_s in (1.999, 2.0, 4.0, 4.001)] == [0.0, 1.0, 1.0, 0.0]


@pytest.mark.parametrize(("end_s", "doubts"), [(20.0, True), (20.001, False)])
def test_a_tenth_of_the_time_makes_lateness_doubtful(end_s: float, doubts: bool) -> None:
    assert is_doubtful([(4.0, 6.0)], 0.0, end_s) == doubts
    assert not is_doubtful([], 0.0, end_s)


def test_a_verdict_that_only_holds_because_findings_were_set_aside_is_unknown() -> None:
    verdict = weighed(judged(checked=7), set_aside=2, what="events were late")
    assert (verdict.ruling, verdict.checked) == (Ruling.UNKNOWN, 7)
    assert verdict.reason == (
        "2 events were late while a bare stub beside the service was slow too: this machine was too busy to tell"
    )


def test_a_verdict_is_left_alone_if_nothing_was_set_aside_or_something_else_was_found() -> None:
    held, nothing = judged(checked=7), not_applicable("there is no worker")
    assert weighed(held, set_aside=0, what="events were late") is held
    assert weighed(nothing, set_aside=0, what="events were late") is nothing
    violated = judged(checked=7, violations=[Violation("a was lost")])
    assert weighed(violated, set_aside=3, what="events were late") is violated
