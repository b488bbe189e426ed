"""The picture of a proof: flaw x checker, for those who read nothing else. Next: `chapter.py`."""

from __future__ import annotations

from collections.abc import Sequence

from harness import checkers
from harness.challenge import Challenge
from harness.markup.svg import Box, Canvas, width_px

CELL = 17
HEAD_PX, FOOT_PX = 18, 34


def picture(challenges: Sequence[Challenge]) -> str:
    """Flaws x checkers as an SVG file's text: who was meant to see each flaw, and who else did."""
    rows = sorted(challenges, key=lambda challenge: (_order(challenge.caught_by), challenge.name, challenge.world))
    columns = sorted({name for challenge in rows for name in (challenge.caught_by, *challenge.accused)}, key=_order)
    left = 24 + max(width_px(_name(challenge)) for challenge in rows)
    top = HEAD_PX + max(width_px(name) for name in columns)
    canvas = Canvas(
        round(left + CELL * len(columns) + 12),
        round(top + CELL * len(rows) + FOOT_PX),
        "Planted flaws",
        "flaw by flaw, the checkers that accused; a filled box is the checker meant to see it",
    )
    for number, name in enumerate(columns):
        canvas.text(name, at=(left + (number + 0.5) * CELL + 4, top - 6), turned=True)
    for line, challenge in enumerate(rows):
        y = top + line * CELL
        canvas.text(_name(challenge), at=(12, y + 13))
        for number, name in enumerate(columns):
            _draw(canvas, challenge, checker=name, box=Box(left + number * CELL + 1, y + 1, CELL - 2, CELL - 2))
    _draw_legend(canvas, top + CELL * len(rows) + 20)
    return canvas.render()


def _draw(canvas: Canvas, challenge: Challenge, *, checker: str, box: Box) -> None:
    canvas.rectangle(box, style="box")
    if checker == challenge.caught_by:
        canvas.rectangle(box, style=str(challenge.ruling), round_px=3)
    elif checker in challenge.accused:
        canvas.rectangle(box, style="violated cell", round_px=3)


def _draw_legend(canvas: Canvas, y: float) -> None:
    x = 12.0
    for style, words in (
        ("held", "caught as meant"),
        ("violated", "survived"),
        ("unknown", "unknown"),
        ("violated cell", "also"),
    ):
        canvas.rectangle(Box(x, y - 10, 12, 12), style=style, round_px=3)
        canvas.text(words, at=(x + 18, y))
        x += 34 + width_px(words)


def _name(challenge: Challenge) -> str:
    return challenge.name if challenge.world == "simulated" else f"{challenge.name} ({challenge.world})"


def _order(checker: str) -> int:
    """Where a checker stands in the catalogue."""
    return list(checkers.CHECKERS).index(checker) if checker in checkers.CHECKERS else len(checkers.CHECKERS)
