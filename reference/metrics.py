"""What a process counts: Prometheus metrics, in a registry of its own, made in ``wiring``.

Nothing is global, because the simulation runs several processes in one interpreter. Every name, its unit and its meaning stand in
docs/telemetry.md.
Where to go next: ``census`` (the queue's figures, taken when somebody asks), ``observed`` and ``watch`` (who count).
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from reference.mailer import Outcome
from reference.tally import Tally, Timings

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
    """Mails and the breaker in front of them: of a worker, or of an API on the synchronous path."""

    def __init__(self) -> None:
        self._mails = Tally(_word(outcome) for outcome in Outcome)
        self._breaker_state: Callable[[], str] | None = None

    def watch(self, breaker_state: Callable[[], str]) -> None:
        """This process sends mail: ask ``breaker_state`` whenever somebody reads the metrics."""
        self._breaker_state = breaker_state

    def tried(self, outcome: Outcome) -> None:
        """One mail was tried, or postponed."""
        self._mails.add(_word(outcome))

    def families(self) -> Iterator[Metric]:
        """For a collector; nothing where no mail is sent."""
        if self._breaker_state is None:
            return
        yield self._mails.family("ingest_mails", "Mails by what became of one try.")
        states = GaugeMetricFamily("ingest_breaker_state", "1 for the mail breaker's present state.", labels=["state"])
        for state in BREAKER_STATES:
            states.add_metric([state], float(self._breaker_state() == state))
        yield states


class ApiMetrics(Collector):
    """What an API process counts."""

    def __init__(self) -> None:
        self.mail = MailMetrics()
        self._posts, self._post_timings = Tally(INGEST_OUTCOMES), Timings()
        self._reads, self._read_timings = Tally(READ_OUTCOMES), Timings()
        self.registry = CollectorRegistry()
        self.registry.register(self)

    def ingested(self, outcome: str, seconds: float) -> None:
        """A POST was answered."""
        self._posts.add(outcome)
        self._post_timings.add(outcome, seconds)

    def read(self, outcome: str, seconds: float) -> None:
        """A status was answered."""
        self._reads.add(outcome)
        self._read_timings.add(outcome, seconds)

    def collect(self) -> Iterator[Metric]:
        """See Collector."""
        yield _build("api")
        yield self._posts.family("ingest_requests", "POST /ingest by outcome.")
        yield self._post_timings.family("ingest_latency_seconds", "POST /ingest, from the request's arrival to its answer.")
        yield self._reads.family("ingest_status_reads", "GET /ingest/{id}/status by answer.")
        yield self._read_timings.family("ingest_status_latency_seconds", "The same time of GET /ingest/{id}/status.")
        yield from self.mail.families()


class WorkerMetrics(Collector):
    """What a worker process counts."""

    def __init__(self) -> None:
        self.mail = MailMetrics()
        self._entries = Tally(ENTRY_OUTCOMES)
        self._in_flight: Callable[[], int] = int
        self._last_beat = 0.0
        self.registry = CollectorRegistry()
        self.registry.register(self)

    def watch(self, in_flight: Callable[[], int]) -> None:
        """Ask ``in_flight`` whenever somebody reads the metrics."""
        self._in_flight = in_flight

    def ended(self, outcome: str) -> None:
        """The work on one entry ended, for now or for good."""
        self._entries.add(outcome)

    def beat(self) -> None:
        """The worker asked the queue for work, whether it was answered or not."""
        self._last_beat = time.time()

    def collect(self) -> Iterator[Metric]:
        """See Collector."""
        yield _build("worker")
        yield self._entries.family("ingest_entries", "Queue entries by how one taking ended.")
        yield GaugeMetricFamily("ingest_in_flight", "Entries this worker is at work on.", value=self._in_flight())
        name = "ingest_worker_heartbeat_timestamp_seconds"
        yield GaugeMetricFamily(name, "When this worker last asked the queue for work.", value=self._last_beat)
        yield from self.mail.families()


def _word(outcome: Outcome) -> str:
    return outcome.value.replace(" ", "_")


def _build(role: str) -> Metric:
    built = {"version": _version(), "python": platform.python_version(), "role": role}
    return InfoMetricFamily("ingest_build", "What runs here.", value=built)


@cache
def _version() -> str:
    try:
        return version("async-ingestion-harness")
    except PackageNotFoundError:  # the folder alone was deployed
        return "unknown"
