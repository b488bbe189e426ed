"""How much memory a worker needs for the longest events that the API takes, with the settings the service comes with."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from random import SystemRandom
from typing import Any

import redis as blocking

from reference.connection import OPEN, connect
from reference.events import parse
from reference.intake import Intake
from tests.benchmarks.stack import stack

EVENTS = 300
DATA = "[" + ",".join(["1234"] * 50_000) + "]"  # 250 kB of numbers, which Python keeps in several times as many bytes
WITHIN_SECONDS = 60
LIMIT_MB = 256  # half of what deploy/kubernetes/worker.yaml allows


async def worked(env: dict[str, str]) -> tuple[float, int]:
    """The most memory that a worker had, in MB, until all events had ended or a minute was over; and how many had not."""
    async with stack() as made:
        redis = connect(made.redis_url, timeout_seconds=30, connect_timeout_seconds=5)
        intake = Intake(redis, random=SystemRandom(), high_water=EVENTS, deadline_seconds=WITHIN_SECONDS)
        for number in range(EVENTS):
            await intake.accept(parse(f'{{"id": "long-{number}", "source": "bench", "data": {DATA}}}'))
        await redis.aclose()
        worker = made.run("reference", "worker", env=env)
        with blocking.Redis.from_url(made.redis_url) as client:
            for _ in range(10 * WITHIN_SECONDS):
                if not client.zcard(OPEN):
                    break
                await asyncio.sleep(0.1)
            return peak_mb(worker.pid), client.zcard(OPEN)


def peak_mb(pid: int) -> float:
    told = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert told is not None
    return int(told[1]) / 1000


def test_the_longest_events_need_little_memory(benchmark: Any) -> None:
    ours, left = benchmark.pedantic(lambda: asyncio.run(worked({})), rounds=1)
    by_count, left_by_count = asyncio.run(worked({"BATCH_BYTES": "1000000000"}))
    benchmark.extra_info |= {"most_mb": round(ours), "bounded_by_count_mb": round(by_count), "left_by_count": left_by_count}
    assert left == 0
    assert ours <= LIMIT_MB
