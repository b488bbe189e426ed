"""Ingest fast and available at the edges: which samples count, what is left out beside a slow stub, and what a rest is worth."""

from __future__ import annotations

import pytest

from harness.checkers import ingest_stays_available, ingest_stays_fast
from harness.checkers.availability import WARM_UP_SECONDS
from harness.faults import PostgresCrashes, RedisCrashes, SendGridAnswers
from harness.verdict import Ruling, Verdict
from tests.harness.story import OFFERS, Story, of, plan, said

FAST = ingest_stays_fast(p95_ms=50)


def test_a_ten_millionth_of_a_millisecond_is_what_subtraction_invents() -> None:
    assert Story().posted("a", 0, took_s=0.0500000001).judged_by(FAST).ruling is Ruling.HELD
    assert Story().posted("a", 0, took_s=0.050000001).judged_by(FAST).ruling is Ruling.VIOLATED


def test_each_answer_that_waited_is_told() -> None:
    verdict = Story().posted("a", 1, took_s=1).posted("b", 2).posted("c", 3, took_s=2).judged_by(FAST)
    assert [violation.pair for violation in verdict.violations] == [of("a"), of("c")]
    assert verdict.checked == 3


def sampled(*took_ms: float, every_s: float = 0.125) -> Story:
    """A real history of posts that took so long, one every eighth of a second after the warm-up."""
    story = Story(world="real")
    for number, each_ms in enumerate(took_ms):
        story.posted(f"e{number}", WARM_UP_SECONDS + number * every_s, took_s=each_ms / 1000)
    return story


def judged(story: Story) -> Verdict:
    return story.judged_by(FAST)


@pytest.mark.parametrize(("answered_s", "checked"), [(-1.0, 119), (-1.001, 120), (15.875, 119), (15.876, 120)])
def test_a_sample_is_left_out_if_it_began_within_a_second_of_a_slow_answer_of_the_stub(answered_s: float, checked: int) -> None:
    """120 samples from 0 to 14.875 s; all are slow, so that those which count convict."""
    verdict = judged(sampled(*[80.0] * 120).probed(WARM_UP_SECONDS + answered_s, 0.02))
    assert (verdict.ruling, verdict.checked) == (Ruling.VIOLATED, checked)


def test_a_sample_counts_by_when_it_began_however_long_it_took() -> None:
    story = sampled(*[10.0] * 110, *[9000.0] * 30).probed(WARM_UP_SECONDS + 30, 0.5)
    assert judged(story).ruling is Ruling.VIOLATED


def test_a_sample_that_began_when_the_warm_up_was_over_counts() -> None:
    assert judged(sampled(*[10.0] * 99).probed(1)).reason == "99 samples, at least 100 are needed"
    assert judged(sampled(*[10.0] * 100).probed(1)).checked == 100
    early = sampled(*[10.0] * 99).posted("early", WARM_UP_SECONDS - 0.001).probed(1)
    assert judged(early).checked == 99


def test_only_what_was_slow_beside_the_service_makes_a_verdict_noisy() -> None:
    few = judged(sampled(*[80.0] * 99).probed(1))
    assert (few.ruling, few.noisy, few.checked) == (Ruling.UNKNOWN, False, 99)
    fewer = judged(sampled(*[80.0] * 105).probed(WARM_UP_SECONDS, 0.02))
    assert (fewer.ruling, fewer.noisy, fewer.checked) == (Ruling.UNKNOWN, True, 96)
    assert fewer.reason == "96 samples, at least 100 are needed, 9 more fell where this machine was too busy"


def test_a_percentile_between_its_bounds_is_noisy_if_samples_were_left_out() -> None:
    mixed = [10.0] * 184 + [80.0] * 16
    calm = judged(sampled(*mixed).probed(1))
    assert (calm.ruling, calm.noisy, calm.checked) == (Ruling.UNKNOWN, False, 200)
    assert calm.reason == "the P95 lies between 10.0 and 80.0 ms (95 % confidence), the limit is 50 ms"
    noisy = judged(sampled(*mixed).probed(WARM_UP_SECONDS, 0.02))
    assert (noisy.ruling, noisy.noisy, noisy.checked) == (Ruling.UNKNOWN, True, 191)


def test_a_rest_below_half_is_noisy_and_says_how_much_was_left_out() -> None:
    story = sampled(*[400.0] * 25, *[10.0] * 180)
    for second in range(1, 13):
        story.probed(WARM_UP_SECONDS + second, 0.03)
    verdict = judged(story)
    assert (verdict.ruling, verdict.noisy, verdict.checked) == (Ruling.UNKNOWN, True, 100)
    assert verdict.reason == (
        "105 of 205 samples fell where this machine was too busy, and with them the limit is not kept: "
        "the rest is too little to tell"
    )


def test_a_calm_rest_that_is_slow_for_certain_convicts_and_counts_only_itself() -> None:
    verdict = judged(sampled(*[80.0] * 120).probed(WARM_UP_SECONDS, 0.02))
    assert said(verdict) == "violated; the P95 lies between 80.0 and 80.0 ms (95 % confidence), the limit is 50 ms; "
    assert verdict.checked == 111


def test_a_calm_rest_that_keeps_the_limit_holds() -> None:
    verdict = judged(sampled(*[400.0] * 9, *[10.0] * 111).probed(WARM_UP_SECONDS, 0.02))
    assert (verdict.ruling, verdict.checked) == (Ruling.HELD, 111)
    assert judged(sampled(*[400.0] * 9, *[50.0] * 111).probed(WARM_UP_SECONDS, 0.02)).ruling is Ruling.HELD, "to the limit"


def test_the_stub_is_slow_by_the_limit_that_is_judged() -> None:
    """A fifth of 500 ms is 100 ms: an answer in 90 ms leaves nothing out."""
    story = sampled(*[800.0] * 120).probed(WARM_UP_SECONDS, 0.1)
    assert story.judged_by(ingest_stays_fast(p95_ms=500)).checked == 120
    assert story.probed(WARM_UP_SECONDS, 0.101).judged_by(ingest_stays_fast(p95_ms=500)).checked == 111


@pytest.mark.parametrize(
    ("begin_s", "end_s", "counts"), [(19, 20, True), (19, 19.999, False), (22, 23, True), (22.001, 23, False)]
)
def test_a_post_counts_if_it_fell_into_any_of_the_windows(begin_s: float, end_s: float, counts: bool) -> None:
    story = Story(plan=plan(SendGridAnswers(), RedisCrashes())).suffered("SendGridAnswers", 5, 15)
    story.suffered("RedisCrashes", 20, 22, "redis", index=1).posted("ok", 6).refused("a", begin_s, end_s=end_s)
    verdict = story.judged_by(ingest_stays_available)
    assert (verdict.ruling, verdict.checked) == ((Ruling.VIOLATED, 2) if counts else (Ruling.HELD, 1))


def test_posts_that_were_held_up_are_counted() -> None:
    story = Story(world="real").refused("a", 10).refused("b", 10.1).posted("c", 11).probed(10, 1.0)
    verdict = story.judged_by(ingest_stays_available)
    assert said(verdict).startswith("unknown; 2 POSTs failed while")
    assert verdict.checked == 3


def test_without_redis_only_an_outage_of_postgres_excuses_ingest() -> None:
    offers = tuple(offer for offer in OFFERS if offer != "redis")
    both = Story(offers=offers, plan=plan(SendGridAnswers(), PostgresCrashes()))
    assert said(both.refused("a", 6).suffered("SendGridAnswers", 5, 15).judged_by(ingest_stays_available)) == (
        "not_applicable; this service has no store but Postgres, so there is nothing to take events while that is down"
    )
    assert Story(offers=offers, plan=({},)).judged_by(ingest_stays_available).ruling is Ruling.UNKNOWN
