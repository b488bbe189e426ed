"""How the parts are put together, once for real processes and once for simulated ones: what differs is given.

Where to go next: ``__main__`` (real) and ``simulation`` (simulated) give, ``api`` and ``worker`` take.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import httpx
from redis.asyncio import Redis

from reference.api_key import ApiKey
from reference.backoff import Backoff
from reference.breaker import Breaker
from reference.connection import connect
from reference.delivery import Delivery
from reference.exposition import Exposition
from reference.intake import Intake
from reference.lease import Leases
from reference.mailer import Mailer
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

_API_CALL_SECONDS = 0.4  # two calls and a new connection fit into the accept deadline
_WORKER_CALL_SECONDS = 2.0


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
    """What the API is made of: on the asynchronous path ``intake``, on the synchronous one ``synchronous``."""

    settings: Settings
    api_key: ApiKey
    redis: Redis | None
    store: Store
    statuses: Statuses
    intake: Intake | None
    synchronous: SynchronousPath | None
    metrics: ApiMetrics
    exposition: Exposition
    tracing: Tracing | None

    async def close(self) -> None:
        """Finish what must be, then close connections."""
        if self.synchronous is not None:
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
    redis = _redis(settings, seconds=_API_CALL_SECONDS) if settings.async_ingestion else None
    return ApiParts(
        settings=settings,
        api_key=ApiKey(settings.api_key.get_secret_value()),
        redis=redis,
        store=given.store,
        statuses=Statuses(redis, given.store),
        intake=_intake(redis, given) if redis is not None else None,
        synchronous=_synchronous(given, metrics.mail) if redis is None else None,
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
    made = Worker(delivery=delivery, leases=leases, settings=settings, backoff=given.backoff, watch=watch)
    return WorkerParts(made, redis, given.store, Exposition(metrics.registry, redis))


def postman(given: Surroundings, metrics: MailMetrics) -> Postman:
    """Mail behind this process' breaker."""
    settings = given.settings
    breaker = Breaker(
        failures=settings.breaker_failures, reset_seconds=settings.breaker_reset_seconds, trials=settings.breaker_trials
    )
    mailer = Mailer(given.transport, settings)
    return Postman(mailer, breaker=breaker, backoff=given.backoff, at_once=settings.mail_concurrency, metrics=metrics)


def _redis(settings: Settings, *, seconds: float) -> Redis:
    return connect(settings.redis_url, timeout_seconds=seconds, connect_timeout_seconds=seconds / 2)


def _intake(redis: Redis, given: Surroundings) -> Intake:
    settings = given.settings
    return Intake(redis, random=given.random, high_water=settings.high_water, deadline_seconds=settings.accept_deadline_seconds)


def _synchronous(given: Surroundings, metrics: MailMetrics) -> SynchronousPath:
    return SynchronousPath(store=given.store, postman=postman(given, metrics), settings=given.settings, backoff=given.backoff)
