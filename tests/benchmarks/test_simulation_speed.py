"""What simulating costs: a long outage, a thousand small runs on two processes, and memory over two thousand.

Nothing fails for being slow: the figures are in `extra_info`. CPU milliseconds are those of the run, checkers apart.
"""

from __future__ import annotations

import gc
import multiprocessing
import resource
import statistics
from pathlib import Path
from typing import Any

from tests.benchmarks.shapes import LONG_OUTAGE, SMALL, Cost, simulate_once

PROCESSES = 2
SMALL_RUNS = 1_000
MEMORY_RUNS = 2_000
MEMORY_EVERY = 500


def small_run(seed: int) -> Cost:
    """One of many, in whichever process has time."""
    return simulate_once(SMALL, seed=seed)


def test_a_long_outage(benchmark: Any) -> None:
    seeds = iter(range(1, 1_000))
    costs: list[Cost] = []
    benchmark.pedantic(lambda: costs.append(simulate_once(LONG_OUTAGE, seed=next(seeds))), rounds=10, warmup_rounds=1)
    benchmark.extra_info |= figures(costs[1:])  # the first one imports and compiles
    benchmark.extra_info["simulated_s"] = round(costs[-1].simulated_s, 1)


def test_a_small_run(benchmark: Any) -> None:
    seeds = iter(range(1, 1_000))
    costs: list[Cost] = []
    benchmark.pedantic(lambda: costs.append(small_run(next(seeds))), rounds=40, warmup_rounds=1)
    benchmark.extra_info |= figures(costs[1:])


def test_a_thousand_small_runs_on_two_processes(benchmark: Any) -> None:
    costs: list[Cost] = []
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        pool.map(small_run, range(PROCESSES))  # imports are not what is measured
        benchmark.pedantic(lambda: costs.extend(pool.map(small_run, range(1, SMALL_RUNS + 1), chunksize=5)), rounds=1)
    benchmark.extra_info |= figures(costs)
    benchmark.extra_info["runs"] = len(costs)


def test_memory_stays_flat(benchmark: Any) -> None:
    # In a process of its own, as a campaign runs them: pytest keeps every log record here, and with it what it tells of.
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        marks = benchmark.pedantic(lambda: pool.apply(memory_marks, (MEMORY_RUNS, MEMORY_EVERY)), rounds=1)
    benchmark.extra_info["after_runs"] = marks


def memory_marks(runs: int, every: int) -> dict[int, dict[str, float]]:
    """Resident memory and the objects the collector knows, after every so many runs; 0 is after a first one."""
    marks: dict[int, dict[str, float]] = {}
    for number in range(runs + 1):
        small_run(number)
        if number % every == 0:
            gc.collect()
            marks[number] = {"resident_mb": round(resident_mb(), 1), "objects": len(gc.get_objects())}
    return marks


def figures(costs: list[Cost]) -> dict[str, float]:
    """CPU milliseconds of runs and of their checkers."""
    runs = [cost.run_ms for cost in costs]
    return {
        "run_min_cpu_ms": round(min(runs), 1),
        "run_median_cpu_ms": round(statistics.median(runs), 1),
        "checkers_median_cpu_ms": round(statistics.median(cost.judge_ms for cost in costs), 1),
    }


def resident_mb() -> float:
    """What this process holds of the machine's memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6
