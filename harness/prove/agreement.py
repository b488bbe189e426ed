"""Whether the two worlds agree: the same flaw, and the same sound service, in the same scenario, simulated and for real."""

from __future__ import annotations

from collections.abc import Iterator

from harness.challenge import FLAW
from harness.markup.markdown import plain, table
from harness.report.matrix import told
from harness.results import Campaign, Execution, Results
from harness.verdict import Ruling, worst

SIMULATED, REAL = "simulated", "real"
Cell = tuple[str, str, str]  # flaw ("" for the sound service), scenario, system


def of(results: Results) -> Iterator[str]:
    """The section of a report; nothing unless something was tried in both worlds."""
    both = {cell: worlds for cell, worlds in rulings(results).items() if len(worlds) == len((SIMULATED, REAL))}
    if not both:
        return
    alike = sum(worlds[SIMULATED] is worlds[REAL] for worlds in both.values())
    yield "## Do the two worlds agree?"
    yield ""
    yield f"{alike} of {len(both)} times the simulation and the real processes gave the same ruling."
    yield ""
    rows = [
        [plain(flaw or "(sound)"), plain(scenario), plain(system), *_told(worlds)]
        for (flaw, scenario, system), worlds in sorted(both.items(), key=lambda item: (_agree(item[1]), item[0]))
    ]
    yield from table(["flaw", "scenario", "system", SIMULATED, REAL, "agree"], rows)
    yield ""


def rulings(results: Results) -> dict[Cell, dict[str, Ruling]]:
    """The ruling of each service, sound or flawed, in each world. A caught flaw is a service that was ruled violated."""
    found: dict[Cell, dict[str, Ruling]] = {}
    for challenge in results.proof:
        if challenge.kind == FLAW:
            ruling = {Ruling.HELD: Ruling.VIOLATED, Ruling.VIOLATED: Ruling.HELD}.get(challenge.ruling, challenge.ruling)
            found.setdefault((challenge.name, challenge.scenario, challenge.system), {})[challenge.world] = ruling
    rows: list[Execution | Campaign] = [*results.campaigns, *results.scenarios]
    for row in rows:
        worlds = found.setdefault(("", row.name, row.system), {})
        worlds[row.world] = worst([row.ruling, *([worlds[row.world]] if row.world in worlds else [])])
    return found


def _agree(worlds: dict[str, Ruling]) -> bool:
    return worlds[SIMULATED] is worlds[REAL]


def _told(worlds: dict[str, Ruling]) -> list[str]:
    return [told(worlds[SIMULATED]), told(worlds[REAL]), "yes" if _agree(worlds) else "**no**"]
