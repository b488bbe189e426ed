"""Trials of the gate: how often it says what it should. `python -m tests.harness.load.trials --trials 200`.

Every trial draws the blocks of its rounds at random from a record (`records.py`): one that is made up, or with `--runs DIR...`
the stored runs of `harness load`. Trials of the made-up one have a machine of their own each, which is faster or slower by 5 %
(one standard deviation) from beginning to end; real runs brought their machines with them.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from harness.load.contest import BLOCK_SECONDS, WARM_UP_BLOCKS, rounds_of
from harness.load.decision import MACHINES_DIFFER, Outcome, Rule, Seen, decide
from harness.load.percentiles import bounded, nearest_rank
from harness.load.samples import Sample
from harness.results import POST, STATUS
from harness.systems import Load
from tests.harness.load.records import PER_SECOND, Record, Shape, drawn, made_up, of_runs

ROUNDS = rounds_of(Load()) - WARM_UP_BLOCKS
TRUTH_S = 6000.0  # long enough to call its percentiles the truth
MACHINE_NOISE = 0.05
STUB_IN_OVERLOAD_MS = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What the trials have in common: true percentiles as a multiple of their limits, and what is wrong with the world."""

    of_limit: float = 0.96
    machine_noise: float = MACHINE_NOISE
    machines_differ: float = MACHINES_DIFFER
    failing: float = 0.0
    overload: float = 1.0  # how many times as long everything takes in every other second, in which the stub is slow too
    rounds: int = ROUNDS
    within_a_run: bool = False  # whether all blocks of a trial come from one run, so that it has that day's machine


def trial(random: Random, setting: Setting, record: Record) -> Outcome:
    """One run of the gate: round after round until it has decided."""
    factor = setting.of_limit * math.exp(random.gauss(0, setting.machine_noise))
    rule = Rule(limits=record.limits, looks=setting.rounds, machines_differ=setting.machines_differ)
    blocks = random.choice(record.runs) if setting.within_a_run else record.blocks
    seen = Seen(samples={POST: [], STATUS: []}, stub=[], lateness=[])
    outcome: Outcome | None = None
    for look in range(1, setting.rounds + 1):
        block = _suffered(random, random.choice(blocks), setting, factor=factor)
        seen = _joined(seen, block, at_s=2 * look * BLOCK_SECONDS)
        outcome = decide(rule, seen, look=look, previous=outcome)
        if outcome.is_final:
            return outcome
    raise AssertionError("the last look is final")


def _suffered(random: Random, block: Seen, setting: Setting, *, factor: float) -> Seen:
    """A block as it would have been in this setting."""
    slow = {second for second in range(-1, int(BLOCK_SECONDS)) if setting.overload > 1 and random.random() < 0.5}

    def took_ms(one: Sample) -> float:
        if random.random() < setting.failing:
            return math.inf
        return one.ms * factor * (setting.overload if math.floor(one.at_s) in slow else 1.0)

    return Seen(
        samples={endpoint: [replace(one, ms=took_ms(one)) for one in listed] for endpoint, listed in block.samples.items()},
        stub=[Sample(one.at_s, one.ms + STUB_IN_OVERLOAD_MS * (math.floor(one.at_s) in slow)) for one in block.stub],
        lateness=block.lateness,
    )


def _joined(seen: Seen, block: Seen, *, at_s: float) -> Seen:
    """`seen`, and a block from `at_s` on."""

    def moved(listed: Sequence[Sample]) -> list[Sample]:
        return [replace(one, at_s=at_s + one.at_s) for one in listed]

    return Seen(
        samples={endpoint: [*before, *moved(block.samples[endpoint])] for endpoint, before in seen.samples.items()},
        stub=[*seen.stub, *moved(block.stub)],
        lateness=[*seen.lateness, *moved(block.lateness)],
    )


def rulings(setting: Setting, record: Record | None = None, *, trials: int, seed: int = 1) -> tuple[Counter[str], float]:
    """How often the gate said what, and after how many rounds on average; without a record that of a made-up machine."""
    drawn_from = record or made_up()
    outcomes = [trial(Random(f"{seed}:{number}"), setting, drawn_from) for number in range(trials)]
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
    truth = sorted(sample.ms for sample in drawn(Random(1), shape, seconds=TRUTH_S))
    counts = {percentile: [0, 0, 0] for percentile in PERCENTILES}
    for number in range(trials):
        samples = drawn(Random(f"{seconds}:{number}"), shape, seconds=seconds)
        for percentile, count in counts.items():
            found, true_ms = bounded(samples, percentile / 100, doubt=doubt), nearest_rank(truth, percentile / 100)
            for index, missed in enumerate((found.low > true_ms, found.high < true_ms, found.high == math.inf)):
                count[index] += missed
    return {percentile: (low / trials, high / trials, none / trials) for percentile, (low, high, none) in counts.items()}


SETTINGS: dict[str, tuple[Setting, Shape]] = {
    "A/A, true percentiles at 96 % of their limits": (Setting(), Shape()),
    "the same without the allowance for machines": (Setting(machines_differ=0.0), Shape()),
    "the same on one machine without noise": (Setting(machine_noise=0.0), Shape()),
    "at 80 %": (Setting(of_limit=0.8), Shape()),
    "at a third": (Setting(of_limit=0.33), Shape()),
    "10 % over the limits": (Setting(of_limit=1.1), Shape()),
    "25 % over the limits": (Setting(of_limit=1.25), Shape()),
    "25 % over, on a machine with swings of 1 s": (Setting(of_limit=1.25), SHAPES["swing of 1 s"]),
    "50 % over the limits": (Setting(of_limit=1.5), Shape()),
    "overloaded: three times as slow, and the stub slow too": (Setting(overload=3.0), Shape()),
    "the generator is late by 15 ms": (Setting(of_limit=0.5), Shape(late_ms=15.0)),
    "every request fails": (Setting(of_limit=0.5, failing=1.0), Shape()),
    "one round only": (Setting(of_limit=0.5, rounds=1), Shape()),
}
OF_RUNS = {
    "A/A, true percentiles at 96 % of their limits": Setting(machine_noise=0.0),
    "at 80 %": Setting(machine_noise=0.0, of_limit=0.8),
    "at a third": Setting(machine_noise=0.0, of_limit=0.33),
    "25 % over the limits": Setting(machine_noise=0.0, of_limit=1.25),
    "50 % over the limits": Setting(machine_noise=0.0, of_limit=1.5),
    "A/A at 96 %, each trial from one run": Setting(machine_noise=0.0, within_a_run=True),
    "at 80 %, each trial from one run": Setting(machine_noise=0.0, of_limit=0.8, within_a_run=True),
    "25 % over, each trial from one run": Setting(machine_noise=0.0, of_limit=1.25, within_a_run=True),
    "overloaded: three times as slow, and the stub slow too": Setting(machine_noise=0.0, overload=3.0),
}


def _tell_bounds(trials: int) -> None:
    print("Nominal 95 % bounds: truth missed below / above / no upper bound, in %\n")
    print("| latencies | samples | P50 | P95 | P99 |\n|---|--:|---|---|---|")
    for name, shape in SHAPES.items():
        for seconds in (10.0, 30.0, 90.0):
            found = misses(shape, seconds=seconds, trials=trials).values()
            cells = " | ".join(" / ".join(f"{share:.1%}".removesuffix("%") for share in shares) for shares in found)
            print(f"| {name} | {seconds * PER_SECOND:.0f} | {cells} |", flush=True)
    print()


def _tell_rulings(settings: Mapping[str, tuple[Setting, Record]], trials: int) -> None:
    print("| setting | held | unknown | violated | 95 % interval of violated | rounds |\n|---|--:|--:|--:|---|--:|")
    for name, (setting, record) in settings.items():
        said, rounds = rulings(setting, record, trials=trials)
        low, high = clopper_pearson(said["violated"], trials)
        counts = f"{said['held']} | {said['unknown']} | {said['violated']}"
        print(f"| {name} | {counts} | {low:.1%} to {high:.1%} | {rounds:.1f} |", flush=True)


def _tell_of_runs(folders: Sequence[Path], trials: int, rounds: int) -> None:
    record = of_runs(folders)
    for what, one in (
        ("as it was, with limits at its own percentiles", record),
        ("stretched to the criteria", record.stretched()),
    ):
        limits = ", ".join(f"{limit} {limit.limit_ms:.1f} ms" for limit in one.limits)
        print(f"\n{len(one.blocks)} blocks, {what} ({limits})\n")
        _tell_rulings({name: (replace(setting, rounds=rounds), one) for name, setting in OF_RUNS.items()}, trials)


def main(words: Sequence[str] | None = None) -> None:
    """Print how often the gate says what in every setting, with 95 % intervals of the violated."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--runs", type=Path, nargs="+", metavar="DIR", help="draw from these stored load runs instead")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"of 9 s in each of those trials, at most (default {ROUNDS})")
    given = parser.parse_args(words)
    if given.runs:
        _tell_of_runs(given.runs, given.trials, given.rounds)
    else:
        _tell_bounds(given.trials)
        _tell_rulings({name: (setting, made_up(shape)) for name, (setting, shape) in SETTINGS.items()}, given.trials)


if __name__ == "__main__":
    main()
