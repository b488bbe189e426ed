"""The picture of a whole run: scenarios x worlds with their rulings, for those who read nothing else. Next: `charts.py`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.markup.svg import Box, Canvas, shortened, width_px
from harness.results import Campaign, Execution
from harness.verdict import Ruling, worst

WIDTH = 860
SYMBOLS = {Ruling.HELD: "✓", Ruling.VIOLATED: "✗", Ruling.UNKNOWN: "?", Ruling.NOT_APPLICABLE: "–"}


def matrix(rows: Iterable[Execution | Campaign]) -> str:
    """Scenarios x worlds (x systems, if there are several) with their rulings, as an SVG file's text."""
    cells: dict[str, dict[str, list[Execution | Campaign]]] = {}
    listed = list(rows)
    many = len({row.system for row in listed}) > 1
    columns = sorted({_column(row, many=many) for row in listed}, reverse=True)  # simulated before real
    for row in listed:
        cells.setdefault(row.name, {}).setdefault(_column(row, many=many), []).append(row)
    left = 30 + max((width_px(name) for name in cells), default=100.0)
    wide = min((WIDTH - left - 10) / max(len(columns), 1), 240)
    canvas = Canvas(
        round(left + wide * len(columns) + 10), 40 + 26 * len(cells), "Rulings", "scenario by scenario, world by world"
    )
    for number, column in enumerate(columns):
        canvas.text(shortened(column, wide), at=(left + (number + 0.5) * wide, 22), style="title", anchor="middle")
    for line, (name, found) in enumerate(cells.items()):
        canvas.text(name, at=(12, 49 + 26 * line))
        for number, column in enumerate(columns):
            _draw_cell(canvas, found.get(column, []), Box(left + number * wide + 2, 34 + 26 * line, wide - 4, 22))
    return canvas.render()


def told(ruling: Ruling) -> str:
    """A ruling in words, with its symbol."""
    return f"{SYMBOLS[ruling]} {ruling.replace('_', ' ')}"


def _column(row: Execution | Campaign, *, many: bool) -> str:
    return f"{row.world}, {row.system}" if many else row.world


def _draw_cell(canvas: Canvas, rows: Sequence[Execution | Campaign], box: Box) -> None:
    if not rows:
        return
    ruling = worst(row.ruling for row in rows)
    seeds = sum(row.drawn - row.no_bite for row in rows if isinstance(row, Campaign)) or len(rows)
    words = told(ruling) + (f", {seeds:,} seeds" if seeds > 1 else "")
    canvas.rectangle(box, style=f"{ruling} cell", round_px=4)
    canvas.text(words, at=(box.x + box.width / 2, box.y + 15), anchor="middle")
