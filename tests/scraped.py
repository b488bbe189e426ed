"""What was scraped in a real execution, as promtool reads it: with the labels Prometheus would give, a sample a second.

Where to go next: `test_alerts_on_scrapes.py`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ABSENT, STALE = "_", "stale"  # promtool's words: nobody asked, and nobody answered
BEAT, AGE = "ingest_worker_heartbeat_timestamp_seconds", "ingest_oldest_age_seconds"


@dataclass(frozen=True)
class Scraped:
    """The scrapes of one execution, and how many seconds of it there are. Its clock begins at 0, as promtool's does."""

    series: Mapping[str, list[str]]  # the values by second
    end_s: int

    def stretched(self, *, to_s: int) -> list[dict[str, str]]:
        """promtool's `input_series`: what was scraped, and from then on the last values.

        A worker that beat goes on beating, and the oldest event goes on growing older if it did: those are clocks.
        """
        return [
            {"series": name, "values": f"{' '.join(values)} {_held(name, values)}x{to_s - self.end_s}"}
            for name, values in self.series.items()
            if not name.startswith("process_")  # no rule asks for them
        ]


def read(file: Path, *, before_s: float = math.inf) -> Scraped:
    """The scrapes of a `metrics.jsonl` that were begun before that second."""
    lines = [line for line in map(json.loads, file.read_text().splitlines()) if line["at_s"] < before_s]
    assert lines, f"{file} holds no scrape before {before_s} s"
    end_s = max(_second(line) for line in lines) + 1
    series: dict[str, list[str]] = {}
    for line in lines:
        second, samples = _second(line), dict(_samples(line))
        silent = {name for name in series if f'instance="{line["process"]}"' in name} - samples.keys()
        for name, value in [*samples.items(), *((name, STALE) for name in silent)]:
            series.setdefault(name, [ABSENT] * end_s)[second] = value
    return Scraped(series, end_s)


def _second(line: Mapping[str, Any]) -> int:
    return int(line["at_s"])


def _samples(line: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    role = line["process"].partition("-")[0]
    target = f'instance="{line["process"]}",job="a7-{role}"'
    yield f"up{{{target}}}", str(line["up"])
    for name, value in line["samples"].items():
        metric, _, labels = name.partition("{")
        shown = value - (line["unix_s"] - line["at_s"]) if metric == BEAT else value
        yield f"{metric}{{{labels.removesuffix('}') + ',' if labels else ''}{target}}}", f"{shown:.17g}"


def _held(name: str, values: list[str]) -> str:
    scraped = [(second, value) for second, value in enumerate(values) if value != ABSENT]
    last_s, last = scraped[-1]
    if last == STALE:
        return ABSENT
    goes_on = name.startswith(BEAT) or (name.startswith(AGE) and _grew(scraped))
    return f"{float(last) + len(values) - last_s:.17g}+1" if goes_on else last


def _grew(scraped: list[tuple[int, str]]) -> bool:
    """Whether the last five values grew by as much as the clock did; a second's rounding is forgiven."""
    (first_s, first), (last_s, last) = scraped[-5:][0], scraped[-1]
    return last_s > first_s + 3 and first != STALE and abs(float(last) - float(first) - (last_s - first_s)) <= 1
