"""POST /ingest against a FastAPI endpoint that does nothing, against the draft, and against one round trip for each request.

Every API is a process of its own under the same server (uvicorn with uvloop and httptools), sent the same body by a generator
process, in turns in one run. Requests by CPU second of the API's process, 64 at a time; and latencies at 300 requests a second,
open load, from the intended moment. Metrics are on, as always; tracing is off but in the arm that says so.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import socket
from typing import Any

import redis as blocking

from tests.benchmarks.collector import collect
from tests.benchmarks.rounds import Rounds, judge
from tests.benchmarks.stack import Server, Stack, stack

ROUNDS = 9
REQUESTS = 5_000
OF_THE_DRAFT = 1_000
LATENCY_ROUNDS = 4
PER_SECOND = 300
ONE_OF_THE_SLOWEST = 0.95


async def started(made: Stack, spans_to: int) -> dict[str, Server]:
    """The arms, listening."""
    otlp = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{spans_to}"}
    api = ("reference", "api", "--port")
    return {
        "noop": made.serve("tests.benchmarks.noop"),
        "reference": made.serve(*api),
        "traced": made.serve(*api, env=otlp),
        "long_way": made.serve(*api, env={"FAST_PATH": "false"}),
        "one_by_one": made.serve("tests.benchmarks.one_by_one", *api[1:]),
        "draft": made.serve("reference.draft", "api", "--port"),
    }


async def measured(spans_to: int, *, fsync: str) -> tuple[Rounds, Rounds]:
    """Requests by CPU second, and P95 in milliseconds."""
    async with stack(fsync=fsync) as made:
        arms, client = await started(made, spans_to), blocking.Redis.from_url(made.redis_url)

        async def per_cpu_second(arm: str, number: int) -> float:
            client.flushall()
            requests, began = OF_THE_DRAFT if arm == "draft" else REQUESTS, arms[arm].cpu_s()
            await arms[arm].post(f"{arm}-{number}", requests=requests)
            return requests / (arms[arm].cpu_s() - began)

        async def p95_ms(arm: str, number: int) -> float:
            seen = await arms[arm].post(f"{arm}-late-{number}", requests=5 * PER_SECOND, per_second=PER_SECOND)
            return float(sorted(seen["latencies_ms"])[int(ONE_OF_THE_SLOWEST * 5 * PER_SECOND)])

        costs, latencies = Rounds(), Rounds()
        await costs.run(list(arms), per_cpu_second, rounds=ROUNDS)
        await latencies.run(["noop", "reference", "traced"], p95_ms, rounds=LATENCY_ROUNDS)
        client.close()
    return costs, latencies


def test_post_ingest(benchmark: Any) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    collector = multiprocessing.get_context("fork").Process(target=collect, args=(listener,), daemon=True)
    collector.start()
    try:
        # The endpoint that does nothing does not wait for a disk either; docs/speed.md says what `always` costs.
        work = lambda: asyncio.run(measured(listener.getsockname()[1], fsync="everysec"))  # noqa: E731
        costs, latencies = benchmark.pedantic(work, rounds=1)
    finally:
        collector.kill()
        collector.join()
    by_noop = {arm: costs.ratio(arm, "noop") for arm in costs.figures}
    ours, by_draft, late = by_noop["reference"], costs.ratio("reference", "draft"), latencies.ratio("reference", "noop")
    benchmark.extra_info |= {
        "requests_per_cpu_s": costs.told(),
        "p95_ms": latencies.told(),
        "against_noop": {arm: round(ratio, 2) for arm, ratio in by_noop.items()},
        "against_draft": round(by_draft, 1),
        "p95_against_noop": round(late, 2),
    }
    judge({f"requests per CPU second are {by_draft:.1f} of the draft's, not 5": by_draft >= 5})
    costs.require_quiet()
    judge({f"requests per CPU second are {ours:.2f} of an endpoint's that does nothing, not 1.5": ours >= 1.5})
    latencies.require_quiet()
    judge({f"the P95 is {late:.2f} of an endpoint's that does nothing, above 1.5": late <= 1.5})
