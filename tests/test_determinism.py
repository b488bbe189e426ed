"""Same seed, same bytes: with the full reference, twenty times over, whatever the hash seed and whatever lies on the heap."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import pytest

from harness.runner import Order, execute

SCENARIOS = ("worker_crash", "redis_replies_lost")

IN_A_PROCESS_OF_ITS_OWN = """
import random, sys
garbage = [bytearray(random.Random(int(sys.argv[3])).randrange(1, 4096)) for _ in range(int(sys.argv[3]))]
from tests.test_determinism import digest
del garbage[::2]
print(digest(sys.argv[1], int(sys.argv[2])))
"""


def digest(name: str, seed: int) -> str:
    """What a run left behind, in one number."""
    performed = execute(Order(scenario=name, system="async", world="simulated", seed=seed), None)
    assert performed.history is not None
    return hashlib.sha256("\n".join(performed.history.lines()).encode()).hexdigest()


def digest_elsewhere(name: str, seed: int, *, hash_seed: str, garbage: int) -> str:
    done = subprocess.run(
        [sys.executable, "-c", IN_A_PROCESS_OF_ITS_OWN, name, str(seed), str(garbage)],
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout.strip()


@pytest.mark.parametrize("name", SCENARIOS)
def test_twenty_runs_leave_the_same_bytes(name: str) -> None:
    assert len({digest(name, 7) for _ in range(20)}) == 1


@pytest.mark.parametrize("name", SCENARIOS)
def test_another_process_leaves_the_same_bytes(name: str) -> None:
    here = digest(name, 7)
    others = [("0", 0), ("1", 5000), ("42", 20000), ("4294967295", 1)]
    assert {digest_elsewhere(name, 7, hash_seed=hash_seed, garbage=garbage) for hash_seed, garbage in others} == {here}


def test_another_seed_leaves_other_bytes() -> None:
    assert digest("worker_crash", 7) != digest("worker_crash", 8)
