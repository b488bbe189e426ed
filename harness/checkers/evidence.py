"""Evidence: whether a run proves anything at all. These are judged for every history, and say unknown, never violated."""

from __future__ import annotations

from harness.checkers.promises import answers_after_the_work
from harness.history import History, Lifecycle, Post, Suffered
from harness.verdict import Verdict, checker, judged, not_applicable, unknown


@checker()
def every_fault_bit(history: History) -> Verdict:
    """Every planned fault happened and left evidence that it really hurt."""
    if not history.header.plan:
        return not_applicable("no fault was planned")
    suffered = {fault.index: fault for fault in history.of(Suffered)}
    missing = [
        f"{planned.get('fault', 'a fault')} ({'left no evidence' if index in suffered else 'never happened'})"
        for index, planned in enumerate(history.header.plan)
        if index not in suffered or not suffered[index].evidence
    ]
    if missing:
        return unknown(f"did not bite and so proved nothing: {', '.join(missing)}", checked=len(history.header.plan))
    return judged(checked=len(history.header.plan))


@checker()
def world_came_to_rest(history: History) -> Verdict:
    """The world came to rest, so that what was missing then would have stayed missing."""
    if history.rest is None:
        return unknown("the history is cut off before the end of the run and is judged up to the cut")
    if history.cut_off:
        return unknown("the history file ends in the middle of a line and is judged up to the cut")
    if not history.rest.quiet:
        return unknown(f"still moving when its time ended: {', '.join(history.rest.moving) or 'nobody knows what'}", checked=1)
    return judged(checked=1)


@checker()
def acknowledgements_fell_inside_the_fault(history: History) -> Verdict:
    """Promises were given inside the fault windows where the scenario requires them, and not where it calls them impossible."""
    wanted = history.header.acknowledgements
    if wanted == "either":
        return not_applicable("the scenario allows promises inside its fault windows, and needs none")
    if wanted == "required" and answers_after_the_work(history):
        return not_applicable("this service does the work before it answers, so it may have to wait for the fault to end")
    windows = history.of(Suffered)
    if not windows:
        return unknown("no fault window was seen")
    inside = {window.index: _promises_inside(history, window, wholly=wanted == "impossible") for window in windows}
    if wanted == "required" and (empty := [window.name for window in windows if not inside[window.index]]):
        return unknown(f"no promise was given during {', '.join(empty)}, so it put none at risk", checked=len(windows))
    if wanted == "impossible" and (bitten := [window.name for window in windows if inside[window.index]]):
        return unknown(f"promises were given during {', '.join(bitten)}, so it did not bite", checked=len(windows))
    return judged(checked=len(windows))


def _promises_inside(history: History, window: Suffered, *, wholly: bool) -> int:
    """How many promised posts began inside a fault window (`wholly`: when it had taken hold, and also ended there)."""
    begin_s = _took_hold_s(history, window) if wholly else window.begin_s
    return sum(
        post.promises and begin_s <= post.begin_s <= window.end_s and (not wholly or post.end_s <= window.end_s)
        for post in history.of(Post)
    )


def _took_hold_s(history: History, window: Suffered) -> float:
    """From when on a fault had its effect for certain: until what it kills is dead, that still answers."""
    killed = [entry for entry in history.of(Lifecycle) if entry.what == "killed" and entry.process in window.processes]
    return max([window.begin_s, *(entry.at_s for entry in killed if entry.at_s < window.end_s)])
