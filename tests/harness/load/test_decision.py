"""The sequential decision: what it says of what was seen, when it says nothing, and how often it would be wrong."""

from __future__ import annotations

import dataclasses
import math
from random import Random

import pytest

from harness.load.decision import Limit, Outcome, Rule, Seen, decide
from harness.load.samples import Sample
from harness.results import POST, STATUS
from harness.verdict import Ruling
from tests.harness.load.records import LIMITS, Shape, drawn, made_up
from tests.harness.load.trials import ROUNDS, Setting, clopper_pearson, rulings, trial

RULE = Rule(limits=LIMITS, looks=ROUNDS)
FAST = Shape(body_ms=6.0, pause_ms=15.0)


def seen(seconds: float = 60.0, *, body_ms: float = 6.0, stub_ms: float = 0.5, late_ms: float = 0.5) -> Seen:
    """Both endpoints at 50 requests a second, a stub and a generator that keep still."""
    shape, at_s = dataclasses.replace(FAST, body_ms=body_ms), [k / 10 for k in range(int(seconds * 10))]
    return Seen(
        samples={endpoint: drawn(Random(endpoint), shape, seconds=seconds) for endpoint in (POST, STATUS)},
        stub=[Sample(at, stub_ms) for at in at_s],
        lateness=[Sample(at, late_ms) for at in at_s],
    )


def rulings_of(outcome: Outcome) -> list[str]:
    return [decision.ruling.value for decision in outcome.decisions]


def test_far_below_every_limit_is_held_before_the_last_look() -> None:
    outcome = decide(RULE, seen(), look=6)
    assert (outcome.ruling, outcome.is_final, outcome.reasons) == (Ruling.HELD, True, ())
    assert rulings_of(outcome) == ["held"] * 4
    assert all(one.bounded is not None and one.bounded.high <= one.limit.limit_ms for one in outcome.decisions)


def test_far_above_is_violated_at_the_third_look_for_a_round_may_have_had_a_busy_neighbour() -> None:
    for look in (1, 2):
        early = decide(RULE, seen(10.0 * look, body_ms=80.0), look=look)
        assert (early.ruling, early.is_final) == (Ruling.UNKNOWN, False)
        assert early.reasons[0].endswith("too early to tell whether it stays so")
    outcome = decide(RULE, seen(30.0, body_ms=80.0), look=3)
    assert (outcome.ruling, outcome.is_final) == (Ruling.VIOLATED, True)
    assert "P50 of POST /ingest is" in outcome.reasons[0]
    assert "the limit is 30 ms" in outcome.reasons[0]


def test_one_violated_limit_is_enough_and_names_itself() -> None:
    outcome = decide(Rule(limits=(Limit(POST, 95, 50.0), Limit(STATUS, 95, 5.0)), looks=1), seen(), look=1)
    assert rulings_of(outcome) == ["held", "violated"]
    assert outcome.ruling is Ruling.VIOLATED
    assert [STATUS in reason for reason in outcome.reasons] == [True]


def test_what_is_open_goes_on_until_the_last_look() -> None:
    early, last = (decide(RULE, seen(8.0), look=look) for look in (1, ROUNDS))
    assert (early.ruling, early.is_final) == (Ruling.UNKNOWN, False)
    assert (last.ruling, last.is_final) == (Ruling.UNKNOWN, True)
    assert rulings_of(last)[2] == "unknown", "too few samples for a P99"
    assert "at least 500 are needed" in last.decisions[2].reason


@pytest.mark.parametrize("body_ms", [6.0, 80.0])
def test_what_is_decided_stays_whatever_comes(body_ms: float) -> None:
    decided = decide(RULE, seen(body_ms=body_ms), look=5)
    assert decided.is_final
    for other_ms in (6.0, 80.0):
        assert decide(RULE, seen(body_ms=other_ms), look=6, previous=decided) is decided


def test_the_order_of_samples_does_not_matter() -> None:
    random, given = Random(1), seen(20.0, body_ms=25.0)

    def shuffled(samples: list[Sample]) -> list[Sample]:
        return random.sample(samples, len(samples))

    samples = {endpoint: shuffled(list(given.samples[endpoint])) for endpoint in (STATUS, POST)}
    mixed = Seen(samples=samples, stub=shuffled(list(given.stub)), lateness=shuffled(list(given.lateness)))
    assert decide(RULE, mixed, look=3) == decide(RULE, given, look=3)


def test_no_samples_or_few_are_unknown() -> None:
    assert decide(RULE, seen(1.0, body_ms=80.0), look=1).ruling is Ruling.UNKNOWN
    nothing = decide(RULE, dataclasses.replace(seen(), samples={}), look=ROUNDS)
    assert (nothing.ruling, nothing.reasons[0]) == (Ruling.UNKNOWN, "P50 of POST /ingest: no samples")
    one_sided = decide(RULE, dataclasses.replace(seen(), samples={POST: seen().samples[POST]}), look=ROUNDS)
    assert rulings_of(one_sided) == ["held", "held", "held", "unknown"]


def test_a_failure_is_infinitely_slow() -> None:
    given = seen(30.0)
    failed = {endpoint: [Sample(one.at_s, math.inf) for one in samples] for endpoint, samples in given.samples.items()}
    assert rulings_of(decide(RULE, dataclasses.replace(given, samples=failed), look=3)) == ["violated"] * 4
    some = {POST: [Sample(one.at_s, math.inf if k % 8 == 0 else one.ms) for k, one in enumerate(given.samples[POST])]}
    outcome = decide(RULE, dataclasses.replace(given, samples=some | {STATUS: given.samples[STATUS]}), look=3)
    assert rulings_of(outcome) == ["held", "violated", "violated", "held"]


def test_a_slow_service_beside_a_slow_stub_is_unknown_and_a_fast_one_is_held() -> None:
    slow = decide(RULE, seen(body_ms=80.0, stub_ms=25.0), look=ROUNDS)
    assert rulings_of(slow) == ["unknown"] * 4
    assert "the bare stub was slow too" in slow.reasons[0]
    assert decide(RULE, seen(stub_ms=25.0), look=ROUNDS).ruling is Ruling.HELD


def test_without_a_stub_nobody_is_accused() -> None:
    assert decide(RULE, dataclasses.replace(seen(body_ms=80.0), stub=[]), look=ROUNDS).ruling is Ruling.UNKNOWN
    assert decide(RULE, dataclasses.replace(seen(), stub=[]), look=ROUNDS).ruling is Ruling.HELD


def test_a_service_that_is_slow_while_the_stub_is_fast_is_violated_if_that_is_most_of_the_time() -> None:
    given = seen(body_ms=80.0)
    for slow_s, expected in ((20, Ruling.VIOLATED), (35, Ruling.UNKNOWN)):
        stub = [Sample(one.at_s, 25.0 if one.at_s < slow_s else 0.5) for one in given.stub]
        assert decide(RULE, dataclasses.replace(given, stub=stub), look=ROUNDS).ruling is expected


def test_one_slow_answer_of_the_stub_does_not_excuse_a_slow_median() -> None:
    given = seen(body_ms=80.0)
    stub = [Sample(one.at_s, 25.0 if k % 10 == 0 else 0.5) for k, one in enumerate(given.stub)]
    assert rulings_of(decide(RULE, dataclasses.replace(given, stub=stub), look=ROUNDS))[0] == "violated"


def test_a_stub_that_hangs_covers_the_time_it_hung() -> None:
    given = seen(30.0, body_ms=6.0)
    slow = [Sample(one.at_s, one.ms + (500.0 if 10 <= one.at_s < 16 else 0.0)) for one in given.samples[POST]]
    hung = [one for one in given.stub if not 10 <= one.at_s < 16] + [Sample(10.0, 6000.0)]
    limits = Rule(limits=(Limit(POST, 95, 50.0),), looks=1)
    outcome = decide(limits, Seen(samples={POST: slow}, stub=hung, lateness=given.lateness), look=1)
    assert outcome.ruling is Ruling.UNKNOWN


def test_a_generator_that_is_late_cannot_tell() -> None:
    for body_ms in (6.0, 80.0):
        late = decide(RULE, seen(body_ms=body_ms, late_ms=30.0), look=ROUNDS)
        assert rulings_of(late) == ["unknown"] * 4
        assert "the generator could not keep up" in late.reasons[0]
    silent = decide(RULE, dataclasses.replace(seen(), lateness=[]), look=ROUNDS)
    assert "did not say how late" in silent.reasons[0]


def test_what_the_generator_was_late_by_accuses_nobody() -> None:
    given = seen()
    late = [Sample(one.at_s, one.ms, 0.0) for one in given.samples[POST]]
    late = [dataclasses.replace(one, ms=one.ms + 200.0, late_ms=200.0) if k % 60 == 0 else one for k, one in enumerate(late)]
    limits = Rule(limits=(Limit(POST, 99, 100.0),), looks=1)
    slow = [dataclasses.replace(one, late_ms=0.0) for one in late]
    assert decide(limits, dataclasses.replace(given, samples={POST: slow}), look=1).ruling is Ruling.VIOLATED
    assert decide(limits, dataclasses.replace(given, samples={POST: late}), look=1).ruling is Ruling.UNKNOWN


def test_the_p99_of_lateness_is_held_against_the_p99s_limit() -> None:
    given = seen()
    stalled = [Sample(one.at_s, 200.0 if one.at_s < 1.2 else 0.5) for one in given.lateness]  # 2 % of the time
    assert decide(RULE, dataclasses.replace(given, lateness=stalled), look=ROUNDS).ruling is Ruling.UNKNOWN
    only_p95 = Rule(limits=(Limit(POST, 95, 50.0),), looks=ROUNDS)
    assert decide(only_p95, dataclasses.replace(given, lateness=stalled), look=ROUNDS).ruling is Ruling.HELD


def test_a_little_above_the_limit_accuses_nobody_and_passes_nothing() -> None:
    flat = [Sample(k / 50, 52.0) for k in range(3000)]
    outcome = decide(
        Rule(limits=(Limit(POST, 95, 50.0),), looks=1),
        Seen(samples={POST: flat}, stub=seen().stub, lateness=seen().lateness),
        look=1,
    )
    assert outcome.ruling is Ruling.UNKNOWN
    assert "less than machines differ (8%)" in outcome.reasons[0]


@pytest.mark.parametrize("looks", [1, 2, 9, 18])
def test_all_looks_together_spend_the_doubt(looks: int) -> None:
    rule = Rule(limits=LIMITS, looks=looks)
    assert math.fsum(rule.doubt_at(look) for look in range(1, looks + 1)) == pytest.approx(0.05)


@pytest.mark.parametrize("look", [0, ROUNDS + 1])
def test_a_look_that_was_not_planned_is_refused(look: int) -> None:
    with pytest.raises(ValueError, match="was not planned"):
        decide(RULE, seen(1.0), look=look)


@pytest.mark.parametrize(("percentile", "fewest"), [(50, 100), (95, 100), (99, 500)])
def test_the_fewest_samples(percentile: float, fewest: int) -> None:
    assert Limit(POST, percentile, 1.0).fewest == fewest


def test_a_a_trials_seldom_accuse() -> None:
    said, _ = rulings(Setting(), trials=24)
    assert said["violated"] <= 1, f"{said}; 95 % interval {clopper_pearson(said['violated'], 40)}"


def test_a_quarter_over_the_limit_is_seen() -> None:
    said, _ = rulings(Setting(of_limit=1.25), trials=30)
    assert said["violated"] >= 28, said


def test_an_overloaded_machine_accuses_nobody() -> None:
    said, _ = rulings(Setting(overload=3.0), trials=6)
    assert said["violated"] == said["held"] == 0, said


def test_a_third_of_the_limit_is_held() -> None:
    said, rounds = rulings(Setting(of_limit=0.33), trials=15)
    assert said["violated"] == 0
    assert said["held"] >= 11, said
    assert rounds < ROUNDS


def test_all_failing_is_seen_in_the_first_rounds() -> None:
    assert trial(Random(1), Setting(failing=1.0), made_up()).look == 3


def test_the_exact_interval_of_a_rate_is_that_of_the_tables() -> None:
    assert clopper_pearson(0, 200) == pytest.approx((0.0, 0.01828), abs=1e-4)
    assert clopper_pearson(2, 200) == pytest.approx((0.00121, 0.03565), abs=1e-4)
    assert clopper_pearson(10, 10) == pytest.approx((0.69150, 1.0), abs=1e-4)


@pytest.mark.parametrize(
    ("stalled_s", "stub_stalls", "expected"),
    [(1.0, True, "held"), (1.0, False, "unknown"), (20.0, True, "unknown")],
    ids=["a moment, the stub too", "a moment, the service alone", "a quarter of the time"],
)
def test_a_disk_that_stalled_for_a_moment_is_nobodys_latency(stalled_s: float, stub_stalls: bool, expected: str) -> None:
    given, ends_s = seen(80.0), 30.0 + stalled_s
    slow = [Sample(one.at_s, one.ms + (400.0 if 30 <= one.at_s < ends_s else 0.0)) for one in given.samples[POST]]
    stub = [Sample(one.at_s, 400.0 if stub_stalls and 30 <= one.at_s < ends_s else 0.5) for one in given.stub]
    rule = Rule(limits=(Limit(POST, 99, 100.0),), looks=1)
    (decision,) = decide(rule, Seen(samples={POST: slow}, stub=stub, lateness=given.lateness), look=1).decisions
    assert decision.ruling == expected, decision
    assert ("set aside" in decision.reason) is (decision.set_aside > 0) is (expected == "held")
