"""A small SVG writer: a canvas that collects shapes, two scales, and one style sheet for light and dark.

Pictures are files of their own, because a page on GitHub shows an SVG file that is linked and strips one that is inlined.
They paint their own background: the viewer's colour scheme and the page's need not be the same. Next: `panels.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

CHARACTER_PX = 6.9  # the mean advance of a wide 12 px sans-serif font; narrower ones leave a little room

_LIGHT = (
    "--paper:#fff;--ink:#1f2328;--soft:#59636e;--grid:#d8dee4;--fill:#ddf4ff;"
    "--good:#0969da;--warn:#9a6700;--bad:#cf222e;--held:#1a7f37"
)
_DARK = (
    "--paper:#0d1117;--ink:#f0f6fc;--soft:#9198a1;--grid:#30363d;--fill:#10284a;"
    "--good:#4493f8;--warn:#d29922;--bad:#f85149;--held:#3fb950"
)
_STYLE = (
    f":root{{{_LIGHT}}}@media (prefers-color-scheme:dark){{:root{{{_DARK}}}}}"
    "text{font:12px system-ui,-apple-system,'Segoe UI',sans-serif;fill:var(--ink)}"
    ".soft{fill:var(--soft)}.title{font-weight:600}.big{font-size:15px;font-weight:600}"
    ".paper{fill:var(--paper)}.grid{stroke:var(--grid);fill:none}.axis{stroke:var(--soft);fill:none}"
    ".dot{stroke:var(--good);stroke-width:4.4;stroke-linecap:round;fill:none}"
    ".plus{stroke:var(--warn);fill:none}.triangle{stroke:var(--warn);stroke-width:1.5;fill:none}.cross{stroke:var(--bad);stroke-width:1.8;fill:none}"
    ".limit{stroke:var(--ink);stroke-dasharray:6 4;fill:none}.window{fill:var(--bad);opacity:.1}"
    ".fault{fill:var(--bad);fill-opacity:.22;stroke:var(--bad)}.toothless{fill:none;stroke:var(--soft);stroke-dasharray:3 3}"
    ".area{fill:var(--fill);fill-opacity:.7;stroke:var(--good);stroke-width:1.5}.bar{fill:var(--good)}"
    ".hollow{fill:var(--paper);stroke:var(--warn)}.stripe{fill:var(--bad)}.striped{fill:url(#stripes);stroke:var(--bad)}"
    ".held{fill:var(--held)}.violated{fill:var(--bad)}.unknown{fill:var(--warn)}.not_applicable{fill:var(--soft)}"
    ".before{stroke:var(--warn);stroke-width:2;stroke-dasharray:5 3;fill:none}"
    ".after{stroke:var(--good);stroke-width:2;fill:none}.small{opacity:.6}.dot.small{stroke-width:2}"
    ".warmup{fill:var(--soft);opacity:.15}"
    ".box{fill:none;stroke:var(--grid)}.cell{fill-opacity:.13}"
)
_STRIPES = (
    '<pattern id="stripes" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="5" height="5" class="paper"/><rect width="2" height="5" class="stripe"/></pattern>'
)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Its bottom edge."""
        return self.y + self.height


@dataclass(frozen=True, slots=True)
class Linear:
    """Values from `low` to `high` on pixels from `begin` to `end`."""

    low: float
    high: float
    begin: float
    end: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.0
        return self.begin + share * (self.end - self.begin)

    def ticks(self, number: int) -> list[float]:
        """About `number` round values, the first at or above `low`."""
        step = round_step((self.high - self.low) / max(number, 1))
        first = math.ceil(self.low / step)
        return [step * index for index in range(first, math.floor(self.high / step + 1e-9) + 1)]


@dataclass(frozen=True, slots=True)
class Logarithmic:
    """Values on a log axis; what is below `low` is drawn at `low`."""

    low: float
    high: float
    begin: float
    end: float

    def __call__(self, value: float) -> float:
        inner = Linear(math.log10(self.low), math.log10(self.high), self.begin, self.end)
        return inner(math.log10(min(max(value, self.low), self.high)))

    def ticks(self) -> list[float]:
        """The powers of ten."""
        return [10.0**power for power in range(math.ceil(math.log10(self.low)), math.floor(math.log10(self.high)) + 1)]


@dataclass(slots=True)
class Canvas:
    """Shapes in the order in which they are painted."""

    width: int
    height: int
    title: str
    description: str = ""
    shapes: list[str] = field(default_factory=list)

    def rectangle(self, box: Box, *, style: str, round_px: float = 0) -> None:
        """A rectangle."""
        corner = f' rx="{pixels(round_px)}"' if round_px else ""
        size = f'width="{pixels(box.width)}" height="{pixels(box.height)}"'
        self.shapes.append(f'<rect class="{style}" x="{pixels(box.x)}" y="{pixels(box.y)}" {size}{corner}/>')

    def path(self, steps: Sequence[str], *, style: str) -> None:
        """One path of many steps; nothing at all if there are none."""
        if steps:
            self.shapes.append(f'<path class="{style}" d="{"".join(steps)}"/>')

    def text(self, words: str, *, at: tuple[float, float], style: str = "", anchor: str = "start", turned: bool = False) -> None:
        """Words whose baseline begins (or has its middle, or ends: `anchor`) at a point; `turned` ones run upwards from it."""
        turn = f' transform="rotate(-90 {pixels(at[0])} {pixels(at[1])})"' if turned else ""
        extras = turn + (f' class="{style}"' if style else "") + (f' text-anchor="{anchor}"' if anchor != "start" else "")
        words = escape(printable(words), quote=False)
        self.shapes.append(f'<text x="{pixels(at[0])}" y="{pixels(at[1])}"{extras}>{words}</text>')

    def render(self) -> str:
        """The file's text."""
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" width="{self.width}" '
        head += f'height="{self.height}" role="img">'
        told = [
            f"<{tag}>{escape(printable(words))}</{tag}>" for tag, words in (("title", self.title), ("desc", self.description))
        ]
        paper = f'<rect class="paper" width="{self.width}" height="{self.height}"/>'
        return "\n".join([head, *told, f"<style>{_STYLE}</style><defs>{_STRIPES}</defs>", paper, *self.shapes, "</svg>"]) + "\n"


def pixels(value: float) -> str:
    """A coordinate, to a tenth of a pixel."""
    return f"{round(value, 1) + 0.0:g}"


def printable(words: str) -> str:
    """Words without what XML has no place for."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in words)


def round_step(raw: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is at least `raw`."""
    if raw <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(raw))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * (1 - 1e-9))


def shortened(words: str, room_px: float) -> str:
    """Words cut with an ellipsis to about `room_px` pixels."""
    most = max(int(room_px / CHARACTER_PX), 1)
    return words if len(words) <= most else f"{words[: most - 1]}…"


def width_px(words: str) -> float:
    """About how wide words are."""
    return len(words) * CHARACTER_PX
