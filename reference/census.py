"""The queue counted: how much waits where, for how long, and what was given up; in one round trip, when somebody asks.

Every process that knows Redis shows the same figures, so that they are there while no worker is: take ``max``, not ``sum``.
Where to go next: ``scripts/census.lua`` (what is counted), ``exposition`` (who asks).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from redis.asyncio import Redis

from reference import scripts
from reference.connection import DEAD, DELAYED, OPEN, PARKED, STREAM


@dataclass(frozen=True)
class Census:
    """Entries by place, the age of the oldest event not yet finished (0.0 if there is none), and dead letters."""

    stream: int
    delayed: int
    parked: int
    dead_letters: int
    oldest_age_seconds: float

    @property
    def depth(self) -> int:
        """Everything accepted and not yet finished."""
        return self.stream + self.delayed + self.parked


async def count(redis: Redis) -> Census:
    """The queue as it is now. Raises QUEUE_ERRORS."""
    answer = await scripts.run(redis, scripts.load("census"), keys=[STREAM, DELAYED, PARKED, DEAD, OPEN], args=[])
    stream, delayed, parked, dead_letters, oldest_age_ms = map(int, answer)
    return Census(stream, delayed, parked, dead_letters, oldest_age_seconds=max(0, oldest_age_ms) / 1000)


class QueueGauges(Collector):
    """The latest census as metrics. Without one there are no figures: a graph with a gap beats one with a lie."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.latest: Census | None = None
        registry.register(self)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """See Collector."""
        latest = self.latest
        yield _gauge("ingest_queue_up", "1 if Redis answered this scrape.", float(latest is not None))
        if latest is None:
            return
        yield _gauge("ingest_queue_depth", "Events accepted and not yet finished: stream, delayed and parked.", latest.depth)
        places = GaugeMetricFamily("ingest_queue_entries", "The queue depth by where the events are.", labels=["place"])
        for place in ("stream", "delayed", "parked"):
            places.add_metric([place], getattr(latest, place))
        yield places
        yield _gauge("ingest_oldest_age_seconds", "Since when the oldest unfinished event waits.", latest.oldest_age_seconds)
        yield _gauge("ingest_dead_letters", "Events given up and not yet dealt with by anybody.", latest.dead_letters)


def _gauge(name: str, documentation: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, documentation, value=value)
