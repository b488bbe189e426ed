"""/metrics in Prometheus' text format, whoever serves it: the queue is counted first, then everything is written down.

Counting awaits Redis within the client's own time-out, never longer; nothing blocks.
Where to go next: ``metrics``, ``census``; ``api`` and ``listener`` serve it.
"""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from redis.asyncio import Redis

from reference.census import QueueGauges, count
from reference.connection import QUEUE_ERRORS

CONTENT_TYPE = CONTENT_TYPE_LATEST


class Exposition:
    """The metrics of one process; with ``redis`` those of the queue too."""

    def __init__(self, registry: CollectorRegistry, redis: Redis | None) -> None:
        self.registry = registry
        self._redis = redis
        self._queue = QueueGauges(registry) if redis is not None else None

    async def text(self) -> bytes:
        """Everything, as of now."""
        if self._queue is not None and self._redis is not None:
            try:
                self._queue.latest = await count(self._redis)
            except QUEUE_ERRORS:
                self._queue.latest = None
        return generate_latest(self.registry)
