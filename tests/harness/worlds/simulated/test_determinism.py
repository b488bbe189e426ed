"""Same seed, same bytes: within a process, across hash seeds, and whatever the heap looked like before."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness import faults, systems, traffic
from harness.faults import Planned, amid_work, between, upon
from harness.worlds.simulated.processes import Operations, Process
from tests.harness.worlds.simulated.staging import TOY, digest, staged

ROOT = Path(__file__).resolve().parents[4]
LOAD = traffic.steady(per_second=0.7, for_seconds=12) + traffic.storm(events=2, copies=4, at_seconds=(2, 7))
PLANS: tuple[tuple[Planned, ...], ...] = (
    (upon(amid_work(after_seconds=3), faults.WorkerCrashes(), for_seconds=3), between(8, 11, faults.SendGridAnswers(503))),
    (upon(amid_work(after_seconds=3), faults.WorkerFreezes(), for_seconds=6), between(7, 9, faults.RedisCrashes())),
    (between(2, 8, faults.RedisLosesReplies("worker")), between(4, 6, faults.PostgresCrashes())),
    (between(3, 3, faults.Deploys()), between(3, 11, faults.SendGridLosesReplies(0.5))),
)


def traces(system: str, *, times: int = 1) -> list[list[str]]:
    """Digests of every plan's history, `times` over."""
    offers = systems.load(system).offers
    plans = [plan for plan in PLANS if all(planned.fault.needs in offers for planned in plan)]
    return [[digest(staged(*plan, seed=seed, load=LOAD, system=system)) for seed, plan in enumerate(plans)] for _ in range(times)]


def test_twenty_runs_leave_the_same_trace() -> None:
    assert len({digest(staged(*PLANS[0], seed=0, load=LOAD)) for _ in range(20)}) == 1
    assert len({tuple(run) for run in traces(TOY, times=2)}) == 1


def test_other_seeds_leave_other_traces() -> None:
    assert len({digest(staged(seed=seed)) for seed in range(5)}) == 5


def test_every_operation_happens_at_the_same_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    offer = Operations.offer

    def noted(self: Operations, process: Process, kind: str, payload: bytes) -> bool:
        seen[-1].append(f"{process._loop.time():.9f} {process.name} {kind} {payload!r}")
        return offer(self, process, kind, payload)

    monkeypatch.setattr(Operations, "offer", noted)
    for _ in range(3):
        seen.append([])
        staged(*PLANS[0], seed=5, load=LOAD)
    assert len(seen[0]) > 200
    assert seen[0] == seen[1] == seen[2]


@pytest.mark.parametrize("system", [TOY, *(name for name in ("async", "sync") if name in systems.built_in())])
def test_hash_seed_and_heap_history_change_nothing(system: str) -> None:
    there = [in_another_process(system, hash_seed=hash_seed, garbage=1000 * hash_seed) for hash_seed in (1, 77)]
    assert there[0] == there[1]
    assert there[0] == repr(traces(system))


def in_another_process(system: str, *, hash_seed: int, garbage: int) -> str:
    """The traces as a fresh interpreter sees them, after it has filled its heap with something else."""
    code = (
        f"heap = [[] for _ in range({garbage})]; del heap[::3]\n"
        f"from tests.harness.worlds.simulated.test_determinism import traces\nprint(traces({system!r}))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
