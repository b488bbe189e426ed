"""`report.md`: one run, told so that a manager understands its first screen and an engineer finds every event below it.

`write` needs only what `archive` keeps: equal results and histories give equal text.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.archive import RunFolder, write_atomically
from harness.load import chapter
from harness.markup.markdown import block, plain, slug, table
from harness.prove import chapter as proof
from harness.report import exploration as explored
from harness.report import matrix, sections
from harness.report.summary import headline, not_judged, remark, told_in_numbers, worst_first
from harness.results import POST, Campaign, CriterionRuling, Execution, Results, total
from harness.verdict import Ruling

FINDINGS_SHOWN = 12
COUNTS = {  # columns of the scenarios' table: the count, or two, in each
    "accepted": ("accepted",),
    "stored": ("stored",),
    "mailed": ("mailed",),
    "failed": ("failed",),
    "stored / mailed twice": ("stored_twice", "mailed_twice"),
    "lost": ("lost",),
    "POSTs refused / unknown": ("posts_refused", "posts_unknown"),
}


def write(folder: RunFolder, results: Results) -> Path:
    """Write `report.md` and its pictures into the run's folder; its path. Raises UsageError if a stored history is broken."""
    write_atomically(folder.path / "matrix.svg", matrix.matrix(_rows(results)))
    path = folder.path / "report.md"
    write_atomically(path, render(folder, results))
    return path


def render(folder: RunFolder, results: Results) -> str:
    """The report's text. Writes a time line beside every stored history on the way."""
    parts = (
        _summary(results),
        _criteria(results),
        chapter.of(folder, results),
        explored.chapter(results.exploration),
        proof.of(folder, results),
        _scenarios(results),
        _campaigns(results),
        sections.all_of(folder, results),
        sections.claims(results),
        _repeat(results),
        _versions(results),
    )
    return "\n".join(line for part in parts for line in part) + "\n"


def _rows(results: Results) -> list[Execution | Campaign]:
    """One row a scenario, world and system: its campaign if there is one, else its executions."""
    covered = {(row.name, row.world, row.system) for row in results.campaigns}
    alone = [one for one in results.scenarios if (one.name, one.world, one.system) not in covered]
    rows: list[Execution | Campaign] = [*results.campaigns, *alone]
    names = list(dict.fromkeys(row.name for row in rows))
    return sorted(rows, key=lambda row: names.index(row.name))


def _summary(results: Results) -> Iterator[str]:
    yield f"# {plain(results.system)}: {shown(results.ruling)}"
    yield ""
    yield headline(results)
    yield ""
    yield told_in_numbers(results)
    yield ""
    if unseen := not_judged(results):
        yield f"**Not judged**, because the system file does not say how to see it: {plain('; '.join(unseen))}."
        yield ""
    yield from _findings(results)
    if len(_rows(results)) > 1:
        yield "![Rulings, scenario by scenario](matrix.svg)"
        yield ""


def _findings(results: Results) -> Iterator[str]:
    found = [one for one in results.scenarios if one.ruling in (Ruling.VIOLATED, Ruling.UNKNOWN)]
    found.sort(key=lambda one: worst_first(one.ruling))
    for execution in found[:FINDINGS_SHOWN]:
        heading = sections.heading(execution, results)
        link = f"[{plain(heading)}](#{slug(heading)})" if sections.has_one(execution, results) else plain(heading)
        yield f"- {link}: {sections.finding(execution)}"
    if len(found) > FINDINGS_SHOWN:
        yield f"- and {len(found) - FINDINGS_SHOWN} more executions that did not hold"
    if found:
        yield ""


def _criteria(results: Results) -> Iterator[str]:
    if not results.criteria:
        return
    yield "## Acceptance criteria"
    yield ""
    rows = [
        [plain(one.criterion), shown(one.ruling) if one.ruling else _not_covered(one), plain(one.evidence)]
        for one in results.criteria
    ]
    yield from table(["criterion", "ruling", "evidence"], rows)
    yield ""


def _not_covered(criterion: CriterionRuling) -> str:
    return "*not covered by this run*" if criterion.checkers else "*not covered yet*"


def _scenarios(results: Results) -> Iterator[str]:
    yield "## Scenarios"
    yield ""
    rows = _rows(results)
    several = len({row.system for row in rows}) > 1
    head = ["scenario", "world", *(["system"] if several else []), "ruling", *COUNTS, "POST P95 ms", "remark"]
    cells = [_scenario(row, several=several) for row in rows]
    yield from table(head, cells, right=[*COUNTS, "POST P95 ms"])
    yield ""
    yield (
        "*held*: looked at and kept. *violated*: a promise was broken. *unknown*: it could not be decided (too little was seen, "
        "a fault did not bite, or something still moved when time was over), which is never a pass. *not applicable*: there is "
        "nothing to judge here, and it does not count. Events are counted, and in the column of POSTs every attempt, as in the "
        "time lines; a `?` could not be. *failed* is what the service says of an event, rightly or not. Latency in the "
        "simulation is modelled and not shown."
    )
    yield ""


def _scenario(row: Execution | Campaign, *, several: bool) -> list[str]:
    counts = [" / ".join(_number(total([row], key)) for key in keys) if row.counts else "" for keys in COUNTS.values()]
    latency = row.latency_ms.get(POST) if isinstance(row, Execution) and row.world == "real" else None
    p95 = f"{latency['p95']:.1f}" if latency else ""
    why = f"{row.drawn - row.no_bite:,} {row.unit}" if isinstance(row, Campaign) else plain(remark(row))
    system = [plain(row.system)] if several else []
    return [plain(row.name), row.world, *system, shown(row.ruling), *counts, p95, why]


def _campaigns(results: Results) -> Iterator[str]:
    if not results.campaigns:
        return
    yield "## Many seeds"
    yield ""
    yield "Each seed is another schedule of the same scenario. One whose fault did not bite proved nothing: drawn again."
    yield ""
    numbers = ["drawn", "held", "violated", "unknown", "no bite", "CPU s"]
    rows = [
        [plain(one.name), one.world, plain(one.system), shown(one.ruling), *_seeds(one), f"{one.cpu_s:.1f}"]
        for one in results.campaigns
    ]
    yield from table(["scenario", "world", "system", "ruling", *numbers], rows, right=numbers)
    yield ""


def _seeds(row: Campaign) -> list[str]:
    return [f"{number:,}" for number in (row.drawn, row.held, row.violated, row.unknown, row.no_bite)]


def _repeat(results: Results) -> Iterator[str]:
    covered = {(row.name, row.world, row.system) for row in results.campaigns}
    alone = [one for one in results.scenarios if (one.name, one.world, one.system) not in covered]
    rows: list[Campaign | Execution] = [*results.campaigns, *alone]
    commands = list(dict.fromkeys(row.repeat for row in rows if row.repeat))
    if not commands:
        return
    yield "## Again"
    yield ""
    yield "Every part of this run, by itself (a single seed's command stands in its section):"
    yield ""
    yield from block(commands)
    yield ""


def _versions(results: Results) -> Iterator[str]:
    yield "## What ran"
    yield ""
    facts = {
        "verb": f"harness {results.verb}",
        "started": results.started_at,
        "took": f"{results.wall_s:.0f} s",
        "harness": results.harness_version,
        "commit": results.commit or "not a git checkout",
        "Python": results.python,
        "machine": results.platform,
    }
    yield from table(["", ""], [[name, plain(value)] for name, value in facts.items()])


def shown(ruling: Ruling) -> str:
    """A ruling with its symbol, never broken over two lines."""
    return matrix.told(ruling).replace(" ", "\N{NO-BREAK SPACE}")


def _number(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"
