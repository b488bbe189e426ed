"""What the processes count, seen through /metrics as Prometheus sees it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis as Client

from reference import connection, wiring
from reference.census import count
from reference.events import parse
from reference.intake import Intake, UnansweredError, UnavailableError
from reference.metrics import INGEST_OUTCOMES, ApiMetrics
from reference.queue import Delay
from reference.tally import LATENCY_BUCKETS
from tests.reference.queueing import finish, intake, seen_by, taken
from tests.reference.series import Series, series, value
from tests.reference.servers import Redis, eventually
from tests.reference.workbench import NOWHERE, Workbench, event


@pytest.fixture
def bench(redis: Redis) -> Workbench:
    """The asynchronous service."""
    return Workbench(
        redis.url, HIGH_WATER="3", BREAKER_FAILURES="2", BREAKER_RESET_SECONDS="60", MAIL_TIMEOUT_SECONDS="0.5", DRAIN_SECONDS="3"
    )


@pytest.fixture
async def api(bench: Workbench) -> AsyncIterator[httpx.AsyncClient]:
    """Its API."""
    async with bench.serving() as client:
        yield client


async def scraped(api: httpx.AsyncClient) -> Series:
    answer = await api.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=1")
    return series(answer.text)


async def of_worker(parts: wiring.WorkerParts) -> Series:
    return series((await parts.exposition.text()).decode())


async def test_every_post_is_counted_under_what_became_of_it_and_timed(api: httpx.AsyncClient) -> None:
    bodies = [event(), event(), event(data=1), {"id": "a/b"}, event("e2"), event("e3"), event("e4")]
    for body in bodies:
        await api.post("/ingest", json=body)
    found = await scraped(api)
    counted = {outcome: value(found, "ingest_requests_total", outcome=outcome) for outcome in INGEST_OUTCOMES}
    expected = {"accepted": 3, "duplicate": 1, "conflict": 1, "rejected": 1, "full": 1}
    assert counted == {outcome: expected.get(outcome, 0) for outcome in INGEST_OUTCOMES}
    assert value(found, "ingest_latency_seconds_count", outcome="accepted") == 3
    assert value(found, "ingest_latency_seconds_bucket", outcome="accepted", le="+Inf") == 3
    assert 0 < (value(found, "ingest_latency_seconds_sum", outcome="accepted") or 0) < 30


async def test_status_reads_are_counted_by_answer(api: httpx.AsyncClient) -> None:
    await api.post("/ingest", json=event())
    await api.get("/ingest/e1/status")
    await api.get("/ingest/nobody/status")
    found = await scraped(api)
    assert value(found, "ingest_status_reads_total", outcome="pending") == 1
    assert value(found, "ingest_status_reads_total", outcome="rejected") == 1
    assert value(found, "ingest_status_latency_seconds_count", outcome="pending") == 1


async def test_without_redis_posts_are_unavailable_and_the_queue_has_no_figures() -> None:
    async with Workbench(NOWHERE).serving() as api:
        await api.post("/ingest", json=event())
        found = await scraped(api)
    assert value(found, "ingest_requests_total", outcome="unavailable") == 1
    assert value(found, "ingest_queue_up") == 0
    assert value(found, "ingest_queue_depth") is None
    assert value(found, "ingest_oldest_age_seconds") is None


@pytest.mark.parametrize(
    ("raised", "status", "outcome"),
    [(UnansweredError(), 504, "unanswered"), (UnavailableError(), 503, "unavailable"), (RuntimeError(), 500, "error")],
)
async def test_what_goes_wrong_is_told_apart(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, raised: Exception, status: int, outcome: str
) -> None:
    async def fail(*_: object) -> None:
        raise raised

    monkeypatch.setattr(Intake, "accept", fail)
    assert (await api.post("/ingest", json=event())).status_code == status
    assert value(await scraped(api), "ingest_requests_total", outcome=outcome) == 1


async def test_the_synchronous_path_counts_posts_mails_and_its_breaker() -> None:
    bench = Workbench(BREAKER_FAILURES="1", BREAKER_RESET_SECONDS="60")
    async with bench.serving() as api:
        await api.post("/ingest", json=event())
        await api.post("/ingest", json=event())
        bench.provider.status = 503
        await api.post("/ingest", json=event("e2"))
        found = await scraped(api)
    assert value(found, "ingest_requests_total", outcome="processed") == 1
    assert value(found, "ingest_requests_total", outcome="duplicate") == 1
    assert value(found, "ingest_requests_total", outcome="unanswered") == 1
    assert value(found, "ingest_mails_total", outcome="sent") == 1
    assert value(found, "ingest_mails_total", outcome="transient") == 1
    assert value(found, "ingest_breaker_state", state="open") == 1
    assert value(found, "ingest_breaker_state", state="closed") == 0
    assert value(found, "ingest_queue_up") is None, "there is no queue on this path"


async def test_the_depth_is_everything_accepted_and_not_finished(api: httpx.AsyncClient, redis_client: Client) -> None:
    for name in ("e1", "e2", "e3"):
        await api.post("/ingest", json=event(name))
    queue = seen_by(redis_client, "one")
    await queue.create_group()
    first, second, _ = await taken(queue)
    await queue.delay([Delay(first.entry_id, first.key, 60.0), Delay(second.entry_id, second.key, 0.0, is_parked=True)])
    found = await scraped(api)
    assert value(found, "ingest_queue_up") == 1
    assert value(found, "ingest_queue_depth") == 3
    places = {place: value(found, "ingest_queue_entries", place=place) for place in ("stream", "delayed", "parked")}
    assert places == {"stream": 1, "delayed": 1, "parked": 1}


async def test_the_age_counts_from_the_acceptance_however_often_an_event_was_put_back(redis_client: Client) -> None:
    queue = seen_by(redis_client, "one")
    await queue.create_group()
    door = intake(redis_client)
    assert (await count(redis_client)).oldest_age_seconds == 0
    await door.accept(parse('{"id": "old", "source": "a5"}'))
    await make_older(redis_client, seconds=100)
    await door.accept(parse('{"id": "young", "source": "a5"}'))
    old, young = await taken(queue)
    await queue.delay([Delay(old.entry_id, old.key, 0.0)])
    await queue.tend()
    assert 100 <= (await count(redis_client)).oldest_age_seconds < 130
    (old,) = await taken(queue)
    await queue.finish([finish(old)])
    assert 0 <= (await count(redis_client)).oldest_age_seconds < 30, "the young one is left"
    await queue.finish([finish(young, status="failed")])
    assert await redis_client.exists(connection.OPEN) == 0
    census = await count(redis_client)
    assert (census.depth, census.oldest_age_seconds, census.dead_letters) == (0, 0, 1)


async def test_what_ended_unnoticed_does_not_age_for_ever(redis_client: Client) -> None:
    await redis_client.zadd(connection.OPEN, {connection.record_key("2:a5:gone"): 1})
    assert (await count(redis_client)).oldest_age_seconds == 0
    assert await redis_client.exists(connection.OPEN) == 0


async def test_a_worker_counts_entries_mails_dead_letters_and_the_breaker(bench: Workbench, api: httpx.AsyncClient) -> None:
    before = time.time()
    async with bench.working() as worker:
        await posted_and_ended(api, "sent", worker, outcome="completed")
        bench.provider.status = 400
        await posted_and_ended(api, "refused", worker, outcome="failed")
        bench.provider.status = 401
        await posted_and_ended(api, "waits", worker, outcome="delayed")
        await posted_and_ended(api, "parked", worker, outcome="parked")
        found = await of_worker(worker)
    mails = {outcome: value(found, "ingest_mails_total", outcome=outcome) for outcome in ("sent", "refused", "misconfigured")}
    assert mails == {"sent": 1, "refused": 1, "misconfigured": 1}
    assert (value(found, "ingest_mails_total", outcome="postponed") or 0) >= 1
    assert value(found, "ingest_breaker_state", state="open") == 1
    assert value(found, "ingest_dead_letters") == 1
    assert value(found, "ingest_queue_depth") == 2
    assert before <= (value(found, "ingest_worker_heartbeat_timestamp_seconds") or 0) <= time.time()


async def test_a_worker_shows_what_it_has_in_hand(bench: Workbench, api: httpx.AsyncClient) -> None:
    bench.provider.gate.clear()
    async with bench.working() as worker:
        await api.post("/ingest", json=event())
        await eventually(lambda: bench.provider.requests)
        assert value(await of_worker(worker), "ingest_in_flight") == 1


async def test_a_worker_whose_entry_was_taken_away_counts_it_lost(bench: Workbench, api: httpx.AsyncClient) -> None:
    async with bench.working() as worker:
        leases = worker.worker._leases
        leases._fresh_for_seconds = -1
        leases.queue.renew = everything_is_lost  # type: ignore[method-assign]
        await posted_and_ended(api, "e1", worker, outcome="lost")


async def test_processes_of_one_interpreter_do_not_share_their_counts() -> None:
    one, other = ApiMetrics(), ApiMetrics()
    one.ingested("accepted", 0.01)
    assert one.registry.get_sample_value("ingest_requests_total", {"outcome": "accepted"}) == 1
    assert other.registry.get_sample_value("ingest_requests_total", {"outcome": "accepted"}) == 0


def test_every_limit_is_a_bound() -> None:
    limits_seconds = {0.03, 0.05, 0.1, 0.02}  # P50, P95 and P99 of POST /ingest, P95 of a status
    assert limits_seconds <= set(LATENCY_BUCKETS)
    metrics = ApiMetrics()
    for seconds in (0.001, 0.05, 0.051, 100.0):
        metrics.ingested("accepted", seconds)

    def within(bound: str) -> float | None:
        return metrics.registry.get_sample_value("ingest_latency_seconds_bucket", {"outcome": "accepted", "le": bound})

    assert [within(bound) for bound in ("0.005", "0.03", "0.05", "0.1", "2.5", "+Inf")] == [1, 1, 2, 3, 3, 4]
    assert metrics.registry.get_sample_value("ingest_latency_seconds_sum", {"outcome": "accepted"}) == pytest.approx(100.102)
    assert metrics.registry.get_sample_value("ingest_latency_seconds_count", {"outcome": "accepted"}) == 4


async def everything_is_lost(entry_ids: Sequence[str]) -> list[str]:
    return list(entry_ids)


async def posted_and_ended(api: httpx.AsyncClient, name: str, worker: wiring.WorkerParts, *, outcome: str) -> None:
    assert (await api.post("/ingest", json=event(name))).status_code == 202

    async def is_counted() -> bool:
        return bool(value(await of_worker(worker), "ingest_entries_total", outcome=outcome))

    await eventually(is_counted)


async def make_older(client: Any, *, seconds: int) -> None:
    for member, score in await client.zrange(connection.OPEN, 0, -1, withscores=True):
        await client.zadd(connection.OPEN, {member: score - seconds * 1000})
