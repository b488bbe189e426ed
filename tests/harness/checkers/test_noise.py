"""How slow the machine was, as the stub beside the service saw it, and what a verdict is worth beside it."""

from __future__ import annotations

import pytest

from harness.checkers.noise import is_doubtful, not_held_up, rest_is_doubtful, stalled_share, stalls, weighed
from harness.faults import (
    Deploys,
    Fault,
    PostgresCrashes,
    PostgresDiskFills,
    RedisCrashes,
    RedisDiskFills,
    RedisLoads,
    WorkerCrashes,
)
from harness.history import Post, Read
from harness.verdict import Ruling, Violation, judged, not_applicable
from tests.harness.story import Story, plan


def test_a_slow_answer_is_a_stall_from_a_second_before_it_was_asked_to_a_second_after_it_came() -> None:
    assert stalls(Story().probed(10, 0.5).history) == [(8.5, 11.0)]


@pytest.mark.parametrize(("latency_s", "is_slow"), [(0.001, False), (0.25, False), (0.2501, True), (3.0, True)])
def test_from_a_quarter_of_a_second_on_the_stub_is_slow(latency_s: float, is_slow: bool) -> None:
    assert bool(stalls(Story().probed(10, latency_s).history)) == is_slow


@pytest.mark.parametrize(("others", "is_stall"), [(0.0, False), (0.6, False), (0.61, True), (1.0, True)])
def test_others_that_took_most_of_the_processors_stall_a_service_though_the_stub_is_served(others: float, is_stall: bool) -> None:
    assert stalls(Story().probed(10.5).crowd(10, 11, others).history) == ([(9.0, 12.0)] if is_stall else [])


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
        "2 events were late while a bare stub beside the service was slow too, others took the processors, or a killed server "
        "came back far too late: this machine was too busy to tell"
    )


def test_a_verdict_is_left_alone_if_nothing_was_set_aside_or_something_else_was_found() -> None:
    held, nothing = judged(checked=7), not_applicable("there is no worker")
    assert weighed(held, set_aside=0, what="events were late") is held
    assert weighed(nothing, set_aside=0, what="events were late") is nothing
    violated = judged(checked=7, violations=[Violation("a was lost")])
    assert weighed(violated, set_aside=3, what="events were late") is violated


@pytest.mark.parametrize(("end_s", "overran"), [(15.0, False), (34.999, False), (35.0, True), (60.0, True)])
@pytest.mark.parametrize(
    "fault",
    [RedisCrashes(), RedisLoads(), RedisDiskFills(), PostgresCrashes(), PostgresDiskFills()],
    ids=lambda fault: type(fault).__name__,
)
def test_a_server_that_takes_three_times_as_long_as_planned_to_come_back_tells_of_a_stall(
    fault: Fault, end_s: float, overran: bool
) -> None:
    """The plan of every `Story` is from 5 to 15 s."""
    story = Story(plan=plan(fault)).suffered(type(fault).__name__, 5, end_s, "redis")
    assert stalls(story.history) == ([(5, end_s)] if overran else [])


def test_a_service_that_takes_long_to_come_back_tells_of_none() -> None:
    for fault in (WorkerCrashes(), Deploys()):
        assert stalls(Story(plan=plan(fault)).suffered(type(fault).__name__, 5, 90, "worker-0").history) == []
    assert stalls(Story().suffered("RedisCrashes", 5, 90, "redis").history) == [], "nobody knows what was planned"


@pytest.mark.parametrize(("end_s", "overran"), [(6.0, False), (7.0, False), (7.2, True)])
def test_a_server_takes_a_moment_to_start_however_short_its_fault_was_meant_to_be(end_s: float, overran: bool) -> None:
    [planned] = plan(RedisCrashes())
    story = Story(plan=({**planned, "lasts_seconds": 0.1},)).suffered("RedisCrashes", 5, end_s, "redis")
    assert bool(stalls(story.history)) == overran


@pytest.mark.parametrize(
    ("took_s", "latency_s", "is_excused"),
    [(1.0, 0.1, True), (1.0, 0.099, False), (0.5, 0.05, True), (0.499, 0.2, False), (0.01, 0.251, True), (3.0, 0.251, True)],
)
def test_a_long_wait_is_held_up_by_a_stub_that_took_a_tenth_of_it(took_s: float, latency_s: float, is_excused: bool) -> None:
    story = Story().refused("a", 10, took_s=took_s).read("a", 10, None, took_s=took_s, http_status=503).probed(10.1, latency_s)
    posts, reads = story.history.of(Post), story.history.of(Read)
    assert not_held_up(story.history, posts) == ([] if is_excused else posts)
    assert not_held_up(story.history, reads) == ([] if is_excused else reads)


def test_only_what_happened_around_a_request_held_it_up() -> None:
    story = Story().refused("a", 10, took_s=1.0)
    posts = story.history.of(Post)
    assert not_held_up(story.probed(8.999, 0.2).probed(12.3, 0.2).history, posts) == posts
    assert not_held_up(story.probed(5.0, 1.0).history, posts) == posts
    assert not_held_up(story.history, posts, lead_s=5.0) == []


@pytest.mark.parametrize(("latency_s", "at_s", "doubts"), [(2.0, 95, True), (1.9, 95, False), (0.4, 95, False), (9.0, 79, False)])
def test_silence_is_believed_unless_the_machine_stood_still_for_a_tenth_of_it(
    latency_s: float, at_s: float, doubts: bool
) -> None:
    """The stories come to rest at 100 s and claim pauses of at most 20 s."""
    story = Story().probed(at_s, latency_s)
    assert not rest_is_doubtful(story.history)
    assert rest_is_doubtful(story.quiet().history) == doubts


def test_many_small_stalls_make_silence_doubtful_together() -> None:
    story = Story().quiet()
    for number in range(6):
        story.probed(85 + number, 0.35)
    assert rest_is_doubtful(story.history)


def test_two_stalls_that_overlap_end_with_the_later_end() -> None:
    assert stalls(Story().probed(10, 4.0).probed(9, 0.5).probed(12, 0.5).history) == [(5.0, 13.0)]


def test_a_server_that_overran_and_a_slow_stub_are_one_stall_where_they_meet() -> None:
    story = Story(plan=plan(RedisCrashes())).suffered("RedisCrashes", 5, 40, "redis").probed(41.5, 0.5).probed(60, 0.5)
    assert stalls(story.history) == [(5, 42.5), (58.5, 61.0)]


def test_an_empty_stretch_stalls_wholly_or_not_and_a_backward_one_is_empty() -> None:
    assert stalled_share([(2.0, 4.0)], 3.0, 2.5) == 1.0
    assert stalled_share([(2.0, 4.0)], 5.0, 4.5) == 0.0
    assert stalled_share([(0.0, 1.0), (2.0, 4.0)], 3.0, 3.0) == 1.0


@pytest.mark.parametrize(
    ("planned_s", "end_s", "overran"), [(0.5, 7.5, True), (0.5, 7.499, False), (2.0, 11.0, True), (2.0, 10.999, False)]
)
def test_a_server_overruns_by_two_seconds_and_to_three_times_what_was_planned(
    planned_s: float, end_s: float, overran: bool
) -> None:
    [planned] = plan(RedisCrashes())
    story = Story(plan=({**planned, "lasts_seconds": planned_s},)).suffered("RedisCrashes", 5, end_s, "redis")
    assert stalls(story.history) == ([(5, end_s)] if overran else [])


def test_a_fault_that_lasts_until_something_happens_overruns_nothing() -> None:
    [planned] = plan(RedisCrashes())
    assert stalls(Story(plan=({**planned, "lasts_seconds": None},)).suffered("RedisCrashes", 5, 90, "redis").history) == []


def test_without_a_lead_only_a_stall_during_the_request_holds_it_up() -> None:
    """The stall was over at 10 s, as the first of them ended; the other took from 10.25 to 10.5 s."""
    story = Story().refused("a", 9.75, took_s=0.25).refused("b", 10.25, took_s=0.25).probed(9.0, 0.5)
    assert [post.pair.id for post in not_held_up(story.history, story.history.of(Post))] == ["b"]


@pytest.mark.parametrize(("at_s", "latency_s", "is_excused"), [
    (9.0, 0.25, True),
    (8.999, 0.25, False),
    (12.25, 0.25, True),
    (12.251, 0.25, False),
])  # fmt: skip
def test_a_stub_that_answered_within_a_second_of_a_long_request_waited_with_it(
    at_s: float, latency_s: float, is_excused: bool
) -> None:
    story = Story().refused("a", 10.0, took_s=1.0).probed(at_s, latency_s)
    assert (not_held_up(story.history, story.history.of(Post)) == []) == is_excused


@pytest.mark.parametrize(
    ("claims", "latency_s", "doubts"),
    [
        ({}, 2.0, True),
        ({}, 1.999, False),
        ({"longest_pause_seconds": 50.0}, 5.0, True),
        ({"longest_pause_seconds": 50.0}, 4.9, False),
    ],
)
def test_silence_is_believed_for_as_long_as_the_service_claims_to_pause(
    claims: dict[str, float], latency_s: float, doubts: bool
) -> None:
    assert rest_is_doubtful(Story(claims=claims).probed(98, latency_s).quiet().history) == doubts


def test_a_server_that_overran_makes_silence_doubtful() -> None:
    story = Story(plan=plan(RedisCrashes())).suffered("RedisCrashes", 5, 82, "redis")
    assert rest_is_doubtful(story.quiet().history)
    assert not rest_is_doubtful(story.quiet(102.001).history)


def test_what_was_set_aside_makes_a_verdict_noisy() -> None:
    assert weighed(judged(checked=7), set_aside=1, what="events were late").noisy


def test_each_crowd_is_a_stall_and_those_that_left_room_are_none() -> None:
    story = Story().crowd(10, 11, 0.7).crowd(20, 21, 0.6).crowd(30, 32, 0.9)
    assert stalls(story.history) == [(9.0, 12.0), (29.0, 33.0)]
