"""Compared with a stored load run of the same system under the same load: what became slower since.

`Baseline` is the stored run, `compared` what it adds to the rows of `results.json`:

    "baseline": {"run", "started_at", "platform", "ruling",
                 "p50", "p95", "p99": {"then", "ratio": {"value", "low", "high"}, "change", "reason"}}

The arithmetic is `ratio.py`. What each word of `Change` does to the exit code, and why: docs/latency.md.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import archive
from harness.load.decision import NOISY_SHARE
from harness.load.ratio import THRESHOLD, Change, Comparison, compare
from harness.load.rows import PERCENTILES, Row, bounded_of, in_words, written
from harness.systems import Load, System
from harness.usage import UsageError
from harness.verdict import Ruling

NAMES = tuple(f"p{percent}" for percent in PERCENTILES)
COLUMNS = ("endpoint", "percentile", "then, ms", "now, ms", "times as long", "shows")
NUMBERS = COLUMNS[2:5]
NEEDED = {"system", "endpoint", "load", "stub_ms", "late_ms", *(f"{name}_ms" for name in NAMES)}
EXPLAINED = (
    f"*Slower* is what took more than {THRESHOLD:g} times as long for certain, and not because the machine was slower: "
    "that is violated. The other words change no ruling."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """A stored load run to compare with: where it stands, when and on what it ran, and its rows by endpoint."""

    run: str
    started_at: str
    platform: str
    rows: Mapping[str, Row]

    @classmethod
    def open(cls, path: Path, system: System) -> Baseline:
        """The load run in the folder `path`. Raises UsageError unless `system` was judged there, under the load of today."""
        _, results = archive.open_run(path)
        rows = [row for row in results.load if row.get("role") == "after"]
        if not rows:
            raise UsageError(f"The baseline {path} holds no load run; name the folder of a `harness load` that ended.")
        for row in rows:
            _require_comparable(path, row, system)
        by_endpoint = {row["endpoint"]: row for row in rows}
        return cls(run=str(path), started_at=results.started_at, platform=results.platform, rows=by_endpoint)


def sent(load: Load) -> dict[str, float]:
    """What of a load must be equal for latencies to be compared: a longer run of it is no other load."""
    return load.model_dump(exclude={"longest_seconds"})


def _require_comparable(path: Path, row: Row, system: System) -> None:
    if lacking := sorted(NEEDED - row.keys()):
        told = f"its rows lack {', '.join(lacking)}, so another version wrote them"
        raise UsageError(f"The baseline {path} cannot be compared with: {told}; measure it again with this one.")
    if row["system"] != system.name:
        raise UsageError(f"The baseline {path} is a run of {row['system']}; name one of {system.name}, as --after says.")
    then, now = row["load"], sent(system.load)
    if differ := [f"{name} was {then.get(name)}, is {now[name]:g}" for name in now if then.get(name) != now[name]]:
        raise UsageError(f"The baseline {path} had another load ({', '.join(differ)}); measure it again under that of today.")


def compared(rows: Sequence[Row], baseline: Baseline) -> list[Row]:
    """The rows; those of the judged system that stand in the baseline too with what the comparison shows of them."""
    return [
        row | {"baseline": _shown(row, baseline)} if row["role"] == "after" and row["endpoint"] in baseline.rows else row
        for row in rows
    ]


def _shown(row: Row, baseline: Baseline) -> dict[str, Any]:
    found = {name: _compared(name, row, baseline.rows[row["endpoint"]]) for name in NAMES}
    changes = {one.change for one in found.values()}
    known = Ruling.UNKNOWN if Change.UNKNOWN in changes else Ruling.HELD
    ruling = Ruling.VIOLATED if Change.SLOWER in changes else known
    where = {"run": baseline.run, "started_at": baseline.started_at, "platform": baseline.platform, "ruling": str(ruling)}
    return where | {name: _told(name, row, baseline, found=one) for name, one in found.items()}


def _compared(name: str, now: Row, then: Row) -> Comparison:
    """The stub beside the service tells how the machine changed; what the generator was late by is nobody's latency either."""
    stubs = now["stub_ms"][name], then["stub_ms"][name]
    stub_ratio = stubs[0] / stubs[1] if all(stubs) else None
    figure, late_ms = bounded_of(now[f"{name}_ms"]), now["late_ms"][name] or 0.0
    found = compare(figure, bounded_of(then[f"{name}_ms"]), stub_ratio=stub_ratio)
    if found.change is Change.SLOWER and late_ms > NOISY_SHARE * figure.value:
        late = f"{found.reason}, but the generator was late by {late_ms:.1f} ms of it"
        return dataclasses.replace(found, change=Change.UNKNOWN, reason=late)
    return found


def _told(name: str, now: Row, baseline: Baseline, *, found: Comparison) -> dict[str, Any]:
    return {
        "then": baseline.rows[now["endpoint"]][f"{name}_ms"],
        "ratio": written(found.ratio),
        "change": str(found.change),
        "reason": f"{name.upper()} of {now['endpoint']}: {found.reason}",
    }


def cells(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """What comparisons found, for people: a line for each percentile, under `COLUMNS`."""
    return [
        (row["endpoint"], name.upper(), in_words(one["then"]), in_words(row[f"{name}_ms"]), _times(one["ratio"]), one["change"])
        for row in rows
        if "baseline" in row
        for name in NAMES
        if (one := row["baseline"][name])
    ]


def _times(ratio: Mapping[str, float | None]) -> str:
    if ratio["value"] is None:
        return ""
    high = "∞" if ratio["high"] is None else f"{ratio['high']:.2f}"
    return f"{ratio['value']:.2f} ({ratio['low'] or 0:.2f}–{high})"


def reasons(row: Row) -> list[str]:
    """Why something is slower, or could not be told: a sentence for each percentile."""
    found = [row["baseline"][name] for name in NAMES] if "baseline" in row else []
    return [f"{one['change']}: {one['reason']}" for one in found if one["change"] in (Change.SLOWER, Change.UNKNOWN)]
