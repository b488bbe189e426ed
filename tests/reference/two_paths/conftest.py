"""Both paths on one pair, with a real Redis and a real Postgres; every process has connections of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from reference.postgres import PostgresStore
from reference.wiring import ApiParts
from tests.reference.servers import Postgres, Redis
from tests.reference.workbench import Workbench

SETTINGS = {"ACCEPT_DEADLINE_SECONDS": "0.5", "RECLAIM_SECONDS": "10", "RETRY_CAP_SECONDS": "0.2", "HIGH_WATER": "1000"}


def bench_on(redis: Redis, postgres: Postgres) -> Workbench:
    bench = Workbench(redis.url)
    bench.env |= SETTINGS
    bench.open_store = lambda: PostgresStore(postgres.url)
    return bench


@pytest.fixture
async def bench(redis: Redis, postgres: Postgres) -> AsyncIterator[Workbench]:
    """A service whose servers are empty."""
    bench = bench_on(redis, postgres)
    yield bench
    await bench.close()


@pytest.fixture
async def mortal(own_redis: Redis, postgres: Postgres) -> AsyncIterator[Workbench]:
    """A service whose Redis the test may kill."""
    bench = bench_on(own_redis, postgres)
    yield bench
    await bench.close()


@pytest.fixture
def api(bench: Workbench) -> ApiParts:
    """One API process."""
    return bench.api()
