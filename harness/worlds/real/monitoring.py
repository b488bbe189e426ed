"""The harness as a monitoring system: it scrapes every process' metrics once a second, as Prometheus would.

What the series of the backlog says goes into the history; every scrape goes to a file whole, for whoever wants to try alert
rules on it. As in Prometheus, a scrape that got no answer is one as well: `up` is 0, and there are no samples.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from harness.history import Scrape
from harness.systems import Observe
from harness.worlds.real import http

BETWEEN_SCRAPES_S = 1.0
ANSWERS_WITHIN_S = 2.0
FILE = "metrics.jsonl"  # one line a scrape: {"at_s", "unix_s", "process", "up": 0 or 1, "samples": {series: value}}


@dataclass(frozen=True, kw_only=True)
class Monitoring:
    """What is scraped, who is told, and the folder of the file (None: none is kept)."""

    observe: Observe
    ports: Mapping[str, int]  # by process
    now: Callable[[], float]
    record: Callable[[Scrape], None]
    folder: Path | None

    async def watch(self) -> None:
        """Scrape for ever; a process that does not answer has no depth."""
        while True:
            await asyncio.gather(*(self._scrape(process) for process in self.ports))
            await asyncio.sleep(BETWEEN_SCRAPES_S)

    async def _scrape(self, process: str) -> None:
        assert self.observe.metrics is not None
        at_s, unix_s = self.now(), time.time()
        samples = await self._samples(process, self.observe.metrics)
        when = {"at_s": round(at_s, 3), "unix_s": round(unix_s, 3)}
        self._keep({**when, "process": process, "up": int(samples is not None), "samples": samples or {}})
        depth = depth_of(samples or {}, self.observe.queue_depth)
        if depth is not None:
            self.record(Scrape(process=process, at_s=at_s, queue_depth=depth))

    async def _samples(self, process: str, path: str) -> dict[str, float] | None:
        head = http.request("GET", path, headers={}, body=b"")
        try:
            answer = await http.ask(self.ports[process], head, b"", within_s=ANSWERS_WITHIN_S)
            return read_samples(answer.body.decode()) if answer.status == 200 else None
        except (ConnectionRefusedError, http.NoAnswerError, ValueError):
            return None

    def _keep(self, scrape: Mapping[str, object]) -> None:
        if self.folder is not None:
            with (self.folder / FILE).open("a", encoding="utf-8") as file:
                file.write(f"{json.dumps(scrape)}\n")


def read_samples(text: str) -> dict[str, float]:
    """Every sample of a page of metrics by its series, as `name{label="value"}`. Raises ValueError if it is no such page."""
    return {
        _series(sample.name, sample.labels): float(sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def depth_of(samples: Mapping[str, float], name: str | None) -> float | None:
    """The backlog as a page shows it: the sum of that name's series; None if it has none, or no number."""
    values = [value for series, value in samples.items() if series.partition("{")[0] == name]
    depth = sum(values)
    return depth if values and math.isfinite(depth) else None


def _series(name: str, labels: Mapping[str, str]) -> str:
    told = ",".join(f"{label}={json.dumps(value)}" for label, value in sorted(labels.items()))
    return f"{name}{{{told}}}" if told else name
