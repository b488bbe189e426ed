"""`junit.xml` for CI servers: one test suite a world, one test case an execution or campaign.

violated is a failure, unknown an error (it could not be decided: never a pass), not applicable skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree

from harness.results import Campaign, Execution, Results
from harness.verdict import Ruling

# XML 1.0 has no place for control characters, lone surrogates and non-characters: not even escaped.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ELEMENT = {Ruling.VIOLATED: "failure", Ruling.UNKNOWN: "error", Ruling.NOT_APPLICABLE: "skipped"}


def document(results: Results) -> str:
    """The whole file as text."""
    root = ElementTree.Element("testsuites", name=f"harness {results.verb}", time=f"{results.wall_s:.3f}")
    rows: list[Execution | Campaign] = [*results.scenarios, *results.campaigns]
    for world in sorted({row.world for row in rows}):
        root.append(_suite(world, [row for row in rows if row.world == world], started_at=results.started_at))
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _suite(world: str, rows: list[Execution | Campaign], *, started_at: str) -> ElementTree.Element:
    rulings = [row.ruling for row in rows]
    tally = {name: str(rulings.count(ruling)) for ruling, name in ((Ruling.VIOLATED, "failures"), (Ruling.UNKNOWN, "errors"))}
    suite = ElementTree.Element("testsuite", {"name": world, "tests": str(len(rows))} | tally)
    suite.set("skipped", str(rulings.count(Ruling.NOT_APPLICABLE)))
    suite.set("time", f"{sum(row.wall_s for row in rows):.3f}")
    suite.set("timestamp", started_at)
    suite.extend(_case(row) for row in rows)
    return suite


def _case(row: Execution | Campaign) -> ElementTree.Element:
    lines = _execution_lines(row) if isinstance(row, Execution) else [_seeds(row)]
    name = f"{row.name} seed {row.seed}" if isinstance(row, Execution) else f"{row.name} {row.drawn} seeds"
    case = ElementTree.Element("testcase", classname=f"{row.system}.{row.world}", name=name, time=f"{row.wall_s:.3f}")
    element = _ELEMENT.get(row.ruling)
    if element is not None:
        found = ElementTree.SubElement(
            case, element, message=_clean(lines[0] if lines else str(row.ruling)), type=str(row.ruling)
        )
        found.text = _clean("\n".join([*lines, f"repeat: {row.repeat}"] if row.repeat else lines))
    return case


def _execution_lines(execution: Execution) -> list[str]:
    violations = [f"{verdict.checker}: {violation.what}" for verdict in execution.verdicts for violation in verdict.violations]
    undecided = [
        f"{verdict.checker}: unknown, {verdict.reason}" for verdict in execution.verdicts if verdict.ruling is Ruling.UNKNOWN
    ]
    return _unique([*violations, *undecided]) or [execution.reason or str(execution.ruling)]


def _seeds(campaign: Campaign) -> str:
    return f"{campaign.held} held, {campaign.violated} violated, {campaign.unknown} unknown, {campaign.no_bite} did not bite"


def _unique(lines: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(lines))


def _clean(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
