"""Statuses: readable at once, never going back: histories that hold, break and are empty."""

from __future__ import annotations

import pytest

from harness.checkers import a_promise_is_readable_at_once, status_never_goes_back
from harness.faults import RedisCrashes
from harness.verdict import Ruling
from tests.harness.story import Story, of, plan, said


def test_a_promise_that_is_read_at_once_holds() -> None:
    story = Story().posted("a", 1, end_s=1.5).read("a", 1.5, "pending").read("a", 3, "completed")
    verdict = story.judged_by(a_promise_is_readable_at_once)
    assert (verdict.ruling, verdict.checked) == (Ruling.HELD, 2), said(verdict)


@pytest.mark.parametrize("http_status", [404, 409, 400, 302])
def test_a_promise_that_cannot_be_read_is_violated(http_status: int) -> None:
    story = Story().posted("a", 1, end_s=1.5).read("a", 1.5, None, http_status=http_status)
    verdict = story.judged_by(a_promise_is_readable_at_once)
    assert said(verdict) == (
        f"violated; a of a5 was answered accepted at 1.500 s, but a read at 1.500 s answered {http_status}; expected 200; "
    )


def test_a_promise_that_becomes_unreadable_later_is_violated() -> None:
    story = Story().posted("a", 1).read("a", 2, "pending").read("a", 3, None, http_status=404)
    assert story.judged_by(a_promise_is_readable_at_once).ruling is Ruling.VIOLATED


@pytest.mark.parametrize("status", [None, "done"])
def test_a_status_outside_the_contract_is_violated(status: str | None) -> None:
    verdict = Story().posted("a", 1).read("a", 2, status).judged_by(a_promise_is_readable_at_once)
    assert f"says {status!r}; expected one of pending, processing, completed, failed" in said(verdict)


UNAVAILABLE = [None, 429, 500, 503, 504]


@pytest.mark.parametrize("http_status", UNAVAILABLE)
def test_a_status_that_is_unavailable_though_nothing_is_wrong_is_violated(http_status: int | None) -> None:
    verdict = Story().posted("a", 1).read("a", 2, None, http_status=http_status).judged_by(a_promise_is_readable_at_once)
    told = f"answered {http_status}" if http_status else "was not answered (no answer)"
    assert said(verdict) == f"violated; a of a5 was answered accepted at 1.010 s, but a read at 2.000 s {told}; expected 200; "


@pytest.mark.parametrize(
    ("begin_s", "end_s", "ruling"),
    [
        (4.0, 4.999, Ruling.VIOLATED),
        (4.0, 5.0, Ruling.HELD),
        (8.0, 8.1, Ruling.HELD),
        (20.0, 20.5, Ruling.HELD),
        (20.001, 20.5, Ruling.VIOLATED),
    ],
)
@pytest.mark.parametrize("http_status", UNAVAILABLE)
def test_a_status_may_be_unavailable_while_a_fault_lasts_and_five_seconds_more(
    begin_s: float, end_s: float, ruling: Ruling, http_status: int | None
) -> None:
    story = Story().posted("a", 1).read("a", 1.1, "pending").suffered("RedisCrashes", 5, 15, "redis").quiet()
    story.read("a", begin_s, None, end_s=end_s, http_status=http_status)
    assert story.judged_by(a_promise_is_readable_at_once).ruling is ruling


def test_a_fault_may_have_been_under_way_at_the_cut() -> None:
    story = Story(plan=plan(RedisCrashes())).posted("a", 1).read("a", 1.1, "pending").read("a", 3, None, http_status=503)
    assert story.judged_by(a_promise_is_readable_at_once).ruling is Ruling.HELD
    assert story.quiet().judged_by(a_promise_is_readable_at_once).ruling is Ruling.VIOLATED


def test_a_status_unavailable_beside_a_slow_stub_convicts_nobody() -> None:
    story = Story(world="real").posted("a", 1).read("a", 1.1, "pending").read("a", 3, None, http_status=503).probed(3, 1.0)
    verdict = story.judged_by(a_promise_is_readable_at_once)
    assert said(verdict).startswith("unknown; 1 status reads were not answered while a bare stub beside the service was slow too")


@pytest.mark.parametrize(("first_s", "unread"), [(6.01, 1), (6.011, 2)])
def test_if_many_promises_were_not_readable_soon_nobody_knows_whether_they_would_have_been(first_s: float, unread: int) -> None:
    """Of ten events one was read too late in any case; a second one is too many."""
    story = Story().suffered("RedisCrashes", 0, 15, "redis").posted("late", 1).read("late", 10).posted("b", 1).read("b", first_s)
    for number in range(8):
        story.posted(f"e{number}", 1).read(f"e{number}", 1.1)
    verdict = story.quiet().judged_by(a_promise_is_readable_at_once)
    assert verdict.ruling is (Ruling.HELD if unread == 1 else Ruling.UNKNOWN)
    assert unread == 1 or verdict.reason == "2 of 10 accepted events had no answered status read within 5 s"


@pytest.mark.parametrize("latency_s", [0.001, 3.0])
def test_where_a_busy_machine_kept_status_reads_from_an_answer_it_is_worth_a_second_try(latency_s: float) -> None:
    story = Story(world="real").suffered("RedisCrashes", 0, 15, "redis").posted("a", 1).read("a", 10)
    story.posted("b", 1).read("b", 2, None, outcome="unknown", http_status=None, took_s=2).read("b", 10).probed(4, latency_s)
    verdict = story.quiet().judged_by(a_promise_is_readable_at_once)
    assert verdict.reason == "2 of 2 accepted events had no answered status read within 5 s"
    assert verdict.noisy == (latency_s > 1)


def test_reads_before_the_promise_or_of_other_events_are_not_judged() -> None:
    story = Story().posted("a", 1, end_s=1.5).read("a", 1.499, None, http_status=404).read("b", 2, None, http_status=404)
    assert story.judged_by(a_promise_is_readable_at_once).ruling is Ruling.UNKNOWN


def test_a_status_that_goes_forward_holds_and_attempts_may_alternate() -> None:
    told = Story().read("a", 1, "pending").read("a", 2, "processing").read("a", 3, "pending").read("a", 4, "processing")
    verdict = told.read("a", 5, "completed").read("a", 6, "completed").read("b", 1, "failed").judged_by(status_never_goes_back)
    assert (verdict.ruling, verdict.checked) == (Ruling.HELD, 1), "b was not looked at again"
    verdict = told.read("b", 1.01, "failed").judged_by(status_never_goes_back)
    assert (verdict.ruling, verdict.checked) == (Ruling.HELD, 2), said(verdict)


@pytest.mark.parametrize("final", ["completed", "failed"])
@pytest.mark.parametrize("then", ["pending", "processing", "completed", "failed"])
def test_a_final_status_that_changes_is_violated(final: str, then: str) -> None:
    verdict = Story().read("a", 1, final, end_s=1.5).read("a", 1.5, then).judged_by(status_never_goes_back)
    assert (verdict.ruling is Ruling.VIOLATED) == (final != then)
    if final != then:
        assert said(verdict) == f"violated; a of a5 was shown {final} at 1.500 s and {then} at 1.510 s; "


def test_reads_that_overlap_say_nothing_about_order() -> None:
    story = Story().read("a", 1, "completed", end_s=1.5).read("a", 1.499, "pending")
    assert story.judged_by(status_never_goes_back).reason == "no status was read again after a final one"
    assert story.read("a", 1.5, "completed").judged_by(status_never_goes_back).ruling is Ruling.HELD


def test_a_status_goes_back_once_an_event() -> None:
    story = Story().read("a", 1).read("a", 2, "pending").read("a", 3, "failed").read("b", 1, "failed").read("b", 2, "completed")
    assert [violation.pair for violation in story.judged_by(status_never_goes_back).violations] == [of("a"), of("b")]


def test_answers_show_a_status_too() -> None:
    duplicate = Story().read("a", 1).posted("a", 2, "duplicate", current_status="pending")
    processed = Story().posted("a", 1, "processed").read("a", 2, "processing")
    for story in (duplicate, processed):
        assert story.judged_by(status_never_goes_back).ruling is Ruling.VIOLATED
    unreceived = Story().read("a", 1).posted("a", 2, "duplicate", current_status="pending", outcome="unknown")
    refused = Story().read("a", 1).read("a", 2, "pending", http_status=503)
    for story in (unreceived, refused):
        assert story.judged_by(status_never_goes_back).ruling is Ruling.UNKNOWN
        assert story.read("a", 3).judged_by(status_never_goes_back).ruling is Ruling.HELD


def test_status_never_goes_back_abstains_when_none_was_read() -> None:
    assert Story().posted("a", 1).judged_by(status_never_goes_back).ruling is Ruling.UNKNOWN
