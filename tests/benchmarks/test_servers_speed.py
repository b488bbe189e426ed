"""How soon a fresh Valkey and a fresh Postgres are ready, once the machine has made Postgres' template: wall seconds."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

from harness import systems
from harness.worlds.real.ports import Ports
from harness.worlds.real.processes import Guard
from harness.worlds.real.servers import Site, start_servers

ROUNDS = 5


def test_fresh_servers_are_ready(benchmark: Any) -> None:
    waits_s: list[float] = []
    benchmark.pedantic(lambda: waits_s.append(asyncio.run(ready_after_s())), rounds=ROUNDS, warmup_rounds=1)
    warm_s = waits_s[1:]  # the first start may have had to make the template
    benchmark.extra_info |= {
        "ready_min_ms": round(min(warm_s) * 1e3),
        "ready_median_ms": round(statistics.median(warm_s) * 1e3),
        "first_ms": round(waits_s[0] * 1e3),
    }


async def ready_after_s() -> float:
    """Start both side by side in a guarded folder, and take everything away again."""
    folder = Path(tempfile.gettempdir(), f"stack-{uuid.uuid4().hex}")  # not pytest's, which nobody else may enter
    guard, ports = await Guard.start(folder), Ports()
    try:
        began = time.perf_counter()
        await start_servers(systems.load("async"), {}, Site(guard=guard, ports=ports, logs=folder))
        return time.perf_counter() - began
    finally:
        await guard.stop()
        ports.close()
