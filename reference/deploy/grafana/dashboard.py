"""The Grafana dashboard as code: ``python reference/deploy/grafana/dashboard.py > reference/deploy/grafana/ingest.json``.

Top to bottom: what clients see, what waits, what the workers do, the processes. The output is committed, and a test holds both
to each other and every query to the service's own /metrics. Where to go next: docs/telemetry.md (what each metric means).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

_WIDTH = 24
_HEIGHT = 8
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True)
class Panel:
    """A graph. ``queries`` by legend; ``limit`` draws a line from which on things are bad."""

    title: str
    unit: str
    queries: dict[str, str]
    limit: float | None = None
    width: int = 8
    is_stacked: bool = False


def _rate(metric: str, selector: str = "") -> str:
    return f"rate({metric}{selector}[$__rate_interval])"


def _percentile(share: float, bucket: str, selector: str = "") -> str:
    return f"histogram_quantile({share}, sum by (le) ({_rate(bucket, selector)}))"


_ACCEPTED = '{outcome="accepted"}'
_OURS = '{job=~"a7-api|a7-worker"}'


def _by_outcome(metric: str) -> dict[str, str]:
    return {"{{outcome}}": f"sum by (outcome) ({_rate(metric)})"}


ROWS = {
    "What clients see": [
        Panel("POST /ingest by outcome", "reqps", _by_outcome("ingest_requests_total"), is_stacked=True),
        Panel(
            "Latency of POST /ingest, accepted",
            "s",
            {
                "P50": _percentile(0.5, "ingest_latency_seconds_bucket", _ACCEPTED),
                "P95": _percentile(0.95, "ingest_latency_seconds_bucket", _ACCEPTED),
                "P99": _percentile(0.99, "ingest_latency_seconds_bucket", _ACCEPTED),
            },
            limit=0.05,
        ),
        Panel(
            "Share of POSTs that failed (budget: 0.1 %)",
            "percentunit",
            {"5 minutes": "ingest:bad_requests:ratio_rate5m", "1 hour": "ingest:bad_requests:ratio_rate1h"},
            limit=0.001,
        ),
        Panel("Statuses read by answer", "reqps", _by_outcome("ingest_status_reads_total"), is_stacked=True),
        Panel("Latency of a status", "s", {"P95": _percentile(0.95, "ingest_status_latency_seconds_bucket")}, limit=0.02),
        Panel("Cannot reach Redis", "short", {"{{instance}}": "1 - ingest_queue_up"}, limit=1),
    ],
    "What waits": [
        Panel(
            "Queue depth",
            "short",
            {"{{place}}": "max by (place) (ingest_queue_entries)", "all": "max(ingest_queue_depth)"},
            limit=1000,
        ),
        Panel("Age of the oldest unfinished event", "s", {"age": "max(ingest_oldest_age_seconds)"}, limit=300),
        Panel("Dead letters", "short", {"dead letters": "max(ingest_dead_letters)"}, limit=1),
    ],
    "What the workers do": [
        Panel("Entries by how a taking ended", "ops", _by_outcome("ingest_entries_total"), is_stacked=True),
        Panel("Mails by outcome", "ops", _by_outcome("ingest_mails_total"), is_stacked=True),
        Panel("Mail breaker not closed", "short", {"{{instance}}": '1 - ingest_breaker_state{state="closed"}'}, limit=1),
        Panel("In flight", "short", {"{{instance}}": "ingest_in_flight"}),
        Panel("Last asked for work", "s", {"{{instance}}": "time() - ingest_worker_heartbeat_timestamp_seconds"}, limit=60),
        Panel("Targets up", "short", {"{{job}} {{instance}}": f"up{_OURS}"}),
    ],
    "The processes": [
        Panel("CPU", "percentunit", {"{{job}} {{instance}}": _rate("process_cpu_seconds_total", _OURS)}),
        Panel("Memory", "bytes", {"{{job}} {{instance}}": f"process_resident_memory_bytes{_OURS}"}),
        Panel("Versions", "short", {"{{role}} {{version}}": "count by (role, version) (ingest_build_info)"}),
    ],
}


def dashboard() -> dict[str, Any]:
    """The whole dashboard, as Grafana imports it."""
    panels: list[dict[str, Any]] = []
    y = 0
    for title, row in ROWS.items():
        panels.append({"type": "row", "title": title, "collapsed": False, "gridPos": _place(0, y, width=_WIDTH), "panels": []})
        y += 1
        for number, panel in enumerate(row):
            x = number * panel.width % _WIDTH
            panels.append(_drawn(panel, _place(x, y, width=panel.width, height=_HEIGHT)))
            if x + panel.width == _WIDTH:
                y += _HEIGHT
    for number, drawn in enumerate(panels, start=1):
        drawn["id"] = number
    choice = {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus", "hide": 0}
    return {
        "uid": "a7-ingest",
        "title": "A7 ingestion",
        "tags": ["a7"],
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [choice]},
        "panels": panels,
    }


def _drawn(panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    custom: dict[str, Any] = {"fillOpacity": 20 if panel.is_stacked else 0}
    if panel.is_stacked:
        custom["stacking"] = {"mode": "normal", "group": "A"}
    defaults: dict[str, Any] = {"unit": panel.unit, "min": 0, "custom": custom}
    if panel.limit is not None:
        custom["thresholdsStyle"] = {"mode": "line"}
        steps = [{"color": "transparent", "value": None}, {"color": "red", "value": panel.limit}]
        defaults["thresholds"] = {"mode": "absolute", "steps": steps}
    targets = [
        {"refId": chr(ord("A") + number), "expr": expression, "legendFormat": legend, "datasource": _SOURCE}
        for number, (legend, expression) in enumerate(panel.queries.items())
    ]
    return {
        "type": "timeseries",
        "title": panel.title,
        "datasource": _SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": targets,
    }


def _place(x: int, y: int, *, width: int, height: int = 1) -> dict[str, int]:
    return {"x": x, "y": y, "w": width, "h": height}


if __name__ == "__main__":
    print(json.dumps(dashboard(), indent=2))
