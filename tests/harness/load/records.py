"""Records that trials of the gate draw from: one that is made up, and one of real load runs.

The one is a latency record as a busy service leaves it (a skewed body, a machine that is now faster and now slower, pauses that
hit all who wait), the other the stored histories of `harness load`. Both are cut into the blocks a system is loaded in, so that
bursts stay bursts, and what slowed service, stub and generator together stays together. Next: trials.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import pairwise
from pathlib import Path
from random import Random

from harness.history import History
from harness.load.contest import BLOCK_SECONDS, CALM_SECONDS
from harness.load.decision import Limit, Seen
from harness.load.percentiles import nearest_rank
from harness.load.samples import Sample, of_endpoint, of_lateness, of_stub
from harness.results import POST, STATUS

PROMISED = ((POST, 50, 30.0), (POST, 95, 50.0), (POST, 99, 100.0), (STATUS, 95, 20.0))
LIMITS = tuple(Limit(*promised) for promised in PROMISED)
RECORD_S = 1200.0
PER_SECOND = 50.0
CLOCKS_DIFFER_S = 0.2  # between the generator's schedule and the history's zero


@dataclass(frozen=True)
class Record:
    """The blocks of one run or several, each as it was seen from its own second 0 on."""

    runs: Sequence[Sequence[Seen]]

    @cached_property
    def blocks(self) -> Sequence[Seen]:
        """Those of all runs."""
        return [block for run in self.runs for block in run]

    @cached_property
    def limits(self) -> tuple[Limit, ...]:
        """Limits that all samples together just meet: the truth of every trial that draws from this record."""
        ordered = {
            endpoint: sorted(sample.ms for block in self.blocks for sample in block.samples[endpoint])
            for endpoint in (POST, STATUS)
        }
        return tuple(replace(limit, limit_ms=nearest_rank(ordered[limit.endpoint], limit.share)) for limit in LIMITS)

    def stretched(self) -> Record:
        """The same as if the truth were exactly what is promised. Order, and so every burst, stays; stub and lateness do too."""
        curves = {
            endpoint: _curve([pair for pair in zip(self.limits, LIMITS, strict=True) if pair[1].endpoint == endpoint])
            for endpoint in (POST, STATUS)
        }
        return Record([[replace(block, samples=_mapped(block.samples, curves)) for block in run] for run in self.runs])


def _curve(points: Sequence[tuple[Limit, Limit]]) -> Callable[[float], float]:
    """Straight lines from 0 through the percentiles as they are and as they shall be, and on in proportion."""
    knots = [(0.0, 0.0), *((now.limit_ms, wanted.limit_ms) for now, wanted in points)]

    def at(ms: float) -> float:
        for (x0, y0), (x1, y1) in pairwise(knots):
            if ms <= x1:
                return y0 + (ms - x0) * (y1 - y0) / (x1 - x0)
        return ms * knots[-1][1] / knots[-1][0]

    return at


def _mapped(
    samples: Mapping[str, Sequence[Sample]], curves: Mapping[str, Callable[[float], float]]
) -> dict[str, Sequence[Sample]]:
    return {endpoint: [replace(one, ms=curves[endpoint](one.ms)) for one in listed] for endpoint, listed in samples.items()}


def of_runs(folders: Sequence[Path]) -> Record:
    """What load runs left of the judged system, without each one's first block, the warm-up. Raises ValueError if none did."""
    paths = [path for folder in folders for path in sorted(folder.glob("scenarios/load-after-real-*/history.jsonl"))]
    runs = [blocks for path in paths if (blocks := _blocks(History.load(path))[1:])]
    if not runs:
        raise ValueError(f"no load run in {', '.join(map(str, folders))}: name folders that `harness load --out` wrote")
    return Record(runs)


def _blocks(history: History) -> list[Seen]:
    """The blocks in which this system was loaded."""
    samples = {endpoint: _cut(of_endpoint(history, endpoint)) for endpoint in (POST, STATUS)}
    stub, lateness = _cut(of_stub(history)), _cut(of_lateness(history))
    return [
        Seen(
            samples={endpoint: samples[endpoint].get(number, []) for endpoint in samples},
            stub=stub.get(number, []),
            lateness=late,
        )
        for number, late in sorted(lateness.items())
    ]


def _cut(samples: Sequence[Sample]) -> dict[int, list[Sample]]:
    blocks: dict[int, list[Sample]] = {}
    for one in samples:
        number = int((one.at_s + CLOCKS_DIFFER_S) // BLOCK_SECONDS)
        blocks.setdefault(number, []).append(replace(one, at_s=one.at_s - number * BLOCK_SECONDS))
    return blocks


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How made-up latencies come: body and its skew, swing and memory of the machine, pauses; stub and lateness beside them."""

    body_ms: float = 28.0
    skew: float = 0.25
    swing: float = 0.15
    memory_s: float = 0.5
    pause_every_s: float = 3.0
    pause_ms: float = 60.0
    stub_ms: float = 0.6
    late_ms: float = 0.8


@cache
def made_up(shape: Shape = Shape()) -> Record:
    """20 minutes of it in blocks."""
    random = Random(1)
    latencies = {endpoint: _cut(drawn(random, shape, seconds=RECORD_S)) for endpoint in (POST, STATUS)}
    length_s = BLOCK_SECONDS - CALM_SECONDS
    probed_s = [k / 10 for k in range(int(length_s * 10))]
    blocks = [
        Seen(
            samples={endpoint: [one for one in cut[number] if one.at_s < length_s] for endpoint, cut in latencies.items()},
            stub=[Sample(at_s, random.lognormvariate(math.log(shape.stub_ms), 0.4)) for at_s in probed_s],
            lateness=[Sample(at_s, random.expovariate(1 / shape.late_ms)) for at_s in probed_s],
        )
        for number in range(round(RECORD_S / BLOCK_SECONDS))
    ]
    return Record([blocks])


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
