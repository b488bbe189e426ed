"""What of a load run stands in `results.json` under `load`: one row a system and endpoint (contract: docs/contract.md).

    {"system", "role": "before" | "after", "endpoint", "requests", "failures", "rate_per_s",
     "p50_ms", "p95_ms", "p99_ms": {"value", "low", "high"} with 95 % confidence bounds, null where nothing bounds them,
     "limits_ms": {"p95": 50}, "ruling", "reason",
     "stub_ms": {"p50", "p95", "p99"} of the bare stub beside the system while that was loaded, "late_ms": of the generator,
     "load": {"posts_per_second", "reads_per_second", "mailed", "duplicates"}: what was sent,
     "baseline": only where one was given, `baseline.py` says what stands there}

The row of the bare stub (`role` "stub") tells what the generator and the machine took by themselves, before the load began.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.history import History
from harness.load.decision import Decision, Limit, Outcome
from harness.load.percentiles import Bounded, bounded, nearest_rank
from harness.load.samples import ENDPOINTS, Sample, of_endpoint, of_lateness, of_stub
from harness.results import POST, STATUS
from harness.systems import Limits
from harness.verdict import Ruling, worst

PERCENTILES = (50, 95, 99)
ACCEPTED_MS = {"ingest_p50_ms": 30.0, "ingest_p95_ms": 50.0, "ingest_p99_ms": 100.0, "status_p95_ms": 20.0}
_ENDPOINT_OF = {"ingest": POST, "status": STATUS}
Row = dict[str, Any]


def limits_of(own: Limits) -> tuple[Limit, ...]:
    """The limits a system is held to: the acceptance criteria's, or its own where its file names them."""
    wanted = ACCEPTED_MS | {name: limit for name, limit in own.model_dump().items() if limit is not None}
    limits = []
    for name, limit_ms in wanted.items():
        endpoint, percentile, _ = name.split("_")
        limits.append(Limit(_ENDPOINT_OF[endpoint], float(percentile.removeprefix("p")), limit_ms))
    return tuple(limits)


def rows_of(history: History, outcome: Outcome, *, role: str, since_s: float) -> list[Row]:
    """A row for every endpoint that was asked; `outcome` is what was decided about those with limits."""
    rows, noise = [], _noise(history, since_s)
    for endpoint in ENDPOINTS:
        samples = of_endpoint(history, endpoint, since_s=since_s)
        decisions = [decision for decision in outcome.decisions if decision.limit.endpoint == endpoint]
        if samples or decisions:
            who = {"system": history.header.system, "role": role, "endpoint": endpoint}
            rows.append(who | _measured(samples) | _decided(decisions) | noise)
    return rows


def row_of_stub(latencies_ms: Iterable[float], seconds: float) -> Row:
    """What the bare stub took under the same load, in a time of `seconds`."""
    values = list(latencies_ms)
    samples = [Sample(number * seconds / max(len(values), 1), ms) for number, ms in enumerate(values)]
    return {"system": "bare stub", "role": "stub", "endpoint": POST} | _measured(samples) | _decided(())


def _measured(samples: Sequence[Sample]) -> Row:
    seconds = len({math.floor(sample.at_s) for sample in samples})
    return {
        "requests": len(samples),
        "failures": sum(math.isinf(sample.ms) for sample in samples),
        "rate_per_s": round(len(samples) / seconds, 2) if seconds else 0.0,
        **{f"p{percent}_ms": written(bounded(samples, percent / 100) if samples else None) for percent in PERCENTILES},
    }


def _noise(history: History, since_s: float) -> Row:
    """What the machine was like meanwhile, so that a later run can tell whether it is the machine that changed."""
    late = of_lateness(history, since_s=since_s)
    loaded = {math.floor(sample.at_s) for sample in late}
    stub = [probe for probe in of_stub(history, since_s=since_s) if math.floor(probe.at_s) in loaded]
    return {"stub_ms": _percentiles(stub), "late_ms": _percentiles(late)}


def _percentiles(samples: Sequence[Sample]) -> dict[str, float | None]:
    ordered = sorted(sample.ms for sample in samples)
    return {f"p{percent}": round(nearest_rank(ordered, percent / 100), 3) if ordered else None for percent in PERCENTILES}


def _decided(decisions: Sequence[Decision]) -> Row:
    ruling = worst(decision.ruling for decision in decisions) if decisions else Ruling.NOT_APPLICABLE
    told = [one for one in decisions if one.ruling is ruling and (one.set_aside or ruling is not Ruling.HELD)]
    return {
        "limits_ms": {f"p{decision.limit.percentile:g}": decision.limit.limit_ms for decision in decisions},
        "ruling": str(ruling),
        "reason": "; ".join(one.reason for one in told),
    }


def written(figure: Bounded | None) -> dict[str, float | None]:
    """A percentile (or a ratio of two) as it stands in a row. JSON knows no infinity: null is what nothing bounds."""
    if figure is None:
        return {"value": None, "low": None, "high": None}
    values = {"value": figure.value, "low": figure.low, "high": figure.high}
    return {name: round(value, 3) if math.isfinite(value) else None for name, value in values.items()}


def bounded_of(figure: Mapping[str, float | None]) -> Bounded:
    """What `written` wrote, read again."""
    return Bounded(*(math.inf if (ms := figure[name]) is None else ms for name in ("value", "low", "high")))


def in_words(figure: Mapping[str, float | None]) -> str:
    """A percentile with its bounds: 12.3 (11.0–14.1)."""
    value, low, high = figure["value"], figure["low"], figure["high"]
    if value is None:
        return "no answer"
    return f"{value:.1f} ({low or 0:.1f}–{'∞' if high is None else f'{high:.1f}'})"
