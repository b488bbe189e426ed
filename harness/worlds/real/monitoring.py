"""The harness as a monitoring system: it scrapes every process' metrics once a second, as Prometheus would.

What the series of the backlog says goes into the history; all samples go to a file, for whoever wants to try alert rules on them.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from harness.history import Scrape
from harness.systems import Observe
from harness.worlds.real import http

BETWEEN_SCRAPES_S = 1.0
ANSWERS_WITHIN_S = 2.0
FILE = "metrics.jsonl"  # one line a scrape: {"at_s", "process", "samples": {series: value}}


@dataclass(frozen=True, kw_only=True)
class Monitoring:
    """What is scraped, who is told, and the folder of the file (None: none is kept)."""

    observe: Observe
    ports: Mapping[str, int]  # by process
    now: Callable[[], float]
    record: Callable[[Scrape], None]
    folder: Path | None

    async def watch(self) -> None:
        """Scrape for ever; a process that does not answer is left out."""
        while True:
            await asyncio.gather(*(self._scrape(process) for process in self.ports))
            await asyncio.sleep(BETWEEN_SCRAPES_S)

    async def _scrape(self, process: str) -> None:
        assert self.observe.metrics is not None
        at_s, head = self.now(), http.request("GET", self.observe.metrics, headers={}, body=b"")
        try:
            answer = await http.ask(self.ports[process], head, b"", within_s=ANSWERS_WITHIN_S)
            samples = read_samples(answer.body.decode()) if answer.status == 200 else {}
        except (ConnectionRefusedError, http.NoAnswerError, ValueError):
            return
        self._keep(process, at_s, samples)
        depth = depth_of(samples, self.observe.queue_depth)
        if depth is not None:
            self.record(Scrape(process=process, at_s=at_s, queue_depth=depth))

    def _keep(self, process: str, at_s: float, samples: Mapping[str, float]) -> None:
        if self.folder is not None and samples:
            line = json.dumps({"at_s": round(at_s, 3), "process": process, "samples": samples})
            with (self.folder / FILE).open("a", encoding="utf-8") as file:
                file.write(f"{line}\n")


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
