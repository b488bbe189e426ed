"""What one core of our Locust user sends, against plain FastHttpUser, and how late it sends at that rate.

Both talk to the bare stub. Plain users are a closed loop and as fast as they can be; ours is offered rising rates. Requests per
core are requests by CPU seconds of Locust's process, its start not counted. Nothing fails for being slow.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.worlds.real.ports import Ports
from harness.worlds.real.stub import PROGRAM
from tests.command import ROOT

LOADTESTS = ROOT / "loadtests" / "locustfile.py"
PLAIN = Path(__file__).resolve().parent / "plain_user.py"
SECONDS = 5
SHARES_OF_PLAIN = (0.5, 0.8, 1.0)
STARTS = 3
SHARES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True)
class Work:
    """One run of Locust."""

    requests: int
    cpu_s: float

    @property
    def per_core(self) -> float:
        return self.requests / self.cpu_s


@pytest.fixture
def stub() -> Iterator[str]:
    ports = Ports()
    port = ports.draw()
    process = subprocess.Popen([sys.executable, "-I", "-S", str(PROGRAM), str(port)])
    yield f"http://127.0.0.1:{port}"
    process.kill()
    process.wait()
    ports.close()


def test_our_user_against_the_plain_one(benchmark: Any, stub: str, tmp_path: Path) -> None:
    idle = ("--post-rate", 0, "--read-rate", 0, "-t", "1s")
    start_cpu_s = min(run(LOADTESTS, stub, tmp_path, *idle).cpu_s for _ in range(STARTS))
    plain = benchmark.pedantic(lambda: run(PLAIN, stub, tmp_path, "-u", 10, "-r", 100, "-t", f"{SECONDS}s"), rounds=1)
    plain_per_core = plain.requests / (plain.cpu_s - start_cpu_s)
    benchmark.extra_info |= {"plain_per_s": round(plain.requests / SECONDS), "plain_per_core_s": round(plain_per_core)}
    for share in SHARES_OF_PLAIN:
        rate = round(share * plain.requests / SECONDS)
        record = tmp_path / "record.jsonl"
        ours = run(LOADTESTS, stub, tmp_path, "--post-rate", rate, "--read-rate", 0, "-t", f"{SECONDS}s", "--record", record)
        per_core = ours.requests / (ours.cpu_s - start_cpu_s)
        benchmark.extra_info[f"offered_{rate}_per_s"] = {
            "per_core_s": round(per_core),
            "against_plain": round(per_core / plain_per_core, 2),
            "lateness_ms": lateness_ms(record),
        }


def run(file: Path, host: str, folder: Path, *words: object) -> Work:
    """Locust once; what it cost comes from the system's own books."""
    figures = folder / "figures"
    options = ["--headless", "--only-summary", "--json-file", figures, "--exit-code-on-error", 0, "--host", host, *words]
    command = [sys.executable, "-m", "locust", "-f", str(file), *map(str, options)]
    with (folder / "locust.log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, (folder / "locust.log").read_text()
    rows = json.loads(figures.with_suffix(".json").read_text())  # Locust adds the suffix
    requests = sum(row["num_requests"] for row in rows if row["method"])
    return Work(requests, usage.ru_utime + usage.ru_stime)


def lateness_ms(record: Path) -> dict[str, float]:
    """How much later than intended requests were sent."""
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    late = sorted((line["sent"] - line["due"]) * 1e3 for line in lines if line["kind"] == "post")
    return {name: round(late[math.ceil(share * len(late)) - 1], 2) for name, share in SHARES.items()}
