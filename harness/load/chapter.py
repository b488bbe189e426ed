"""The part of a report about load: before and after in one table, the picture, and what the generator itself took."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.archive import RunFolder, write_atomically
from harness.history import History
from harness.load import baseline
from harness.load.contest import warm_up_ends_s
from harness.load.pictures import Curve, picture
from harness.load.rows import PERCENTILES, Row, in_words
from harness.markup.markdown import plain, table
from harness.report.matrix import told
from harness.results import POST, Results
from harness.verdict import Ruling

MODELLED = (
    "The provider is a stand-in whose latency is modelled on the percentiles the draft published for the synchronous service "
    "(P50/P95/P99 of 269/331/442 ms); docs/latency.md shows how."
)


def of(folder: RunFolder, results: Results) -> Iterator[str]:
    """The chapter, empty without a load run. Writes its picture on the way."""
    rows = [row for row in results.load if row["role"] != "stub"]
    if not rows:
        return
    yield "## Under load"
    yield ""
    yield from _changes(rows)
    yield from _table(rows)
    yield from _baseline(rows)
    yield MODELLED
    yield ""
    yield from _picture(folder, rows)
    yield from _generator(results.load)
    yield from _of_locust(folder)


def _changes(rows: Sequence[Row]) -> Iterator[str]:
    """What the change did to each percentile of each endpoint, in one sentence each."""
    before, after = ({row["endpoint"]: row for row in rows if row["role"] == role} for role in ("before", "after"))
    for endpoint in (name for name in after if name in before):
        told_changes = [
            f"P{percent} {change}" for percent in PERCENTILES if (change := _change(before[endpoint], after[endpoint], percent))
        ]
        if told_changes:
            yield f"- {plain(endpoint)}: {', '.join(told_changes)}"
    if before:
        yield ""


def _change(before: Row, after: Row, percent: int) -> str:
    then, now = before[f"p{percent}_ms"]["value"], after[f"p{percent}_ms"]["value"]
    return f"{(now - then) / then:+.1%}" if then and now is not None else ""


def _table(rows: Sequence[Row]) -> Iterator[str]:
    head = ["", "system", "endpoint", "requests", "failures", "per s", *(f"P{percent} ms" for percent in PERCENTILES), "limits"]
    cells = [
        [
            row["role"],
            plain(row["system"]),
            plain(row["endpoint"]),
            f"{row['requests']:,}",
            f"{row['failures']:,}",
            f"{row['rate_per_s']:.1f}",
            *(in_words(row[f"p{percent}_ms"]) for percent in PERCENTILES),
            _limits(row),
        ]
        for row in rows
    ]
    yield from table(head, cells, right=head[3:9])
    yield ""
    yield (
        "In brackets the 95 % confidence bounds; latency counts from when a request was meant to be sent, and one without an "
        "answer counts as infinite."
    )
    yield ""
    for row in rows:
        if row["reason"]:
            yield f"- {row['role']}: {plain(row['reason'])}"
    if any(row["reason"] for row in rows):
        yield ""


def _baseline(rows: Sequence[Row]) -> Iterator[str]:
    """What became of each percentile since the baseline, if one was given."""
    found = next((row["baseline"] for row in rows if "baseline" in row), None)
    if found is None:
        return
    yield f"Compared with the baseline {plain(found['run'])} (begun {plain(found['started_at'])}, on {plain(found['platform'])}):"
    yield ""
    lines = [[plain(words) for words in line] for line in baseline.cells(rows)]
    yield from table(baseline.COLUMNS, lines, right=baseline.NUMBERS)
    yield ""
    yield baseline.EXPLAINED
    yield ""
    if reasons := [reason for row in rows for reason in baseline.reasons(row)]:
        yield from (f"- {plain(reason)}" for reason in reasons)
        yield ""


def _limits(row: Row) -> str:
    if not row["limits_ms"]:
        return ""
    limits = ", ".join(f"{name.upper()} ≤ {limit_ms:g}" for name, limit_ms in row["limits_ms"].items())
    return f"{told(Ruling(row['ruling']))}: {limits}"


def _picture(folder: RunFolder, rows: Sequence[Row]) -> Iterator[str]:
    curves = [
        Curve(role, next(row["system"] for row in rows if row["role"] == role), history)
        for role in ("before", "after")
        if (history := _history(folder, role)) is not None
    ]
    if not curves:
        return
    limits: Mapping[str, float] = next(
        (row["limits_ms"] for row in rows if row["role"] == "after" and row["endpoint"] == POST), {}
    )
    limits_ms = [(float(name.removeprefix("p")) / 100, limit_ms) for name, limit_ms in limits.items()]
    write_atomically(folder.path / "load.svg", picture(curves, limits_ms=limits_ms, since_s=warm_up_ends_s(len(curves) - 1)))
    yield "![Percentiles, latency over time, throughput and backlog](load.svg)"
    yield ""


def _history(folder: RunFolder, role: str) -> History | None:
    """What is kept of one side of the contest; None if it was not kept."""
    found = sorted(folder.path.glob(f"scenarios/load-{role}-real-*/history.jsonl"))
    return History.load(found[0]) if found else None


def _generator(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        if row["role"] == "stub":
            figures = ", ".join(f"P{percent} {in_words(row[f'p{percent}_ms'])}" for percent in PERCENTILES)
            yield f"The same load against a bare stub, so what generator and machine take by themselves, in ms: {figures}."
            yield ""


def _of_locust(folder: RunFolder) -> Iterator[str]:
    pages = sorted(path.relative_to(folder.path).as_posix() for path in folder.path.glob("load/locust-*.html"))
    if pages:
        links = ", ".join(f"[{page.split('/')[-1]}]({page})" for page in pages)
        yield f"Locust's own reports: {links}."
        yield ""
