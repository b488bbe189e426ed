"""Trials of the gate by simulation: how often it says what it should. `python -m tests.harness.load.trials --trials 200`.

A latency record as a busy service leaves it (a skewed body, a machine that is now faster and now slower, pauses that hit all who
wait) is cut into blocks, and every trial draws its rounds from these blocks at random, so that bursts stay bursts. Each trial has
a machine of its own, which is faster or slower by 5 % (one standard deviation) from beginning to end.
"""

from __future__ import annotations

import argparse
import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random

from harness.load.decision import MACHINES_DIFFER, Limit, Outcome, Rule, Seen, decide
from harness.load.percentiles import bounded, nearest_rank
from harness.load.samples import Sample

POST, STATUS = "POST /ingest", "GET /ingest/{id}/status"
PROMISED = ((POST, 50, 30.0), (POST, 95, 50.0), (POST, 99, 100.0), (STATUS, 95, 20.0))
LIMITS = tuple(Limit(*promised) for promised in PROMISED)
ROUNDS, BLOCK_S, CALM_S, WARM_UP_S = 9, 10.0, 1.0, 5.0
RECORD_S = 1200.0
TRUTH_S = 6000.0  # long enough to call its percentiles the truth
PER_SECOND = 50.0
MACHINE_NOISE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How latencies come: body and its skew, swing and memory of the machine, pauses."""

    body_ms: float = 28.0
    skew: float = 0.25
    swing: float = 0.15
    memory_s: float = 0.5
    pause_every_s: float = 3.0
    pause_ms: float = 60.0


def drawn(random: Random, shape: Shape, *, seconds: float) -> list[Sample]:
    """Poisson arrivals at `PER_SECOND` and their latencies in milliseconds."""
    samples: list[Sample] = []
    at_s, swing = 0.0, random.gauss(0, 1)
    pause_ends_s, next_pause_s = -1.0, _until_next(random, shape)
    while True:
        gap_s = random.expovariate(PER_SECOND)
        at_s += gap_s
        if at_s >= seconds:
            return samples
        kept = math.exp(-gap_s / shape.memory_s)
        swing = kept * swing + math.sqrt(1 - kept**2) * random.gauss(0, 1)
        while next_pause_s <= at_s:
            pause_ends_s = max(pause_ends_s, next_pause_s + random.expovariate(1e3 / shape.pause_ms))
            next_pause_s += _until_next(random, shape)
        ms = shape.body_ms * math.exp(shape.swing * swing + random.gauss(0, shape.skew)) + max(0.0, pause_ends_s - at_s) * 1e3
        samples.append(Sample(at_s, ms))


def _until_next(random: Random, shape: Shape) -> float:
    return random.expovariate(1 / shape.pause_every_s) if shape.pause_every_s < math.inf else math.inf


@dataclass(frozen=True, slots=True)
class Record:
    """A stored run to draw from."""

    samples: list[Sample]
    ordered: list[float]

    def percentile_ms(self, percentile: float) -> float:
        """The truth of all trials that draw from it."""
        return nearest_rank(self.ordered, percentile / 100)

    def block(self, random: Random, *, to_s: float, length_s: float) -> list[Sample]:
        """A block from anywhere in the record, moved to `to_s`. It may run over the end into the beginning."""
        from_s = random.uniform(0, RECORD_S)
        turned = [*self._between(from_s, from_s + length_s), *self._between(from_s - RECORD_S, from_s - RECORD_S + length_s)]
        return [Sample(to_s + (sample.at_s - from_s) % RECORD_S, sample.ms) for sample in turned]

    def _between(self, begin_s: float, end_s: float) -> list[Sample]:
        first = bisect_left(self.samples, begin_s, key=lambda sample: sample.at_s)
        return self.samples[first : bisect_right(self.samples, end_s, key=lambda sample: sample.at_s)]


@cache
def record(shape: Shape, *, seconds: float = RECORD_S) -> Record:
    """The record of 20 minutes all trials draw from."""
    samples = drawn(Random(1), shape, seconds=seconds)
    return Record(samples, sorted(sample.ms for sample in samples))


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What the trials have in common: true percentiles as a multiple of their limits, and what is wrong with the world."""

    of_limit: float = 0.96
    machine_noise: float = MACHINE_NOISE
    machines_differ: float = MACHINES_DIFFER
    stub_ms: float = 0.6
    late_ms: float = 0.8
    failing: float = 0.0
    overload: float = 1.0  # how many times as long everything takes in every other second, in which the stub is slow too
    rounds: int = ROUNDS
    shape: Shape = Shape()

    def limits(self) -> tuple[Limit, ...]:
        """The four limits, each at the same distance from the truth."""
        truth = record(self.shape)
        return tuple(
            Limit(limit.endpoint, limit.percentile, truth.percentile_ms(limit.percentile) / self.of_limit) for limit in LIMITS
        )


def trial(random: Random, setting: Setting) -> Outcome:
    """One run of the gate: round after round until it has decided."""
    machine = math.exp(random.gauss(0, setting.machine_noise))
    rule = Rule(limits=setting.limits(), looks=setting.rounds, machines_differ=setting.machines_differ)
    seen = Seen(samples={POST: [], STATUS: []}, stub=[], lateness=[])
    outcome: Outcome | None = None
    for look in range(1, setting.rounds + 1):
        seen = measured(random, seen, setting, look=look, machine=machine)
        outcome = decide(rule, seen, look=look, previous=outcome)
        if outcome.is_final:
            return outcome
    raise AssertionError("the last look is final")


def measured(random: Random, seen: Seen, setting: Setting, *, look: int, machine: float) -> Seen:
    """`seen` and one more round."""
    warm_up_s = WARM_UP_S if look == 1 else 0.0
    begin_s, length_s = 2 * (look - 1) * BLOCK_S + warm_up_s, BLOCK_S - CALM_S - warm_up_s
    slow = {second for second in range(ROUNDS * 20 + 1) if setting.overload > 1 and random.random() < 0.5}
    stored = record(setting.shape)
    samples: dict[str, list[Sample]] = {}
    for endpoint, before in seen.samples.items():
        block = stored.block(random, to_s=begin_s, length_s=length_s)
        times = [machine * (setting.overload if int(one.at_s) in slow else 1.0) for one in block]
        hit = [Sample(one.at_s, _or_fails(random, one.ms * factor, setting)) for one, factor in zip(block, times, strict=True)]
        samples[endpoint] = [*before, *hit]
    probed_s = [begin_s + k / 10 for k in range(int(length_s * 10))]
    stub = [
        Sample(at_s, random.lognormvariate(math.log(setting.stub_ms), 0.4) + 100.0 * (int(at_s) in slow)) for at_s in probed_s
    ]
    late = [Sample(at_s, random.expovariate(1 / setting.late_ms)) for at_s in probed_s]
    return Seen(samples=samples, stub=[*seen.stub, *stub], lateness=[*seen.lateness, *late])


def _or_fails(random: Random, ms: float, setting: Setting) -> float:
    return math.inf if random.random() < setting.failing else ms


def rulings(setting: Setting, *, trials: int, seed: int = 1) -> tuple[Counter[str], float]:
    """How often the gate said what, and after how many rounds on average."""
    outcomes = [trial(Random(f"{seed}:{number}"), setting) for number in range(trials)]
    return Counter(outcome.ruling.value for outcome in outcomes), sum(outcome.look for outcome in outcomes) / trials


def clopper_pearson(hits: int, trials: int, *, doubt: float = 0.05) -> tuple[float, float]:
    """The exact confidence interval of a rate of which `hits` in `trials` were seen."""

    def where(is_too_low: Callable[[float], bool]) -> float:
        low, high = 0.0, 1.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if is_too_low(middle) else (low, middle)
        return low

    def at_most(k: int, rate: float) -> float:
        return math.fsum(math.comb(trials, i) * rate**i * (1 - rate) ** (trials - i) for i in range(k + 1))

    low = where(lambda rate: 1 - at_most(hits - 1, rate) < doubt / 2) if hits else 0.0
    high = where(lambda rate: at_most(hits, rate) > doubt / 2) if hits < trials else 1.0
    return low, high


SHAPES = {
    "independent": Shape(skew=0.5, swing=0.0, pause_every_s=math.inf),
    "body and pauses of 60 ms": Shape(),
    "swing of 0.3 s": Shape(skew=0.3, swing=0.4, memory_s=0.3, pause_every_s=math.inf),
    "swing of 1 s": Shape(skew=0.3, swing=0.4, memory_s=1.0, pause_every_s=math.inf),
    "pauses of 200 ms": Shape(swing=0.0, pause_every_s=5.0, pause_ms=200.0),
}
PERCENTILES = (50, 95, 99)


def misses(shape: Shape, *, seconds: float, trials: int, doubt: float = 0.05) -> dict[float, tuple[float, float, float]]:
    """How often the bounds miss the truth below and above, and how often there is no upper bound: shares, by percentile."""
    truth = record(shape, seconds=TRUTH_S)
    counts = {percentile: [0, 0, 0] for percentile in PERCENTILES}
    for number in range(trials):
        samples = drawn(Random(f"{seconds}:{number}"), shape, seconds=seconds)
        for percentile, count in counts.items():
            found, true_ms = bounded(samples, percentile / 100, doubt=doubt), truth.percentile_ms(percentile)
            for index, missed in enumerate((found.low > true_ms, found.high < true_ms, found.high == math.inf)):
                count[index] += missed
    return {percentile: (low / trials, high / trials, none / trials) for percentile, (low, high, none) in counts.items()}


SETTINGS: dict[str, Setting] = {
    "A/A, true percentiles at 96 % of their limits": Setting(),
    "the same without the allowance for machines": Setting(machines_differ=0.0),
    "the same on one machine without noise": Setting(machine_noise=0.0),
    "at 80 %": Setting(of_limit=0.8),
    "at a third": Setting(of_limit=0.33),
    "10 % over the limits": Setting(of_limit=1.1),
    "25 % over the limits": Setting(of_limit=1.25),
    "50 % over the limits": Setting(of_limit=1.5),
    "overloaded: three times as slow, and the stub slow too": Setting(overload=3.0),
    "the generator is late by 15 ms": Setting(of_limit=0.5, late_ms=15.0),
    "every request fails": Setting(of_limit=0.5, failing=1.0),
    "one round of 4 s only": Setting(of_limit=0.5, rounds=1),
}


def main(words: Sequence[str] | None = None) -> None:
    """Print how often the gate says what in every setting, with 95 % intervals of the violated."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=200)
    given = parser.parse_args(words)
    print("Nominal 95 % bounds: truth missed below / above / no upper bound, in %\n")
    print("| latencies | samples | P50 | P95 | P99 |\n|---|--:|---|---|---|")
    for name, shape in SHAPES.items():
        for seconds in (10.0, 30.0, 90.0):
            found = misses(shape, seconds=seconds, trials=given.trials).values()
            cells = " | ".join(" / ".join(f"{share:.1%}".removesuffix("%") for share in shares) for shares in found)
            print(f"| {name} | {seconds * PER_SECOND:.0f} | {cells} |", flush=True)
    print()
    print("| setting | held | unknown | violated | 95 % interval of violated | rounds |\n|---|--:|--:|--:|---|--:|")
    for name, setting in SETTINGS.items():
        said, rounds = rulings(setting, trials=given.trials)
        low, high = clopper_pearson(said["violated"], given.trials)
        counts = f"{said['held']} | {said['unknown']} | {said['violated']}"
        print(f"| {name} | {counts} | {low:.1%} to {high:.1%} | {rounds:.1f} |", flush=True)


if __name__ == "__main__":
    main()
