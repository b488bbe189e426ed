"""Problem documents, ingest available and fast: histories that hold, break and are empty."""

from __future__ import annotations

from typing import Any

import pytest

from harness.checkers import errors_are_problems, ingest_stays_available, ingest_stays_fast
from harness.checkers.availability import WARM_UP_SECONDS
from harness.faults import PostgresCrashes, SendGridAnswers
from harness.verdict import Ruling, Verdict
from tests.harness.story import OFFERS, PROBLEM, Story, plan, said


def test_errors_that_are_problems_hold() -> None:
    story = Story().posted("a", 1).refused("b", 1, 400, content_type=PROBLEM).refused("c", 1)
    story = story.unanswered("d", 1, http_status=504, content_type=PROBLEM).read("a", 2).read("a", 3, None, http_status=404)
    verdict = story.unanswered("e", 1).judged_by(errors_are_problems)
    assert (verdict.ruling, verdict.checked) == (Ruling.HELD, 6), said(verdict)


@pytest.mark.parametrize("http_status", [500, 501, 502, 505])
def test_a_500_is_violated_even_as_a_problem(http_status: int) -> None:
    verdict = Story().unanswered("a", 1, http_status=http_status, content_type=PROBLEM).judged_by(errors_are_problems)
    assert f"a of a5: the POST at 1.000 s was answered {http_status}; expected 503 (nothing was taken) or 504" in said(verdict)
    read = Story().read("a", 1, None, http_status=http_status).judged_by(errors_are_problems)
    assert f"the status read at 1.000 s was answered {http_status}" in said(read)


@pytest.mark.parametrize("http_status", [400, 404, 429, 503, 504])
def test_an_error_in_another_form_is_violated(http_status: int) -> None:
    verdict = Story().unanswered("a", 1, http_status=http_status).judged_by(errors_are_problems)
    assert f"the POST at 1.000 s was answered {http_status} as no content type; expected {PROBLEM}" in said(verdict)
    read = Story().read("a", 1, None, http_status=http_status, content_type="text/html").judged_by(errors_are_problems)
    assert f"the status read at 1.000 s was answered {http_status} as text/html; expected {PROBLEM}" in said(read)


def test_what_is_no_error_may_have_any_form() -> None:
    assert Story().unanswered("a", 1, http_status=399).judged_by(errors_are_problems).ruling is Ruling.HELD


def test_errors_abstain_when_nothing_was_answered() -> None:
    assert Story().unanswered("a", 1).judged_by(errors_are_problems).ruling is Ruling.UNKNOWN


OUTAGE: dict[str, Any] = {"plan": plan(SendGridAnswers())}


def test_ingest_that_goes_on_in_the_fault_window_holds() -> None:
    story = (
        Story(**OUTAGE)
        .refused("x", 1)
        .posted("a", 6)
        .posted("a", 7, "duplicate")
        .refused("b", 8, 422)
        .suffered("SendGridAnswers", 5, 15)
    )
    verdict = story.judged_by(ingest_stays_available)
    assert (verdict.ruling, verdict.checked) == (Ruling.HELD, 3), said(verdict)


@pytest.mark.parametrize(("http_status", "told"), [(429, "429"), (503, "503"), (None, "refused"), (500, "500")])
def test_a_post_that_fails_in_the_fault_window_is_violated(http_status: int | None, told: str) -> None:
    story = Story(**OUTAGE).refused("a", 6, http_status, error="refused").suffered("SendGridAnswers", 5, 15)
    verdict = story.judged_by(ingest_stays_available)
    assert said(verdict) == f"violated; a of a5: the POST at 6.000 s failed: {told}; "


@pytest.mark.parametrize("http_status", [401, 403, 404, 413, 415])
def test_good_events_that_are_turned_away_while_others_are_taken_are_failures(http_status: int) -> None:
    story = Story(**OUTAGE).refused("a", 6, http_status).suffered("SendGridAnswers", 5, 15)
    assert story.judged_by(ingest_stays_available).ruling is Ruling.HELD, "nobody may be asked so, and other checkers say it"
    told = said(story.posted("b", 20).judged_by(ingest_stays_available))
    assert told == f"violated; a of a5: the POST at 6.000 s failed: {http_status}; "
    poison = Story(**OUTAGE).refused("a", 6, http_status, poison=True).posted("b", 7).suffered("SendGridAnswers", 5, 15)
    assert poison.judged_by(ingest_stays_available).ruling is Ruling.HELD


def test_a_post_without_an_answer_is_a_failure_too() -> None:
    story = Story(**OUTAGE).unanswered("a", 6, error="").suffered("SendGridAnswers", 5, 15)
    assert "failed: no answer" in said(story.judged_by(ingest_stays_available))


@pytest.mark.parametrize(
    ("begin_s", "end_s", "inside"), [(1, 4.999, False), (1, 5, True), (15, 16, True), (15.001, 16, False), (1, 20, True)]
)
def test_a_post_counts_if_it_overlaps_the_window(begin_s: float, end_s: float, inside: bool) -> None:
    story = Story(**OUTAGE).refused("a", begin_s, end_s=end_s).posted("b", 10).suffered("SendGridAnswers", 5, 15)
    assert (story.judged_by(ingest_stays_available).ruling is Ruling.VIOLATED) == inside


def test_without_a_planned_fault_every_post_counts() -> None:
    assert Story().posted("a", 1).judged_by(ingest_stays_available).ruling is Ruling.HELD
    assert Story().refused("a", 1).judged_by(ingest_stays_available).ruling is Ruling.VIOLATED


def test_availability_abstains_outside_the_windows_and_for_a_service_that_works_first() -> None:
    assert (
        Story(**OUTAGE).posted("a", 1).suffered("SendGridAnswers", 5, 15).judged_by(ingest_stays_available).ruling
        is Ruling.UNKNOWN
    )
    assert Story(**OUTAGE).posted("a", 1).judged_by(ingest_stays_available).ruling is Ruling.UNKNOWN
    assert Story().judged_by(ingest_stays_available).ruling is Ruling.UNKNOWN
    works_first = Story().posted("a", 1, "processed").unanswered("b", 2).judged_by(ingest_stays_available)
    assert works_first.ruling is Ruling.NOT_APPLICABLE
    assert "does the work before it answers" in works_first.reason


FAST = ingest_stays_fast(p95_ms=50)


@pytest.mark.parametrize(("took_s", "ruling"), [(0.05, Ruling.HELD), (0.0501, Ruling.VIOLATED)])
@pytest.mark.parametrize("at_s", [0, 1, 7.3, 1000.1])
def test_in_the_simulation_no_answer_may_take_longer_than_the_limit(took_s: float, ruling: Ruling, at_s: float) -> None:
    verdict = Story().posted("a", at_s, took_s=took_s).posted("b", 2, took_s=0.001).judged_by(FAST)
    assert (verdict.ruling, verdict.checked) == (ruling, 2), said(verdict)


def test_the_violation_says_how_long_it_took() -> None:
    assert (
        said(Story().posted("a", 1, took_s=2).judged_by(FAST))
        == "violated; a of a5: the POST at 1.000 s took 2000.0 ms of 50 ms; "
    )


def test_refusals_must_be_fast_and_hanging_is_slow() -> None:
    assert Story().refused("a", 1, took_s=1).judged_by(FAST).ruling is Ruling.VIOLATED
    assert Story().unanswered("a", 1, took_s=10).judged_by(FAST).ruling is Ruling.VIOLATED
    assert Story().posted("b", 1).refused("a", 1, None, took_s=1).judged_by(FAST).checked == 1


def test_the_systems_own_limit_goes_before_the_scenarios() -> None:
    assert Story(limits={"ingest_p95_ms": 500.0}).posted("a", 1, took_s=0.4).judged_by(FAST).ruling is Ruling.HELD
    assert Story(limits={"ingest_p95_ms": 5.0}).posted("a", 1, took_s=0.04).judged_by(FAST).ruling is Ruling.VIOLATED


def test_the_claim_names_the_limit() -> None:
    assert Story().judged_by(FAST).claim == "POST /ingest stays fast: P95 at most 50 ms, or the system's own limit."


def test_fast_abstains_without_posts_and_for_a_service_that_works_first() -> None:
    assert Story().judged_by(FAST).ruling is Ruling.UNKNOWN
    assert Story().posted("a", 1, "processed").judged_by(FAST).ruling is Ruling.NOT_APPLICABLE
    assert Story().posted("a", 1, "processed").posted("b", 1).judged_by(FAST).ruling is Ruling.HELD


def _real(*groups: tuple[int, float], probes: tuple[tuple[float, float], ...] = ((-10.0, 0.001),)) -> Verdict:
    """A real history of so many posts of so many milliseconds, one every 0.1 s, judged against 50 ms."""
    story, number = Story(world="real"), 0
    for count, took_ms in groups:
        for _ in range(count):
            story.posted(f"e{number}", WARM_UP_SECONDS + number / 10, took_s=took_ms / 1000)
            number += 1
    for at_s, latency_s in probes:
        story.probed(WARM_UP_SECONDS + at_s, latency_s)
    return story.judged_by(FAST)


def test_for_real_the_warm_up_is_not_judged() -> None:
    story = Story(world="real").probed(-10.0, 0.001)
    for number in range(130):
        at_s = number / 10
        story.posted(f"e{number}", at_s, took_s=0.9 if at_s < WARM_UP_SECONDS else 0.01)
    verdict = story.judged_by(FAST)
    assert (verdict.ruling, verdict.checked) == (Ruling.HELD, 100)


def test_for_real_a_percentile_holds_only_when_its_upper_bound_clears_the_limit() -> None:
    assert _real((100, 50)).ruling is Ruling.HELD
    assert _real((100, 50)).checked == 100
    assert _real((197, 10), (3, 80)).ruling is Ruling.HELD
    nearly = _real((196, 10), (4, 80))
    assert nearly.ruling is Ruling.UNKNOWN
    assert "the P95 lies between 10.0 and 80.0 ms (95 % confidence), the limit is 50 ms" in nearly.reason


def test_for_real_a_percentile_is_violated_only_when_its_lower_bound_is_above_the_limit() -> None:
    slow = _real((100, 50.1))
    assert slow.ruling is Ruling.VIOLATED
    assert "the P95 lies between 50.1 and 50.1 ms" in said(slow)
    assert _real((85, 10), (15, 80)).ruling is Ruling.VIOLATED
    assert _real((92, 10), (8, 80)).ruling is Ruling.UNKNOWN
    assert _real((85, 10), (15, 50)).ruling is Ruling.HELD


def test_for_real_a_hundred_samples_are_needed() -> None:
    assert _real((99, 10)).reason == "99 samples, at least 100 are needed"
    assert _real((99, 10)).ruling is Ruling.UNKNOWN


def test_for_real_a_history_without_a_stub_beside_it_is_unknown() -> None:
    assert "no bare stub" in said(_real((200, 10), probes=()))
    assert _real((200, 80), probes=()).ruling is Ruling.UNKNOWN


@pytest.mark.parametrize(("latency_s", "checked"), [(0.01, 120), (0.0101, 105)])
def test_for_real_samples_beside_a_slow_stub_are_left_out(latency_s: float, checked: int) -> None:
    # Of the posts from 0.0 to 11.9 s, fifteen began at 10.5 s or later, which is within 1 s of the probe.
    assert _real((100, 10), (20, 80), probes=((-10.0, 0.001), (11.5, latency_s))).checked == checked


def test_for_real_fast_in_spite_of_a_slow_machine_is_fast() -> None:
    verdict = _real((120, 10), probes=((5.0, 3.0),))
    assert (verdict.ruling, verdict.checked) == (Ruling.HELD, 120)


@pytest.mark.parametrize(
    ("calm", "ruling"), [(119, Ruling.UNKNOWN), (120, Ruling.UNKNOWN), (121, Ruling.HELD), (122, Ruling.HELD)]
)
def test_for_real_the_calm_rest_holds_only_if_it_is_half_of_all_samples_or_more(calm: int, ruling: Ruling) -> None:
    # One post every 0.1 s: the 121 of the first 12 s begin within 1 s of a slow answer of the stub.
    verdict = _real((40, 400), (81, 10), (calm, 10), probes=tuple((at_s, 0.03) for at_s in range(1, 12)))
    assert verdict.ruling is ruling, said(verdict)
    if ruling is Ruling.UNKNOWN:
        assert "121 of" in verdict.reason
        assert "the rest is too little to tell" in verdict.reason


def test_for_real_a_rest_below_half_can_still_convict() -> None:
    assert _real((121, 400), (110, 80), probes=tuple((at_s, 0.03) for at_s in range(1, 12))).ruling is Ruling.VIOLATED


def test_for_real_slow_and_fast_samples_are_left_out_alike_and_too_few_left_are_unknown() -> None:
    verdict = _real((60, 10), (10, 900), (50, 10), probes=((6.5, 0.2),))
    assert verdict.ruling is Ruling.UNKNOWN
    assert verdict.reason == "99 samples, at least 100 are needed, 21 more fell where this machine was too busy"


def test_a_service_that_has_nothing_but_postgres_need_not_take_events_without_it() -> None:
    without_redis = tuple(offer for offer in OFFERS if offer != "redis")
    for fault, offers, ruling in (
        (PostgresCrashes(), without_redis, Ruling.NOT_APPLICABLE),
        (PostgresCrashes(), OFFERS, Ruling.VIOLATED),
        (SendGridAnswers(), without_redis, Ruling.VIOLATED),
    ):
        story = Story(plan=plan(fault), offers=offers).refused("a", 6).suffered(type(fault).__name__, 5, 15)
        assert story.judged_by(ingest_stays_available).ruling is ruling


def test_a_post_that_failed_beside_a_slow_stub_convicts_nobody() -> None:
    story = Story(world="real", **OUTAGE).posted("a", 6).refused("b", 8, 503).suffered("SendGridAnswers", 5, 15)
    assert story.judged_by(ingest_stays_available).ruling is Ruling.VIOLATED
    doubtful = story.probed(9, 1.0).judged_by(ingest_stays_available)
    assert said(doubtful).startswith("unknown; 1 POSTs failed while a bare stub beside the service was slow too")
    certain = story.refused("c", 12, 503).judged_by(ingest_stays_available)
    assert [violation.pair.id for violation in certain.violations if violation.pair] == ["c"]


@pytest.mark.parametrize(("end_s", "ruling"), [(34.0, Ruling.VIOLATED), (36.0, Ruling.UNKNOWN)])
def test_a_post_that_failed_while_a_server_took_far_too_long_to_come_back_convicts_nobody(end_s: float, ruling: Ruling) -> None:
    """Planned were the ten seconds from 5 to 15."""
    story = Story(world="real", plan=plan(PostgresCrashes())).posted("a", 6).refused("b", 8, 504)
    verdict = story.suffered("PostgresCrashes", 5, end_s, "postgres").judged_by(ingest_stays_available)
    assert verdict.ruling is ruling, said(verdict)


def test_for_real_samples_are_left_out_while_a_server_took_far_too_long_to_come_back() -> None:
    def story(end_s: float) -> Story:
        told = Story(world="real", plan=plan(PostgresCrashes())).probed(1, 0.001)
        for number in range(300):
            told.posted(f"e{number}", WARM_UP_SECONDS + number / 10, took_s=0.08)
        return told.suffered("PostgresCrashes", 5, end_s, "postgres")

    assert story(30).judged_by(FAST).ruling is Ruling.VIOLATED
    assert "20 samples, at least 100 are needed" in story(35).judged_by(FAST).reason


@pytest.mark.parametrize(("others", "ruling"), [(0.6, Ruling.VIOLATED), (0.61, Ruling.UNKNOWN)])
def test_for_real_a_service_is_not_convicted_while_others_had_the_processors(others: float, ruling: Ruling) -> None:
    story = Story(world="real").probed(0.0, 0.001).crowd(3, 15, others)
    for number in range(120):
        story.posted(f"e{number}", WARM_UP_SECONDS + number / 10, took_s=0.9)
    assert story.judged_by(FAST).ruling is ruling
