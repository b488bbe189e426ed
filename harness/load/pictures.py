"""The picture of a load run: percentile curves, latency over time, throughput and backlog, before and after side by side.

Before and after differ in shape and in dashes, never in colour alone. The percentile axis is that of HDR histograms: equal
steps from 90 to 99 to 99.9 %, because the tail is what limits are about.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.checkers.backlog import backlog, end_s
from harness.history import History, Post
from harness.load.samples import Sample, of_endpoint
from harness.markup.panels import (
    GAP_PX,
    LEFT,
    MARKS,
    RIGHT,
    WIDTH,
    Panel,
    count_axis,
    draw_frame,
    draw_gridline,
    draw_head,
    draw_time_axis,
    stacked,
)
from harness.markup.svg import Box, Canvas, Linear, Logarithmic, pixels
from harness.results import POST

SHARES = (0.0, 0.5, 0.9, 0.99, 0.999, 0.9999)
NOT_ANSWERED_MS = 15_000.0  # where a request without an answer is drawn
SLICE_SECONDS = 1.0
PERCENTILES_PX, AXIS_PX = 210, 18
_LINES = {"before": "before", "after": "after"}
_POINTS = {"before": "plus", "after": "dot"}


@dataclass(frozen=True, slots=True)
class Curve:
    """One system of the run: its role ("before" or "after"), its name, and its history."""

    role: str
    system: str
    history: History

    @property
    def title(self) -> str:
        """How the legends name it."""
        return f"{self.role}: {self.system}"

    def samples(self, since_s: float = 0.0) -> list[Sample]:
        """Its POSTs; what was not answered is drawn at the top."""
        return [Sample(one.at_s, min(one.ms, NOT_ANSWERED_MS)) for one in of_endpoint(self.history, POST, since_s=since_s)]


def picture(curves: Sequence[Curve], *, limits_ms: Sequence[tuple[float, float]], since_s: float) -> str:
    """The text of an SVG file. `limits_ms` are (share, milliseconds) of POST /ingest; samples before `since_s` are warm-up."""
    until_s = max(end_s(curve.history) for curve in curves)
    time = Linear(0.0, until_s, LEFT, RIGHT)
    places = stacked(30, (PERCENTILES_PX,)) + stacked(30 + GAP_PX + PERCENTILES_PX + AXIS_PX, (190, 90, 90))
    panels = [Panel(Box(LEFT, y, RIGHT - LEFT, height), time) for y, height in places]
    title = "POST /ingest under load: " + " against ".join(curve.title for curve in curves)
    canvas = Canvas(WIDTH, round(panels[-1].box.bottom) + 48, title)
    canvas.text(title, at=(8, 20), style="big")
    _draw_percentiles(canvas, panels[0], curves, limits_ms=limits_ms, since_s=since_s)
    _draw_latencies(canvas, panels[1], curves, since_s=since_s)
    _draw_throughput(canvas, panels[2], curves)
    _draw_backlog(canvas, panels[3], curves)
    draw_time_axis(canvas, panels[-1])
    return canvas.render()


def _draw_percentiles(
    canvas: Canvas, panel: Panel, curves: Sequence[Curve], *, limits_ms: Sequence[tuple[float, float]], since_s: float
) -> None:
    across = Linear(0.0, -math.log10(1 - SHARES[-1]), LEFT, RIGHT)
    of_curves = [sorted(sample.ms for sample in curve.samples(since_s)) for curve in curves]
    scale = _milliseconds(canvas, panel, [ms for values in of_curves for ms in values], limits=[ms for _, ms in limits_ms])
    for share in SHARES:
        x = across(-math.log10(1 - share))
        canvas.path([f"M{pixels(x)} {pixels(panel.box.y)}V{pixels(panel.box.bottom)}"], style="grid")
        canvas.text(f"{share * 100:g} %", at=(x, panel.box.bottom + 15), style="soft", anchor="end" if x >= RIGHT else "middle")
    for share, ms in limits_ms:
        x, y = across(-math.log10(1 - share)), scale(ms)
        canvas.path([f"M{pixels(x - 14)} {pixels(y)}h28"], style="limit")
        canvas.text(f"P{share * 100:g} ≤ {ms:g}", at=(x + 16, y + 4), style="soft")
    for curve, values in zip(curves, of_curves, strict=True):
        canvas.path(_steps(values, across, scale), style=_LINES[curve.role])
    legend = [(_LINES[curve.role], f"{curve.title} ({len(values):,})") for curve, values in zip(curves, of_curves, strict=True)]
    draw_head(canvas, panel, "Latency by percentile, ms", legend=legend)
    draw_frame(canvas, panel, empty="" if any(of_curves) else "nothing was posted")


def _steps(ordered_ms: Sequence[float], across: Linear, scale: Logarithmic) -> list[str]:
    """A curve through every value, thinned to one point a pixel."""
    points: dict[int, tuple[float, float]] = {}
    for rank, ms in enumerate(ordered_ms):
        x = across(-math.log10(1 - rank / len(ordered_ms)))
        points[round(x)] = (x, scale(ms))
    return [f"{'L' if number else 'M'}{pixels(x)} {pixels(y)}" for number, (x, y) in enumerate(points.values())]


def _draw_latencies(canvas: Canvas, panel: Panel, curves: Sequence[Curve], *, since_s: float) -> None:
    of_curves = [curve.samples() for curve in curves]
    scale = _milliseconds(canvas, panel, [sample.ms for samples in of_curves for sample in samples])
    canvas.rectangle(Box(LEFT, panel.box.y, max(0.0, panel.time(since_s) - LEFT), panel.box.height), style="warmup")
    for curve, samples in zip(curves, of_curves, strict=True):
        mark = MARKS[_POINTS[curve.role]]
        points = dict.fromkeys((pixels(panel.time(sample.at_s)), pixels(scale(sample.ms))) for sample in samples)
        canvas.path([mark(x, y) for x, y in points], style=f"{_POINTS[curve.role]} small")
    legend = [(_POINTS[curve.role], curve.title) for curve in curves] + [("warmup", "warm-up, not counted")]
    draw_head(canvas, panel, "Latency over time, ms", legend=legend)
    draw_frame(canvas, panel, empty="")


def _draw_throughput(canvas: Canvas, panel: Panel, curves: Sequence[Curve]) -> None:
    counts = [_answered(curve.history) for curve in curves]
    scale = count_axis(canvas, panel, max((max(count.values(), default=0) for count in counts), default=0))
    for curve, count in zip(curves, counts, strict=True):
        steps = [f"M{LEFT} {pixels(scale(0))}"]
        for number in range(int(panel.time.high / SLICE_SECONDS) + 1):
            y = scale(count.get(number, 0))
            steps.append(f"H{pixels(panel.time(number * SLICE_SECONDS))}V{pixels(y)}")
        canvas.path(steps, style=_LINES[curve.role])
    draw_head(canvas, panel, "Promises a second", legend=[(_LINES[curve.role], curve.title) for curve in curves])
    draw_frame(canvas, panel, empty="")


def _answered(history: History) -> dict[int, int]:
    counts: dict[int, int] = {}
    for post in history.of(Post):
        if post.promises:
            number = int(post.end_s / SLICE_SECONDS)
            counts[number] = counts.get(number, 0) + 1
    return counts


def _draw_backlog(canvas: Canvas, panel: Panel, curves: Sequence[Curve]) -> None:
    levels = [backlog(curve.history) for curve in curves]
    scale = count_axis(canvas, panel, max((level for of_curve in levels for _, level in of_curve), default=0))
    for curve, of_curve in zip(curves, levels, strict=True):
        steps = [f"H{pixels(panel.time(at_s))}V{pixels(scale(level))}" for at_s, level in of_curve]
        canvas.path([f"M{LEFT} {pixels(scale(0))}", *steps, f"H{RIGHT}"], style=_LINES[curve.role])
    legend = [(_LINES[curve.role], curve.title) for curve in curves]
    draw_head(canvas, panel, "Backlog: promised and not yet stored and mailed", legend=legend)
    draw_frame(canvas, panel, empty="")


def _milliseconds(canvas: Canvas, panel: Panel, values: Sequence[float], *, limits: Sequence[float] = ()) -> Logarithmic:
    seen = [max(value, 0.1) for value in (*values, *limits)] or [1.0]
    low, high = math.floor(math.log10(min(seen))), math.ceil(math.log10(max(seen)) + 1e-9)
    scale = Logarithmic(10.0**low, 10.0 ** max(high, low + 2), panel.box.bottom, panel.box.y)
    for tick in scale.ticks():
        draw_gridline(canvas, panel, scale(tick), words=f"{tick:,g}")
    return scale
