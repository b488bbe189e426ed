"""What every diagram of a report shares: panels one below the other, axes, titles with legends, marks.
`load/pictures.py` draw with it; `svg.py` writes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.markup.svg import Box, Canvas, Linear, pixels, round_step, width_px

WIDTH = 860
LEFT, RIGHT = 54, 844
GAP_PX = 40


@dataclass(frozen=True, slots=True)
class Panel:
    """One diagram of the time line: where it is, and its axis of time."""

    box: Box
    time: Linear


def stacked(top: float, heights: Sequence[float]) -> list[tuple[float, float]]:
    """Top and height of panels one below the other, each with room for its title."""
    placed = []
    for height in heights:
        placed.append((top + GAP_PX, height))
        top += GAP_PX + height
    return placed


def _dot(x: str, y: str) -> str:
    return f"M{x} {y}h0"


def _triangle(x: str, y: str) -> str:
    return f"M{x} {y}m0-4l4 7h-8z"


def _plus(x: str, y: str) -> str:
    return f"M{x} {y}m-2 0h4m-2-2v4"


def _cross(x: str, y: str) -> str:
    return f"M{x} {y}m-3.5-3.5l7 7m-7 0l7-7"


LINES = ("before", "after")
MARKS = {"dot": _dot, "triangle": _triangle, "cross": _cross, "plus": _plus}


def count_axis(canvas: Canvas, panel: Panel, most: int) -> Linear:
    """The panel's upward axis for numbers of things from 0 to `most`, with its grid."""
    step = max(round_step(most / 3), 1.0)
    scale = Linear(0.0, step * max(math.ceil(most / step), 1), panel.box.bottom, panel.box.y)
    for tick in scale.ticks(round(scale.high / step)):
        if tick == int(tick):
            draw_gridline(canvas, panel, scale(tick), words=f"{tick:g}")
    return scale


def draw_gridline(canvas: Canvas, panel: Panel, y: float, *, words: str) -> None:
    """A line across the panel, and its number beside it."""
    canvas.path([f"M{pixels(panel.box.x)} {pixels(y)}H{pixels(panel.box.right)}"], style="grid")
    canvas.text(words, at=(panel.box.x - 6, y + 4), style="soft", anchor="end")


def draw_head(canvas: Canvas, panel: Panel, title: str, *, legend: Sequence[tuple[str, str]]) -> None:
    """The panel's title, and to the right of it the marks and what they mean."""
    y = panel.box.y - 9
    canvas.text(title, at=(8, y), style="title")
    x = float(RIGHT)
    for style, words in reversed(legend):
        x -= width_px(words)
        canvas.text(words, at=(x, y))
        x -= 12
        draw_mark(canvas, style, x=x, y=y - 4)
        x -= 18


def draw_mark(canvas: Canvas, style: str, *, x: float, y: float) -> None:
    """One mark of a legend: a point's shape, or a little box."""
    if style in MARKS:
        canvas.path([MARKS[style](pixels(x + 3), pixels(y))], style=style)
    elif style in LINES:
        canvas.path([f"M{pixels(x - 8)} {pixels(y)}h18"], style=style)
    elif style:
        canvas.rectangle(Box(x - 3, y - 5, 10, 10), style=style)


def draw_frame(canvas: Canvas, panel: Panel, *, empty: str) -> None:
    """The two axes; where there is nothing to show, `empty` says so."""
    canvas.path(
        [f"M{pixels(panel.box.x)} {pixels(panel.box.y)}V{pixels(panel.box.bottom)}H{pixels(panel.box.right)}"], style="axis"
    )
    if empty:
        middle = (panel.box.x + panel.box.width / 2, panel.box.y + panel.box.height / 2 - 8)
        canvas.text(empty, at=middle, style="soft", anchor="middle")


def draw_time_axis(canvas: Canvas, panel: Panel) -> None:
    """Seconds below the lowest panel."""
    y = panel.box.bottom
    for tick in panel.time.ticks(10):
        x = panel.time(tick)
        canvas.path([f"M{pixels(x)} {pixels(y)}v4"], style="axis")
        canvas.text(f"{tick:g}", at=(x, y + 17), style="soft", anchor="middle")
    canvas.text("seconds since the traffic began", at=((LEFT + RIGHT) / 2, y + 36), style="soft", anchor="middle")
