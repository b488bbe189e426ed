"""What a process counts: Prometheus metrics, in a registry of its own, made in ``wiring``.

Nothing is global, because the simulation runs several processes in one interpreter. Every name, its unit and its meaning stand in
docs/telemetry.md.
Where to go next: ``census`` (the queue's figures, taken when somebody asks), ``observed`` and ``watch`` (who count).
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

from reference.mailer import Outcome

# Every limit anybody is held to is a bound, so that a percentile at the limit is not interpolated past it.
LATENCY_BUCKETS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5)
INGEST_OUTCOMES = (
    "accepted",
    "duplicate",
    "processed",
    "rejected",
    "conflict",
    "full",
    "unavailable",
    "unanswered",
    "error",
)
READ_OUTCOMES = ("pending", "processing", "completed", "failed", "rejected", "unavailable", "error")
ENTRY_OUTCOMES = ("completed", "failed", "delayed", "parked", "lost", "broken")
BREAKER_STATES = ("closed", "half-open", "open")


class MailMetrics:
    """Mails and the breaker in front of them; whoever sends mail has them, a worker or an API on the synchronous path."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._mails = Counter("ingest_mails", "Mails by what became of one try.", ["outcome"], registry=registry)
        self._states = Gauge("ingest_breaker_state", "1 for the mail breaker's present state.", ["state"], registry=registry)
        for outcome in Outcome:
            self._mails.labels(_word(outcome))

    def watch(self, breaker_state: Callable[[], str]) -> None:
        """Ask ``breaker_state`` whenever somebody reads the metrics."""
        for state in BREAKER_STATES:
            self._states.labels(state).set_function(lambda state=state: float(breaker_state() == state))  # type: ignore[misc]

    def tried(self, outcome: Outcome) -> None:
        """One mail was tried, or postponed."""
        self._mails.labels(_word(outcome)).inc()


class ApiMetrics:
    """What an API process counts."""

    def __init__(self) -> None:
        self.registry = _registry("api")
        self.mail = MailMetrics(self.registry)
        self._ingests = Counter("ingest_requests", "POST /ingest by outcome.", ["outcome"], registry=self.registry)
        self._ingest_seconds = Histogram(
            "ingest_latency_seconds",
            "POST /ingest, from the request's arrival to its answer.",
            ["outcome"],
            registry=self.registry,
            buckets=LATENCY_BUCKETS,
        )
        self._reads = Counter("ingest_status_reads", "GET /ingest/{id}/status by answer.", ["outcome"], registry=self.registry)
        self._read_seconds = Histogram(
            "ingest_status_latency_seconds",
            "GET /ingest/{id}/status, from the request's arrival to its answer.",
            registry=self.registry,
            buckets=LATENCY_BUCKETS,
        )
        for outcome in INGEST_OUTCOMES:
            self._ingests.labels(outcome)
        for outcome in READ_OUTCOMES:
            self._reads.labels(outcome)

        self._children: dict[str, tuple[Counter, Histogram]] = {}

    def ingested(self, outcome: str, seconds: float) -> None:
        """A POST was answered."""
        posts, latency = self._children.get(outcome) or self._looked_up(outcome)
        posts.inc()
        latency.observe(seconds)

    def _looked_up(self, outcome: str) -> tuple[Counter, Histogram]:
        # Looking labels up costs more than counting, so it is done once.
        self._children[outcome] = found = (self._ingests.labels(outcome), self._ingest_seconds.labels(outcome))
        return found

    def read(self, outcome: str, seconds: float) -> None:
        """A status was answered."""
        self._reads.labels(outcome).inc()
        self._read_seconds.observe(seconds)


class WorkerMetrics:
    """What a worker process counts."""

    def __init__(self) -> None:
        self.registry = _registry("worker")
        self.mail = MailMetrics(self.registry)
        self._entries = Counter("ingest_entries", "Queue entries by how one taking ended.", ["outcome"], registry=self.registry)
        self._in_flight = Gauge("ingest_in_flight", "Entries this worker is at work on.", registry=self.registry)
        self._heartbeat = Gauge(
            "ingest_worker_heartbeat_timestamp_seconds", "When this worker last asked the queue for work.", registry=self.registry
        )
        for outcome in ENTRY_OUTCOMES:
            self._entries.labels(outcome)

    def watch(self, in_flight: Callable[[], float]) -> None:
        """Ask ``in_flight`` whenever somebody reads the metrics."""
        self._in_flight.set_function(in_flight)

    def ended(self, outcome: str) -> None:
        """The work on one entry ended, for now or for good."""
        self._entries.labels(outcome).inc()

    def beat(self) -> None:
        """The worker asked the queue for work, whether it was answered or not."""
        self._heartbeat.set_to_current_time()


def _registry(role: str) -> CollectorRegistry:
    registry = CollectorRegistry()
    Info("ingest_build", "What runs here.", registry=registry).info(
        {"version": _version(), "python": platform.python_version(), "role": role}
    )
    return registry


@cache
def _version() -> str:
    try:
        return version("async-ingestion-harness")
    except PackageNotFoundError:  # the folder alone was deployed
        return "unknown"


def _word(outcome: Outcome) -> str:
    return outcome.value.replace(" ", "_")
