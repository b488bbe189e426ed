"""The picture of one execution, from its history: faults, latency, backlog and mails on one axis of time.

Outcomes differ in shape, never in colour alone. `svg.py` writes, `series.py` counts, `matrix.py` draws a whole run. Look at a
picture in light and in dark before you believe it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.checkers.backlog import backlog, end_s
from harness.checkers.promises import is_refused, is_unknown
from harness.history import History, Post, Suffered
from harness.markup.panels import (
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
from harness.markup.svg import Box, Canvas, Linear, Logarithmic, pixels, round_step, shortened, width_px
from harness.report import series

LANE_PX = 20
MOST_SLICES = 100


def timeline(history: History) -> str:
    """The time line of one execution as an SVG file's text: faults, latency of every POST, backlog, and mails."""
    until_s = end_s(history)
    faults, time = history.of(Suffered), Linear(0.0, until_s, LEFT, RIGHT)
    lanes = _lanes(faults, time)
    top = 34 + max(len(lanes), 1) * LANE_PX
    panels = [Panel(Box(LEFT, y, RIGHT - LEFT, height), time) for y, height in stacked(top, (190, 80, 80))]
    header = history.header
    title = f"{header.scenario} ({header.world} world, seed {header.seed}, system {header.system})"
    canvas = Canvas(WIDTH, round(panels[-1].box.bottom) + 48, title, header.story)
    canvas.text(shortened(title, (RIGHT - 8) / 1.25), at=(8, 20), style="big")
    _draw_faults(canvas, lanes, panels)
    _draw_latency(canvas, history, panels[0])
    _draw_backlog(canvas, history, panels[1])
    _draw_mails(canvas, history, panels[2])
    draw_time_axis(canvas, panels[-1])
    return canvas.render()


# Faults: a lane of bars with labels on top, and a shade through every panel.


@dataclass(frozen=True, slots=True)
class _Bar:
    """One fault in its lane: the bar, and where its label begins."""

    fault: Suffered
    begin: float
    end: float
    label_x: float

    @property
    def left(self) -> float:
        return min(self.begin, self.label_x)

    @property
    def right(self) -> float:
        return max(self.end, self.label_x + width_px(_label(self.fault)))


def _label(fault: Suffered) -> str:
    who = f" {', '.join(fault.processes)}" if fault.processes else ""
    brief = fault.end_s - fault.begin_s < 0.1
    when = f"at {fault.begin_s:.1f} s" if brief else f"{fault.begin_s:.1f}–{fault.end_s:.1f} s"
    return f"{fault.name}{who}, {when}{'' if fault.evidence else ', no evidence'}"


def _bar(fault: Suffered, time: Linear) -> _Bar:
    """The label stands inside the bar if it fits, else to the right of it, else to the left, else where there is room."""
    begin, wide = time(fault.begin_s), width_px(_label(fault))
    end = max(time(fault.end_s), begin + 2)
    if wide + 8 <= end - begin:
        return _Bar(fault, begin, end, begin + 5)
    if end + 6 + wide <= WIDTH:
        return _Bar(fault, begin, end, end + 6)
    left = begin - 6 - wide
    return _Bar(fault, begin, end, left if left >= 0 else max(WIDTH - wide, 4))


def _lanes(faults: Sequence[Suffered], time: Linear) -> list[list[_Bar]]:
    """Bars in as few lanes as it takes that nothing overlaps."""
    lanes: list[list[_Bar]] = []
    for bar in sorted((_bar(fault, time) for fault in faults), key=lambda bar: bar.left):
        free = next((lane for lane in lanes if lane[-1].right + 12 <= bar.left), None)
        if free is None:
            lanes.append([bar])
        else:
            free.append(bar)
    return lanes


def _draw_faults(canvas: Canvas, lanes: Sequence[Sequence[_Bar]], panels: Sequence[Panel]) -> None:
    if not lanes:
        canvas.text("no faults", at=(LEFT, 46), style="soft")
    for number, lane in enumerate(lanes):
        y = 34 + number * LANE_PX
        for bar in lane:
            style = "fault" if bar.fault.evidence else "toothless"
            for panel in panels if bar.fault.evidence else ():
                canvas.rectangle(Box(bar.begin, panel.box.y, bar.end - bar.begin, panel.box.height), style="window")
            canvas.rectangle(Box(bar.begin, y, bar.end - bar.begin, LANE_PX - 4), style=style, round_px=2)
            canvas.text(shortened(_label(bar.fault), WIDTH - 8), at=(bar.label_x, y + 12))


# Latency: one mark for every POST on a log axis.


def _draw_latency(canvas: Canvas, history: History, panel: Panel) -> None:
    posts = history.of(Post)
    limit_ms = _limit_ms(history)
    scale = _latency_scale([(post.end_s - post.begin_s) * 1e3 for post in posts], limit_ms, panel.box)
    for tick in scale.ticks():
        draw_gridline(canvas, panel, scale(tick), words=f"{tick:,g}")
    if limit_ms is not None:
        y = scale(limit_ms)
        canvas.path([f"M{LEFT} {pixels(y)}H{RIGHT}"], style="limit")
        canvas.text(f"limit {limit_ms:g} ms", at=(RIGHT - 4, y - 4), anchor="end")
    legend = []
    for style, word, is_so in OUTCOMES:
        these = [post for post in posts if is_so(post)]
        points = [(pixels(panel.time(post.begin_s)), pixels(scale((post.end_s - post.begin_s) * 1e3))) for post in these]
        canvas.path([MARKS[style](x, y) for x, y in dict.fromkeys(points)], style=style)
        legend.append((style, f"{word} ({len(these):,})"))
    draw_head(canvas, panel, "Latency of POST /ingest, ms", legend=legend)
    draw_frame(canvas, panel, empty="nothing was posted" if not posts else "")


def _limit_ms(history: History) -> float | None:
    """The limit on P95 that was judged: the system's own, else the scenario's; None if latency was not judged."""
    judged = [checker["arguments"] for checker in history.header.must_hold if checker.get("checker") == "ingest_stays_fast"]
    limit = history.header.limits.get("ingest_p95_ms", judged[0].get("p95_ms")) if judged else None
    return float(limit) if limit else None


def _latency_scale(latencies_ms: Sequence[float], limit_ms: float | None, box: Box) -> Logarithmic:
    values = [max(value, 0.1) for value in [*latencies_ms, *([limit_ms] if limit_ms else [])]] or [1.0]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)) + 1e-9)
    return Logarithmic(10.0**low, 10.0 ** max(high, low + 2), box.bottom, box.y)


OUTCOMES: tuple[tuple[str, str, Callable[[Post], bool]], ...] = (
    ("dot", "promised", lambda post: post.promises),
    ("triangle", "refused", is_refused),
    ("cross", "unknown", is_unknown),
)


# Backlog and mails.


def _draw_backlog(canvas: Canvas, history: History, panel: Panel) -> None:
    levels = backlog(history)
    most = max((level for _, level in levels), default=0)
    scale = count_axis(canvas, panel, most)
    if levels:
        steps = [f"H{pixels(panel.time(at_s))}V{pixels(scale(level))}" for at_s, level in _thinned(levels, panel)]
        canvas.path([f"M{LEFT} {pixels(panel.box.bottom)}", *steps, f"H{RIGHT}V{pixels(panel.box.bottom)}"], style="area")
    left = levels[-1][1] if levels else 0
    remark = f"{left} {'not finished yet' if history.rest is None else 'never finished'}" if left else ""
    draw_head(canvas, panel, "Backlog: events promised and not yet stored and mailed", legend=[("", remark)] if remark else [])
    draw_frame(canvas, panel, empty="" if levels else "nothing was promised")


def _thinned(levels: Sequence[tuple[float, int]], panel: Panel) -> list[tuple[float, int]]:
    """Of every two pixels the highest level and the last: a storm changes it a hundred times within them."""
    columns: dict[int, list[tuple[float, int]]] = {}
    for at_s, level in levels:
        columns.setdefault(round(panel.time(at_s) / 2), []).append((at_s, level))
    kept = [(max(group, key=lambda one: one[1]), group[-1]) for group in columns.values()]
    return [one for highest, last in kept for one in ([highest, last] if highest != last else [last])]


def _draw_mails(canvas: Canvas, history: History, panel: Panel) -> None:
    slice_s = round_step(panel.time.high / MOST_SLICES)
    slices = series.calls_over_time(history, slice_s=slice_s)
    scale = count_axis(canvas, panel, max((part.calls for part in slices), default=0))
    for part in slices:
        begin, end, below = panel.time(part.begin_s), min(panel.time(part.begin_s + slice_s), RIGHT), 0
        for style, number in (("bar", part.taken), ("striped", part.replies_lost), ("hollow", part.refused)):
            if number:
                top, bottom = scale(below + number), scale(below)
                canvas.rectangle(Box(begin + 0.5, top, max(end - begin - 1, 1), bottom - top), style=style)
            below += number
    legend = [("bar", "taken"), ("striped", "taken, reply lost"), ("hollow", "refused")]
    draw_head(canvas, panel, f"Calls of SendGrid, every {slice_s:g} s", legend=legend)
    draw_frame(canvas, panel, empty="" if slices else "SendGrid was never called")
