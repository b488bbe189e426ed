"""How the parts are put together, once for real processes and once for simulated ones: what differs is given.

Where to go next: ``__main__`` (real) and ``simulation`` (simulated) give, ``api`` and ``worker`` take.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from random import Random

import httpx
from redis.asyncio import Redis

from reference.api_key import ApiKey
from reference.backoff import Backoff
from reference.batch import Batches
from reference.breaker import Breaker
from reference.connection import connect
from reference.delivery import Delivery
from reference.exposition import Exposition
from reference.flag import Flag, default_percent
from reference.handover import Handover
from reference.intake import Intake
from reference.lease import Leases
from reference.mailer import Mailer
from reference.markers import Markers
from reference.metrics import ApiMetrics, MailMetrics, WorkerMetrics
from reference.postman import Postman
from reference.queue import Queue
from reference.settings import Settings
from reference.status import Statuses
from reference.store import Store
from reference.synchronous import SynchronousPath
from reference.telemetry import Tracing
from reference.watch import Watch
from reference.worker import Worker

API_CALL_SECONDS = 0.4  # two calls and a new connection fit into the accept deadline
_WORKER_CALL_SECONDS = 2.0
_OPERATORS_CALL_SECONDS = 5.0


@dataclass(frozen=True)
class Surroundings:
    """What a process is given: settings, entropy, the event store, the way to the mail provider, tracing if it is on."""

    name: str
    settings: Settings
    random: Random
    store: Store
    transport: httpx.AsyncBaseTransport
    tracing: Tracing | None = None

    @property
    def backoff(self) -> Backoff:
        """This process' waits."""
        return Backoff(self.random, self.settings.retry_base_seconds, self.settings.retry_cap_seconds)


@dataclass(frozen=True)
class ApiParts:
    """What the API is made of: both paths and the flag between them; without Redis the synchronous path alone."""

    settings: Settings
    api_key: ApiKey
    redis: Redis | None
    store: Store
    statuses: Statuses
    handover: Handover | None
    synchronous: SynchronousPath
    markers: Markers | None
    flag: Flag
    metrics: ApiMetrics
    exposition: Exposition
    tracing: Tracing | None
    chores: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def redis_in_use(self) -> Redis | None:
        """Redis, where the flag sends anything to the queue."""
        return self.redis if self.flag.percent > 0 else None

    @property
    def store_in_use(self) -> Store | None:
        """The database, where the flag leaves anything to the synchronous path."""
        return self.store if self.redis is None or self.flag.percent < 100 else None

    async def open(self) -> None:
        """Know the flag, and follow it from now on."""
        await self.flag.look()
        duties = [self.flag.watch(), self.markers.keep_up()] if self.markers is not None else []
        self.chores.extend(map(asyncio.create_task, duties))

    async def close(self) -> None:
        """Finish what must be, then close connections."""
        for chore in self.chores:
            chore.cancel()
        await asyncio.gather(*self.chores, return_exceptions=True)
        await self.synchronous.finish(within_seconds=self.settings.drain_seconds / 2)
        if self.redis is not None:
            await self.redis.aclose()
        await self.store.close()


@dataclass(frozen=True)
class WorkerParts:
    """What a worker process is made of; ``redis`` is to be closed after it."""

    worker: Worker
    redis: Redis
    store: Store
    exposition: Exposition


def api(given: Surroundings) -> ApiParts:
    """The parts of an API process."""
    settings, metrics = given.settings, ApiMetrics()
    redis = _redis(settings, seconds=API_CALL_SECONDS) if settings.redis_url else None
    statuses = Statuses(redis, given.store)
    intake = _intake(redis, given) if redis is not None else None
    markers = _markers(redis, given) if redis is not None else None
    return ApiParts(
        settings=settings,
        api_key=ApiKey(settings.api_key.get_secret_value()),
        redis=redis,
        store=given.store,
        statuses=statuses,
        handover=_handover(intake, given, statuses=statuses) if intake is not None else None,
        synchronous=_synchronous(given, metrics.mail, markers=markers),
        markers=markers,
        flag=Flag(redis, markers, default_percent=default_percent(settings), random=given.random),
        metrics=metrics,
        exposition=Exposition(metrics.registry, redis),
        tracing=given.tracing,
    )


def worker(given: Surroundings) -> WorkerParts:
    """The parts of a worker process."""
    settings, metrics = given.settings, WorkerMetrics()
    redis = _redis(settings, seconds=_WORKER_CALL_SECONDS)
    consumer = f"{given.name}-{given.random.getrandbits(48):012x}"
    queue = Queue(redis, consumer=consumer, window_seconds=settings.dedupe_window_hours * 3600)
    leases = Leases(queue, reclaim_seconds=settings.reclaim_seconds)
    mail = postman(given, metrics.mail)
    delivery = Delivery(leases=leases, store=given.store, postman=mail, settings=settings, backoff=given.backoff)
    watch = Watch(metrics, given.tracing)
    batches = Batches(leases, given.store, watch=watch)
    made = Worker(delivery, batches, leases=leases, settings=settings, watch=watch)
    return WorkerParts(made, redis, given.store, Exposition(metrics.registry, redis))


def postman(given: Surroundings, metrics: MailMetrics) -> Postman:
    """Mail behind this process' breaker."""
    settings = given.settings
    breaker = Breaker(
        failures=settings.breaker_failures, reset_seconds=settings.breaker_reset_seconds, trials=settings.breaker_trials
    )
    mailer = Mailer(given.transport, settings)
    return Postman(mailer, breaker=breaker, backoff=given.backoff, at_once=settings.mail_concurrency, metrics=metrics)


def operators_redis(settings: Settings) -> Redis:
    """Redis for a command an operator waits for."""
    return _redis(settings, seconds=_OPERATORS_CALL_SECONDS)


def _redis(settings: Settings, *, seconds: float) -> Redis:
    return connect(settings.redis_url, timeout_seconds=seconds, connect_timeout_seconds=seconds / 2)


def _intake(redis: Redis, given: Surroundings) -> Intake:
    settings = given.settings
    return Intake(
        redis,
        random=given.random,
        high_water=settings.high_water,
        deadline_seconds=settings.accept_deadline_seconds,
        version=settings.entry_version,
    )


def _handover(intake: Intake, given: Surroundings, *, statuses: Statuses) -> Handover:
    return Handover(intake, store=given.store, statuses=statuses, patience_seconds=given.settings.accept_deadline_seconds)


def _markers(redis: Redis, given: Surroundings) -> Markers:
    return Markers(redis, given.store, random=given.random, window_seconds=given.settings.dedupe_window_hours * 3600)


def _synchronous(given: Surroundings, metrics: MailMetrics, *, markers: Markers | None) -> SynchronousPath:
    mail = postman(given, metrics)
    return SynchronousPath(store=given.store, postman=mail, settings=given.settings, backoff=given.backoff, markers=markers)
