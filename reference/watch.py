"""A worker watched: every entry is counted, traced if tracing is on, and leaves a line in the log where it ends badly.

Where to go next: ``worker`` (what is watched), ``metrics`` (what is counted), ``spans`` (opened while an entry is traced).
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import nullcontext

from reference import spans
from reference.delivery import Done, Ending
from reference.metrics import WorkerMetrics
from reference.queue import Entry
from reference.telemetry import Tracing

_log = logging.getLogger(__name__)


class Watch:
    """What is told of one worker's doings."""

    def __init__(self, metrics: WorkerMetrics, tracing: Tracing | None = None) -> None:
        self.metrics = metrics
        self._tracing = tracing

    @property
    def is_traced(self) -> bool:
        """Whether every entry has spans."""
        return self._tracing is not None

    async def follow(self, entry: Entry, deliver: Callable[[Entry], Awaitable[Ending | None]]) -> None:
        """Await the delivery of ``entry`` and tell how it ended; no ending means that the entry became another worker's."""
        outcome = "broken"
        with nullcontext() if self._tracing is None else self._tracing.watching(), spans.consuming(entry) as span:
            try:
                ending = await deliver(entry)
                outcome = _word(ending)
            finally:
                span.set("ingest.outcome", outcome)
                self.metrics.ended(outcome)
            _write(entry, ending)


def _write(entry: Entry, ending: Ending | None) -> None:
    if ending is None:
        _log.info("an entry was reclaimed by another worker", extra=_about(entry))
    elif isinstance(ending, Done) and ending.status == "failed":
        more = {"reason": ending.reason, "attempts": entry.attempts + 1}
        _log.warning("an event failed for good", extra=_about(entry) | more)


def _about(entry: Entry) -> dict[str, object]:
    return {"entry_id": entry.entry_id, "event_id": entry.pair.id, "event_source": entry.pair.source}


def _word(ending: Ending | None) -> str:
    if ending is None:
        return "lost"
    if isinstance(ending, Done):
        return ending.status
    return "parked" if ending.is_parked else "delayed"
